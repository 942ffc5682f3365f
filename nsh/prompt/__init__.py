"""The typed session.

typed       the greeting, nshrc, the plain reader; needs no library
completion  what could be typed next
lexer       how it is highlighted, with sh for what a shell will read (Pygments)
line        the line editor with its keys, toolbar, lookup and history: these alone import
            prompt_toolkit
"""
