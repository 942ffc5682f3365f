"""Transcripts: sessions as Markdown that read well and run as tests.

parse     the format: text to data, errors with file and line
glob      text with wildcards and holes
match     one expected line against one printed line
align     expected lines beside the lines that were printed
replay    runs a transcript in a fresh nsh (server is its other end)
encode    output as expected lines; volatile is what it leaves open, tables in what ps and df print
update    rewrites what stopped matching, and nothing else
report    what went wrong, in words
batch     nsh --test and nsh --update
record    writes a typed session, which relay passes on; commands has the command that starts it
settle    replays a recording once, if looks allows it; merge makes one of the two outputs
"""
