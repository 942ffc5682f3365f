"""Words that are none of nsh's: of other programs, of C, of shells. Each is answered with what does
the same here, as lines to type.

``commands`` asks ``answers``, which asks the others: ``c``, ``options`` and what is built on it
(``util_linux``, ``containers``), ``shells``, and ``reaching``, which knows what must not be proposed.
"""
