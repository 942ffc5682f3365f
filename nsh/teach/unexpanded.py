"""Unexpanded: the hints that nsh takes words as they are, where a shell would replace parts. Pure."""

from __future__ import annotations

import re

from nsh.teach import looks
from nsh.teach.hints import Hint
from nsh.words import BLANKS, WordError, command_word, join, quote, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_READ_ALL = looks.SHELLS | {"awk", "gawk", "mawk", "sed", "perl", "python3", "python", "eval"}
"""Programs whose words may be in a language of their own, with $ in it."""
_READ_PATTERNS = frozenset(
    ("find", "grep", "egrep", "fgrep", "rg", "expr", "tr", "test", "[", "pgrep", "pkill", "jq")
)
"""Programs that take patterns themselves, or signs that look like those."""

_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*|\d)|\{([A-Za-z_]\w*|\d+)\}|[({@*#?$!-])")
_HOME = re.compile(r"~[A-Za-z0-9_.-]*(?=/|$|[ \t;])")


def signs(text: str) -> list[tuple[str, int, int]]:
    """What a shell would replace in a text: the sign, and where it begins and ends.

    A sign is a variable or the beginning of another $, a backquote, ~, or a pattern: * ? [ ].
    See sh(1), Shell Command Language 2.6 Word Expansions.

    >>> signs('echo $HOME "$(date)" \\'$1\\' a*')
    [('$HOME', 5, 10), ('$(', 12, 14), ('*', 27, 28)]
    """
    found: list[tuple[str, int, int]] = []
    at = 0
    doubled = False
    begins = True
    while at < len(text):
        char, end = text[at], at + 1
        starts, begins = begins, False
        if char == "\\":
            end = at + 2
        elif char == '"':
            doubled = not doubled
        elif char == "'" and not doubled:
            end = max(text.find("'", at + 1), at) + 1
        elif char == "$" and (match := _VARIABLE.match(text, at)):
            end = match.end()
            found.append((match[0], at, end))
        elif char == "`":
            found.append((char, at, end))
        elif doubled:
            pass
        elif char in BLANKS:
            begins = True
        elif char in "*?":
            found.append((char, at, end))
        elif char == "[" and re.match(r"\[[^\s\]]+\]", text[at:]):
            found.append(("[ ]", at, end))
        elif char == "~" and starts and (match := _HOME.match(text, at)):
            found.append((char, at, end))
        at = end
    return found


def met(typed: str, given: tuple[str, ...] | set[str] = ()) -> Hint | None:
    """The hint for a typed line of run, start, enter or diff in which a shell would replace a part.

    >>> met("run ls *").fixes, met("start web cat $FILE").fixes
    (('sh ls *',), ("start web sh -c 'cat $FILE'",))
    >>> met("run find / -name *.c") is None
    True
    """
    if "unexpanded" in given:
        return None
    command, rest = command_word(typed)
    first = [command]
    if command in ("start", "enter") or (command == "diff" and rest.startswith("-c ")):
        for _ in range(2 if command == "diff" else 1):
            word, rest = command_word(rest)
            first.append(word)
    elif command not in ("run", "diff"):
        return None
    try:
        program = looks.name_of(split(rest)[0])
    except (WordError, IndexError):
        return None
    found = [sign for sign, _, _ in signs(re.sub(r"\S+://\S+", "", rest))]
    if program in _READ_ALL:
        found = []
    elif program in _READ_PATTERNS:
        found = [sign for sign in found if sign not in ("*", "?", "[ ]")]
    if not found:
        return None
    return Hint(
        "unexpanded",
        f"only a shell replaces {found[0]}; {command} takes the words as they are",
        (f"sh {rest}" if command == "run" else f"{join(first)} sh -c {quote(rest.strip())}",),
        again=False,
    )


def of_state(typed: str, value: Callable[[str], str | None]) -> Hint | None:
    """The hint for a typed line that put a $ into the state, where a shell has the value; or None.

    ``value`` gives that of a variable or of an argument such as 1, None if it is not known.

    >>> of_state("hostname $1", {"1": "web"}.get).fixes
    ('hostname web',)
    >>> of_state("hostname '$1'", {}.get) is None
    True
    """
    found = [each for each in signs(typed) if each[0][0] in "$`"]
    if not found:
        return None
    command = command_word(typed)[0]
    mended, known = typed, True
    for sign, start, end in reversed(found):
        match = _VARIABLE.fullmatch(sign)
        name = (match[1] or match[2]) if match else None
        told = value(name) if name else None
        known = known and told is not None and quote(told) == told
        mended = mended[:start] + (told or "") + mended[end:]
    return Hint(
        "unexpanded state",
        f"only sh and ! replace {found[0][0]}; {command} takes the words as they are",
        (mended.strip() if known else "undo",),
        again=False,
    )
