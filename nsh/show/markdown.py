"""Markdown as a terminal shows it: the pages of `help`, and the prose of lessons. Pure.

What a page uses is known, and no more: headings, paragraphs, lists, tables, code, links, pictures.
See CommonMark, and GitHub Flavored Markdown for tables.
"""

from __future__ import annotations

import re
import textwrap
from itertools import groupby, zip_longest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

WIDTH = 78

_FENCE = re.compile(r"(`{3,}|~{3,})")
_ITEM = re.compile(r" {0,3}(?:[-*+]|[0-9]+[.)]) +")
_LINK = re.compile(r"(!?)\[([^]]*)\]\(([^) ]*)\)")
_CELL = re.compile(r"(?<!\\)\|")
_GAP = 2
"""Blanks between two columns of a table; so deep also go on the lines of a first cell."""


def filled(lines: Iterable[str]) -> str:
    """The prose of a lesson: paragraphs filled, what is indented by four stays as it stands.

    >>> filled(["One", "line.", "", "    as it  stands"])
    'One line.\\n\\n    as it  stands'
    """
    blocks = []
    for kind, group in groupby(lines, _kind):
        if kind == "prose":
            blocks.append(_fill(" ".join([line.strip() for line in group])))
        elif kind == "indented":
            blocks.append("\n".join([line.rstrip() for line in group]))
    return "\n\n".join(blocks)


def _kind(line: str) -> str:
    if not line.strip():
        return "empty"
    return "indented" if line.startswith("    ") else "prose"


def rendered(text: str) -> str:
    """A whole page, at most 80 columns wide where its code is. Pictures are left out.

    >>> print(rendered("# a: b\\n\\nSee [runs](runs.md).\\n\\n- one\\n  more\\n- two\\n\\n```\\ncode\\n```\\n"))
    a: b
    ====
    <BLANKLINE>
    See `help runs`.
    <BLANKLINE>
    - one more
    - two
    <BLANKLINE>
        code
    """
    blocks: list[str] = []
    lines = text.splitlines()
    while lines:
        blocks.append(_block(lines))
    return "\n\n".join([block for block in blocks if block])


def _block(lines: list[str]) -> str:
    """Take the lines of one block from the beginning: what it looks like, "" if like nothing."""
    first = lines.pop(0)
    if fence := _FENCE.match(first):
        body = []
        while lines and (line := lines.pop(0)).rstrip() != fence[0]:
            body.append(("    " + line).rstrip())
        return "\n".join(body)
    if first.startswith("#"):
        title = _plain(first.lstrip("#").strip())
        return f"{title}\n{('=' if first.startswith('# ') else '-') * len(title)}"
    if first.startswith("|"):
        rows = [first, *_take(lines, lambda line: line.startswith("|"))]
        return _table([_cells(row) for row in rows if not re.fullmatch(r"[| :-]+", row)])
    if item := _ITEM.match(first):
        items = [first]
        for line in _take(lines, lambda line: bool(line.strip()) and not line.startswith("```")):
            if _ITEM.match(line):
                items.append(line)
            else:
                items[-1] += " " + line.strip()
        hang = " " * len(item[0])
        return "\n".join([_fill(_plain(each), hang) for each in items])
    if not first.strip():
        return ""
    if first.startswith("    "):
        return "\n".join([first, *_take(lines, lambda line: line.startswith("    "))])
    rest = _take(lines, lambda line: bool(line.strip()) and not line.startswith(("|", "#", "```")))
    return _fill(_plain(" ".join([line.strip() for line in (first, *rest)])))


def _take(lines: list[str], belongs: Callable[[str], bool]) -> list[str]:
    """The lines from the beginning on that belong there, taken off."""
    taken = []
    while lines and belongs(lines[0]):
        taken.append(lines.pop(0))
    return taken


def _fill(text: str, hang: str = "") -> str:
    return textwrap.fill(
        text, WIDTH, subsequent_indent=hang, break_on_hyphens=False, break_long_words=False
    )


def _plain(text: str) -> str:
    """A text without the signs of emphasis; a link as words, to another page as what shows it."""
    return _LINK.sub(_words_of_link, text).replace("**", "")


def _words_of_link(link: re.Match[str]) -> str:
    picture, words, target = link.groups()
    if picture:
        return ""
    if "://" in target:
        return f"{words} ({target})"
    page = target.partition("#")[0].removesuffix(".md")
    if "/" in target or not page.islower():
        return words
    return f"`help {page}`" if words == page else f"{words} (`help {page}`)"


def _cells(row: str) -> list[str]:
    """The cells of a row; the first, which names what the row is about, without its backquotes."""
    first, *rest = [cell.strip().replace("\\|", "|") for cell in _CELL.split(row.strip())[1:-1]]
    return [_plain(first).replace("`", ""), *[_plain(cell) for cell in rest]]


def _table(rows: list[list[str]]) -> str:
    """The rows in columns that are as wide as WIDTH lets them be, with cells on several lines."""
    wrapped: dict[tuple[int, int], list[list[str]]] = {}

    def column(number: int, width: int) -> list[list[str]]:
        """The lines of each cell of a column, if it is so wide."""
        if (number, width) not in wrapped:
            cells = [row[number] for row in rows]
            wrapped[number, width] = [_wrap(cell, width, not number) for cell in cells]
        return wrapped[number, width]

    def height(widths: list[int]) -> int:
        columns = [column(number, width) for number, width in enumerate(widths)]
        return sum([max([len(cell) for cell in row]) for row in zip(*columns, strict=True)])

    columns = list(zip(*rows, strict=True))
    room = WIDTH - _GAP * (len(columns) - 1)
    least = [max([len(word) for cell in each for word in cell.split()]) for each in columns]
    widths = [min(max([len(cell) for cell in each]), room) for each in columns]
    while sum(widths) > room:
        narrower = [
            [width - (number == at) for number, width in enumerate(widths)]
            for at in range(len(widths))
            if widths[at] > least[at] + _GAP * (at == 0)
        ]
        if not narrower:
            break
        # The one that costs the fewest lines; of equals the one that takes from the widest.
        widths = min(narrower, key=lambda each: (height(each), max(each)))
    head, *body = zip(*[column(number, width) for number, width in enumerate(widths)], strict=True)
    rule = [["-" * width] for width in widths]
    return "\n".join([line for row in (head, rule, *body) for line in _row(row, widths)])


def _row(cells: Sequence[list[str]], widths: list[int]) -> Iterator[str]:
    """The lines of a row, from those of its cells."""
    for parts in zip_longest(*cells, fillvalue=""):
        padded = [f"{part:<{width}}" for part, width in zip(parts, widths, strict=True)]
        yield (" " * _GAP).join(padded).rstrip()


def _wrap(cell: str, width: int, hanging: bool) -> list[str]:
    """The lines of a cell; those after the first of a hanging one begin deeper."""
    lines = [""]
    for word in cell.split():
        if lines[-1].strip() and len(lines[-1]) + 1 + len(word) > width:
            lines.append(" " * _GAP * hanging + word)
        else:
            lines[-1] += f" {word}" if lines[-1].strip() else word
    return lines
