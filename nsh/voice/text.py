"""Text: what nsh says, in pieces that know their role, and how it gets onto a terminal. Pure.

A text is a str, or a list of (role, str) pairs, whose roles stand in theme.py. Off a terminal it is
its characters alone.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Fragment = tuple[str, str]
    Text = str | list[Fragment]
    """What is said: characters, or pieces of them with their roles."""

LABELS = {"try": "label", "hint": "hint", "not yet": "not yet"}
"""What stands before a colon at the begin of a line, and how that line looks."""

SOFT = "soft"
"""The role of a newline inside a paragraph: a blank where the terminal is too narrow for the lines."""

_FULL = 72
"""A line of prose that is that long with the first word of the next goes on there."""

_NARROWEST = 30
"""On a narrower terminal nothing is wrapped: words would stand alone on their lines."""


def plain(text: Text) -> str:
    """The characters alone.

    >>> plain([("label", "try: "), ("", "run id")])
    'try: run id'
    """
    return text if isinstance(text, str) else "".join([piece for _, piece in text])


def joined(lines: Iterable[Text]) -> list[Fragment]:
    """Lines as one text, with newlines between them."""
    found: list[Fragment] = []
    for line in lines:
        found += [("", "\n")] if found else []
        found += [("", line)] if isinstance(line, str) else line
    return found


def labelled(text: str, role: str, lexed: Callable[[str], list[Fragment]]) -> list[Fragment]:
    """A line of error, with the look that its label gives it.

    ``lexed`` takes a line of nsh apart as it looks when it is typed.

    >>> labelled("try: run id", "error", lambda line: [("word", line)])
    [('label', 'try: '), ('word', 'run id')]
    >>> labelled("no", "error", lambda line: [])
    [('error', 'no')]
    """
    label, colon, rest = text.partition(": ")
    if colon and label in LABELS:
        if label == "try":
            return [("label", "try: "), *lexed(rest)]
        return [(LABELS[label], text)]
    return [(role, text)]


def breaks(line: str, width: int, indent: int, tail: int = 0) -> list[int]:
    """Where a line is broken so that no word is: the index of the blank at each break.

    ``indent`` are the columns that each line but the first loses, ``tail`` those that each but the
    last does. A word that is too long for a line is left to the terminal.

    >>> breaks("one two three", 8, 0), breaks("one two three", 8, 4), breaks("onetwothree", 4, 0)
    ([7], [7], [])
    """
    found: list[int] = []
    start, room = 0, width
    while len(line) - start > room:
        least = start + 1 if found else max(1, indent)  # the first word stands where the others do
        at = line.rfind(" ", least, start + room - tail + 1)
        if at < 0:
            at = line.find(" ", max(least, start + room - tail))
        if at < 0 or not line[at:].strip():
            break
        found.append(at)
        start, room = at + 1, width - indent
    return found


def wrapped(text: Text, width: int, tail: str = "") -> Text:
    """A text whose lines are no longer than ``width``, broken between words.

    What is broken goes on below the first word of its line, behind a number, a sign or a prefix of
    the line's own (``nsh: ``). ``tail`` stands where a line is broken. The lines of a paragraph of
    prose are put together first.

    >>> wrapped("nsh: there is no such file", 16)
    'nsh: there is no\\n     such file'
    """
    if width < _NARROWEST // 2 or all(len(line) <= width for line in plain(text).split("\n")):
        return text
    if not isinstance(text, str):
        text = [("", " ") if role == SOFT else (role, piece) for role, piece in text]
    found: list[Fragment] = []
    for line in _lines(text):
        whole = plain(line)
        indent = len(whole) - len(whole.lstrip(" "))
        if whole.startswith("nsh: "):
            indent = 5
        at = 0
        found += [("", "\n")] if found else []
        for end in breaks(whole, width, indent, len(tail)):
            found += [*_cut(line, at, end), ("", tail + "\n" + " " * indent)]
            at = end + 1
        found += _cut(line, at, len(whole))
    return plain(found) if isinstance(text, str) else found


def _lines(text: Text) -> list[list[Fragment]]:
    """The lines of a text, each with its pieces."""
    lines: list[list[Fragment]] = [[]]
    for role, piece in [("", text)] if isinstance(text, str) else text:
        first, *others = piece.split("\n")
        lines[-1].append((role, first))
        lines += [[(role, other)] for other in others]
    return lines


def _cut(line: list[Fragment], start: int, end: int) -> list[Fragment]:
    """The pieces of a line between two indexes."""
    found = []
    at = 0
    for role, piece in line:
        part = piece[max(0, start - at) : max(0, end - at)]
        if part:
            found.append((role, part))
        at += len(piece)
    return found


def painted(text: Text, colours: bool) -> str:
    """A text for a terminal: each piece between the SGR sequences of its role. See console_codes(4).

    No look crosses the end of a line, so that a pager can begin anywhere.

    >>> painted([("reached", "a"), ("", "b")], colours=True)
    '\\x1b[1;32ma\\x1b[0mb'
    """
    if isinstance(text, str):
        return text
    from nsh.voice import theme

    found = []
    for role, piece in text:
        codes = theme.codes(role, colours) if role else ""
        if not codes:
            found.append(piece)
            continue
        lines = [f"\x1b[{codes}m{line}\x1b[0m" if line else "" for line in piece.split("\n")]
        found.append("\n".join(lines))
    return "".join(found)


def prose(text: str, lexed: Callable[[str], list[Fragment]]) -> list[Fragment]:
    """Prose: what is indented, or stands between backticks, are lines of nsh or of others.

    A line that is underlined, or has an indented one directly below it, is a heading, if it is no
    item of a list. A line that is indented by two is a row of a list: what stands before its first
    wide gap is a name, and so is the first cell of a table. What goes on below either is prose.

    >>> prose("See `plan`:\\n\\n    run id", lambda line: [("word", line)])
    [('', 'See `'), ('word', 'plan'), ('', '`:\\n\\n    '), ('word', 'run id')]
    """
    import re

    found: list[Fragment] = []
    lines = text.split("\n")
    cell = 0  # in a table, how wide its first column is
    listed = False
    for number, line in enumerate(lines):
        before = lines[number - 1] if number else ""
        inside = before.startswith("  ") or not listed  # and not the first line of an item
        if number and not cell and inside and _goes_on(before, line):
            words = line.lstrip(" ")
            found += [(SOFT, "\n" + line[: len(line) - len(words)]), *_pieces(words, lexed)]
            continue
        found += [("", "\n")] if number else []
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if not line.strip():
            cell, listed = 0, False
        elif not line.startswith("    "):
            listed = bool(re.match(r"- |[0-9]+\. |  ", line))
        if line and set(line) <= {"=", "-", " "}:
            found.append(("why", line))
            cell = line.index("  ") if "  " in line else 0
            continue
        if cell:
            found.append(("name", line[:cell]))
            line = line[cell:]
        elif line.strip():
            underlined = set(below) <= {"=", "-"} and len(below) == len(line)
            if underlined or (line[0] != " " and not listed and below.startswith("  ")):
                found.append(("heading", line))
                continue
            if row := re.fullmatch("(  [^ ].*?)(  +)(.*)", line):
                found += [("name", row[1]), ("", row[2] + row[3])]
                continue
            if line.startswith("    ") and not listed:
                code = line.lstrip(" ")
                found += [("", line[: len(line) - len(code)]), *lexed(code)]
                continue
        found += _pieces(line, lexed)
    return _merged(found)


def _pieces(line: str, lexed: Callable[[str], list[Fragment]]) -> Iterable[Fragment]:
    """A line of a paragraph; what stands between backticks is a line of nsh."""
    import re

    for piece in re.split("(`[^`]+`)", line):
        quoted = len(piece) > 2 and piece.startswith("`")
        yield from [("", "`"), *lexed(piece[1:-1]), ("", "`")] if quoted else [("", piece)]


def _goes_on(line: str, below: str) -> bool:
    """Whether a line of prose ends only because it is full.

    >>> _goes_on("x" * 70, "word and more"), _goes_on("short", "word"), _goes_on("x" * 78, "    code")
    (True, False, False)
    """
    indent = len(line) - len(line.lstrip(" "))
    first = below[indent:].partition(" ")[0]
    if indent not in (0, 2) or below[:indent].strip() or first in ("", "-", "*"):
        return False
    rows = any("  " in each[indent:] for each in (line, below))
    return not rows and len(line) + 1 + len(first) > _FULL


def _merged(text: list[Fragment]) -> list[Fragment]:
    """The same with neighbours of one role as one piece."""
    found: list[Fragment] = []
    for role, piece in text:
        if found and found[-1][0] == role:
            found[-1] = (role, found[-1][1] + piece)
        elif piece:
            found.append((role, piece))
    return found
