"""The parts of the state, one room for each idea: what it adds to every side of nsh.

A part has its commands, its lines in `show`, its guard, its calls and its diagnosis here: in one
file (names.py) or, where that would be long, in a folder (mounts/). table.py lists them all.
"""
