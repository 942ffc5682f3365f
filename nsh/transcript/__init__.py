"""Transcripts: sessions as Markdown that read well and run as tests.

parse     the format: text to data, errors with file and line
match     one expected line as a regular expression, with holes
align     expected lines beside the lines that were printed
replay    runs a transcript in a fresh nsh (session is its other end)
encode    output as expected lines; volatile is what it leaves open
update    rewrites what stopped matching, and nothing else
report    what went wrong, in words
command   nsh --test and nsh --update
"""
