"""Diff: two outputs of one command, the host's and the child's, shown with what differs.

Pure functions on lines of text, for the command ``diff``. The forms are those of diff(1): unified,
and side by side with the marks ``|`` changed, ``<`` only on the host, ``>`` only inside.
"""

from __future__ import annotations

from difflib import SequenceMatcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nsh.voice.text import Fragment

    Opcode = tuple[str, int, int, int, int]
    """A tag and the ranges of lines on both sides: see difflib.SequenceMatcher.get_opcodes."""

HOST = "host"
INSIDE = "inside"
CONTEXT = 3

NO_END = "\\ no newline at the end"
_LONG = 1000
"""From how many lines on a faster diff is good enough, which may not be the shortest."""


def lines_of(text: str) -> list[str]:
    """The lines of a text; one that lacks its end is followed by a line that says so.

    >>> lines_of("a\\nb\\n"), lines_of("a\\nb"), lines_of("")
    (['a', 'b'], ['a', 'b', '\\\\ no newline at the end'], [])
    """
    lines = text.split("\n")
    if not lines[-1]:
        return lines[:-1]
    return [*lines, NO_END]


def _groups(host: list[str], inside: list[str]) -> Iterator[list[Opcode]]:
    """The changes with CONTEXT equal lines around each; those that are close together in one group.

    What both begin and end with is left out of the search, which takes long for repeated lines.
    """
    most = min(len(host), len(inside))
    first = next((at for at in range(most) if host[at] != inside[at]), most)
    most -= first
    last = next((at for at in range(most) if host[-1 - at] != inside[-1 - at]), most)
    middle = host[first : len(host) - last], inside[first : len(inside) - last]
    matcher = SequenceMatcher(None, *middle, autojunk=len(middle[0]) + len(middle[1]) > _LONG)
    codes = [("equal", 0, first, 0, first)] if first else []
    codes += [
        (tag, i1 + first, i2 + first, j1 + first, j2 + first)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
    ]
    if last:
        codes.append(("equal", len(host) - last, len(host), len(inside) - last, len(inside)))
    group: list[Opcode] = []
    for at, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag != "equal":
            group.append((tag, i1, i2, j1, j2))
            continue
        after = min(CONTEXT, i2 - i1) if group else 0
        before = min(CONTEXT, i2 - i1) if at + 1 < len(codes) else 0
        if group and before and i2 - i1 <= 2 * CONTEXT:
            group.append((tag, i1, i2, j1, j2))
            continue
        if group:
            yield [*group, (tag, i1, i1 + after, j1, j1 + after)]
        group = [(tag, i2 - before, i2, j2 - before, j2)]
    if any(tag != "equal" for tag, *_ in group):
        yield group


def unified(host: list[str], inside: list[str]) -> Iterator[list[Fragment]]:
    """The lines as ``diff -u`` shows them: ``-`` the host's, ``+`` the child's.

    >>> [line for [(_, line)] in unified(["a", "b"], ["a", "c"])]
    ['--- host', '+++ inside', '@@ -1,2 +1,2 @@', ' a', '-b', '+c']
    >>> list(unified(["a"], ["a"]))
    []
    """
    if host == inside:
        return
    yield [("heading", f"--- {HOST}")]
    yield [("heading", f"+++ {INSIDE}")]
    for group in _groups(host, inside):
        first, last = group[0], group[-1]
        spans = f"-{_span(first[1], last[2])} +{_span(first[3], last[4])}"
        yield [("span", f"@@ {spans} @@")]
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                for line in host[i1:i2]:
                    yield [("", " " + line)]
                continue
            for line in host[i1:i2]:
                yield [("removed", "-" + line)]
            for line in inside[j1:j2]:
                yield [("added", "+" + line)]


def _span(start: int, end: int) -> str:
    """A range of lines as a unified diff writes it: from 1 on, and the line before an empty one."""
    size = end - start
    if size == 1:
        return str(start + 1)
    return f"{start + 1 if size else start},{size}"


def cells(text: str) -> int:
    """How many cells of a terminal a line takes."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def columns(host: list[str], inside: list[str], width: int) -> int:
    """The width of one column if both outputs fit side by side into the terminal's width, else 0.

    A line with control characters has no width that could be told, so it never fits.

    >>> columns(["a" * 30], ["b" * 20], 80), columns(["a" * 60], ["b"], 80), columns(["a\\x1b"], [], 80)
    (30, 0, 0)
    """
    lines = [line.expandtabs() for line in (*host, *inside)]
    if not all(line.isprintable() for line in lines):
        return 0
    column = max([cells(line) for line in lines] + [len(INSIDE)])
    return column if 2 * column + 3 <= width else 0


def side_by_side(host: list[str], inside: list[str], column: int) -> Iterator[list[Fragment]]:
    """Both outputs, the host's on the left; ``column`` is the width of the left one.

    Of long equal parts only what is near to a change is shown.

    >>> for line in side_by_side(["a", "b", "d"], ["a", "c"], 6):
    ...     print("".join([piece for _, piece in line]))
    host     inside
    a        a
    b      | c
    d      <
    """
    yield _row(HOST, " ", INSIDE, column, "heading", "heading")
    shown = 0
    for group in _groups(host, inside):
        yield from _left_out(group[0][1] - shown)
        for tag, i1, i2, j1, j2 in group:
            for at in range(max(i2 - i1, j2 - j1)):
                left = host[i1 + at].expandtabs() if i1 + at < i2 else None
                right = inside[j1 + at].expandtabs() if j1 + at < j2 else None
                mark = ">" if left is None else "<" if right is None else "|"
                if tag == "equal":
                    yield _row(left or "", " ", right or "", column, "", "")
                else:
                    yield _row(left or "", mark, right or "", column, "removed", "added")
        shown = group[-1][2]
    yield from _left_out(len(host) - shown)


def _left_out(size: int) -> Iterator[list[Fragment]]:
    if size:
        yield [("why", f"... {size} equal line{'s' if size > 1 else ''}")]


def _row(
    left: str, mark: str, right: str, column: int, look: str, look_inside: str
) -> list[Fragment]:
    """Both sides of one line, each with its look, and no blanks at its end."""
    middle = " " * (column - cells(left)) + f" {mark} "
    if not right:
        middle = middle.rstrip()
    row = [(look, left), ("", middle), (look_inside, right)] if middle or right else [(look, left)]
    return row if right or middle else [(look, left.rstrip())]
