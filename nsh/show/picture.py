"""Namespaces as a picture: an SVG that needs no other file. Pure.

Above, who shares what: a row for those who are in the same namespaces, a column for each kind, and a
bar over neighbours who share one. Below, who owns what: each user namespace is a box around what it
owns, each pid namespace around those in it. A namespace has the colour of the row in which it comes
first; grey is this shell's own.

It is written in ASCII, so that it is the same in every locale, and with a background of its own, so
that it can be read on every page. See Scalable Vector Graphics (SVG) 1.1, W3C.
"""

from __future__ import annotations

from nsh.linux.namespaces import BY_NAME, NAMESPACES
from nsh.show.trees import forest, people, shorten, unseen
from nsh.value import Value
from nsh.words import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nsh.linux.nsfs import Ns, Survey
    from nsh.show.trees import Branch, Forest, Label

COLOURS = (
    ("#cfe3f7", "#1c4a73"),
    ("#fbdcb8", "#6b400f"),
    ("#cdebcb", "#21562a"),
    ("#f8cdd3", "#742734"),
    ("#e2d5f4", "#4f3a78"),
    ("#f2e7a6", "#5b500e"),
    ("#bfe8e5", "#125753"),
    ("#ead6c7", "#5a4133"),
    ("#f9d0ea", "#6a2757"),
    ("#e1efb3", "#424f0f"),
    ("#d2d9e8", "#3d4a66"),
    ("#ffd2c2", "#6f3020"),
)
"""What namespaces are filled with, on a light page and on a dark one."""
_THEMES = (
    ("#ffffff", "#1a1a1a", "#4d4d4d", "#e3e3e3", "#8a8a8a", "#f5f7fa"),
    ("#181818", "#f2f2f2", "#cccccc", "#3c3c3c", "#8c8c8c", "#222529"),
)
"""For each page: the background, the text, the text beside it, this shell's own, lines, boxes."""

EDGE, GAP = 14, 8
"""Around the picture and inside of a box; between two things."""
LEFT, COLUMN, ROW, TOP = 226, 96, 40, 84
"""Of the upper part: where the bars begin, how wide and high their places are, where rows begin."""
_CHIP = 186
"""How wide a namespace is drawn in the lower part."""
_CHAR = 6.65
"""The width of a character of 11 pixels in a monospaced font."""


class Piece(Value):
    """A part of the picture, drawn from its own upper left corner on."""

    width: float
    height: float
    drawn: str


class _Sheet(Value):
    """What all parts of a picture are made from.

    rows     the processes of each row
    colours  the class of each namespace, by its inode
    """

    known: dict[int, Ns]
    labels: Mapping[int, Label]
    forest: Forest
    rows: tuple[tuple[int, ...], ...]
    colours: dict[int, str]


def picture(survey: Survey, labels: Mapping[int, Label], shell: int) -> str:
    """The SVG. ``labels`` says who each process is, ``shell`` is this shell's process id."""
    sheet = _sheet(survey, labels, shell)
    table = _table(sheet)
    boxes = [_box(root, sheet, table.width) for root in sheet.forest.roots]
    lower = _flow(boxes, table.width)
    y = table.height + 50
    width = max(table.width, lower.width) + 2 * EDGE
    height = y + lower.height + EDGE
    end = ""
    if survey.unseen:
        end = _text(EDGE, height + 8, unseen(survey), "small")
        height += 24
    many = len([pid for row in sheet.rows for pid in row])
    about = f"{len(survey.namespaces)} namespaces of {many} processes"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{about}">',
        f"<style>{_style()}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        _text(EDGE, 28, "Who shares what", "head"),
        _text(
            LEFT, 28, "grey: this shell's own; a bar: one namespace, shared by its rows", "small"
        ),
        _at(EDGE, 0, table),
        _text(EDGE, y - 18, "Who owns what", "head"),
        _text(LEFT, y - 18, "a box: a user namespace around what it owns", "small"),
        _at(EDGE, y, lower),
        end,
        "</svg>",
    ]
    return "\n".join([part for part in parts if part]) + "\n"


def _sheet(survey: Survey, labels: Mapping[int, Label], shell: int) -> _Sheet:
    places: dict[int, list[int]] = {}
    for ns in survey.namespaces:
        for pid in ns.pids:
            places.setdefault(pid, []).append(ns.inode)
    rows: dict[tuple[str, frozenset[int]], list[int]] = {}
    for pid in labels:
        if pid in places:
            rows.setdefault((labels[pid].child, frozenset(places[pid])), []).append(pid)
    found = forest(survey, shell)
    colours = dict.fromkeys(found.here, "own")
    used = 0
    for _, inodes in rows:
        new = [inode for inode in inodes if inode not in colours]
        colours.update(dict.fromkeys(new, f"c{used % len(COLOURS)}"))
        used += bool(new)
    known = {ns.inode: ns for ns in survey.namespaces}
    return _Sheet(known, labels, found, tuple([tuple(row) for row in rows.values()]), colours)


def _table(sheet: _Sheet) -> Piece:
    """The rows and their bars, below the names of the kinds."""
    kinds = [kind for kind in NAMESPACES if kind.name in {ns.kind for ns in sheet.known.values()}]
    left = LEFT - EDGE
    width = left + len(kinds) * COLUMN
    of = {(ns.kind, pid): ns for ns in sheet.known.values() for pid in ns.pids}
    out = []
    for at, row in enumerate(sheet.rows):
        y = TOP + at * ROW
        out.append(f'<path class="line" d="M0 {y}H{width}"/>')
        out.append(_who(row, y, sheet))
    for column, kind in enumerate(kinds):
        x = left + column * COLUMN
        out.append(_text(x + COLUMN / 2, TOP - 14, kind.name, "kind"))
        inodes = [of.get((kind.name, row[0])) for row in sheet.rows]
        first = 0
        while first < len(inodes):
            last = first
            while last + 1 < len(inodes) and inodes[last + 1] == inodes[first]:
                last += 1
            ns = inodes[first]
            if ns is not None:
                y, height = TOP + first * ROW, (last + 1 - first) * ROW
                out.append(
                    f"<g>{_title(ns, sheet)}"
                    f"{_rect(x + 3, y + 4, COLUMN - 6, height - 8, sheet.colours[ns.inode])}"
                    f"{_text(x + COLUMN / 2, y + height / 2 + 4, str(ns.inode), 'mid')}</g>"
                )
            first = last + 1
    return Piece(width, TOP + len(sheet.rows) * ROW, "\n".join(out))


def _who(row: tuple[int, ...], y: float, sheet: _Sheet) -> str:
    """The beginning of a row: who that is, and the process ids."""
    label = sheet.labels[row[0]]
    most = int((LEFT - EDGE - 20) / _CHAR)
    one = len(row) == 1
    about = f"pid {row[0]}" if one else f"{len(row)} processes"
    if not label.child:
        name = label.command if one else people(row, sheet.labels, most)
    elif not label.command:
        name, about = label.child, f"this shell, {about}"
    else:
        name, more = label.child, "" if one else f" and {len(row) - 1} more"
        about = shorten(label.command, most - len(more)) + more
    title = f"{people(row, sheet.labels, 300)}\npid {shorten(', '.join(map(str, row)), 300)}"
    return (
        f"<g><title>{_escape(title)}</title>{_text(0, y + 18, shorten(name, most), 'bold')}"
        f"{_text(0, y + 32, shorten(about, most), 'small')}</g>"
    )


def _box(branch: Branch, sheet: _Sheet, room: float) -> Piece:
    """A user namespace around what it owns, in a room of that width if it fits."""
    ns = branch.ns
    name = ns.link if ns else "owner out of view from here"
    inner = _inside(branch, sheet, room - 2 * EDGE)
    words = [f"owner uid {ns.uid}"] if ns and ns.uid is not None else []
    if ns and ns.inode in sheet.forest.here:
        words.insert(0, "this shell's own")
    width = max(inner.width + 2 * EDGE, _CHIP + 2 * EDGE)
    most = int((width - 2 * EDGE) / _CHAR)
    start = name + "".join([f", {word}" for word in words])
    who = people(ns.pids, sheet.labels, most) if ns else ""
    if len(start) > most:
        width = len(start) * _CHAR + 2 * EDGE
    top = 44 if ns else 28
    height = top + inner.height + (EDGE if inner.height else 0)
    colour = sheet.colours.get(ns.inode, "none") if ns else "none"
    head = _rect(0, 0, width, height, "box")
    if ns:
        head = f"<g>{_title(ns, sheet)}{head}{_rect(0, 0, width, 38, colour)}</g>"
    drawn = [
        head,
        _text(EDGE, 17, start, "bold" if ns else "small"),
        _text(EDGE, 31, who, "small") if ns else "",
        _at(EDGE, top, inner),
    ]
    return Piece(width, height, "\n".join([part for part in drawn if part]))


def _inside(branch: Branch, sheet: _Sheet, room: float) -> Piece:
    """What a user namespace owns, a line for each kind, and the user namespaces in it."""
    kinds: dict[str, list[Piece]] = {}
    for each in branch.owned:
        kind = each.ns.kind if each.ns and not each.owned else ""
        kinds.setdefault(kind, []).append(_chip(each, sheet, room))
    around = kinds.pop("", [])  # pid namespaces with others in them are high
    alone = [pieces[0] for pieces in kinds.values() if len(pieces) == 1]
    lines = [alone, *[pieces for pieces in kinds.values() if len(pieces) > 1], around]
    lines.append([_box(each, sheet, room) for each in branch.users])
    return _flow([_flow(line, room) for line in lines if line], 0)


def _chip(branch: Branch, sheet: _Sheet, room: float) -> Piece:
    """A namespace that is no user namespace, around the pid namespaces in it."""
    ns = branch.ns
    assert ns is not None
    room -= 2 * GAP
    below = _flow([_chip(each, sheet, room) for each in branch.owned], room)
    most = int((_CHIP - 16) / _CHAR)
    lines = [
        _text(8, 16, ns.link, "bold"),
        _text(8, 31, people(ns.pids, sheet.labels, most), "small"),
    ]
    top = 40
    if ns.inode in sheet.forest.apart:
        lines.append(_text(8, 45, f"parent pid:[{ns.parent}]", "small"))
        top = 54
    width = max(float(_CHIP), below.width + 2 * GAP)
    height = top + (below.height + GAP if below.height else 0)
    frame = _rect(0, 0, width, height, sheet.colours.get(ns.inode, "none"))
    drawn = f"<g>{_title(ns, sheet)}{frame}{''.join(lines)}</g>"
    return Piece(width, height, drawn + (_at(GAP, top, below) if below.height else ""))


def _flow(pieces: Iterable[Piece], room: float) -> Piece:
    """The pieces beside each other, in as many lines as the room needs; in no room below each other."""
    x = y = line = wide = 0.0
    out = []
    for piece in pieces:
        if x and x + piece.width > room:
            x, y, line = 0.0, y + line + GAP, 0.0
        out.append(_at(x, y, piece))
        wide = max(wide, x + piece.width)
        line = max(line, piece.height)
        x += piece.width + GAP
    return Piece(wide, y + line, "\n".join(out))


def _title(ns: Ns, sheet: _Sheet) -> str:
    """What a pointer that rests on a namespace is told."""
    lines = [f"{ns.link}: {BY_NAME[ns.kind].isolates}"]
    if ns.inode in sheet.forest.here:
        lines.append("this shell's own")
    lines.append(f"owner: {f'user:[{ns.owner}]' if ns.owner else 'none in view'}")
    if ns.kind in ("pid", "user"):
        lines.append(f"parent: {f'{ns.kind}:[{ns.parent}]' if ns.parent else 'none in view'}")
    if ns.uid is not None:
        lines.append(f"owner uid: {ns.uid}")
    lines.append(f"in it: {people(ns.pids, sheet.labels, 300)}")
    return f"<title>{_escape(chr(10).join(lines))}</title>"


def _at(x: float, y: float, piece: Piece) -> str:
    return f'<g transform="translate({x:g} {y:g})">\n{piece.drawn}\n</g>' if piece.drawn else ""


def _rect(x: float, y: float, width: float, height: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5"/>'
    )


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{_escape(words)}</text>'


def _escape(text: str) -> str:
    """The text as it stands in XML: no control characters, no halves of pairs, ASCII alone.

    >>> _escape("a<b & \\x1b")
    'a&lt;b &amp; \\\\x1b'
    """
    lines = [visible(line).replace("\t", " ") for line in text.split("\n")]
    whole = "\n".join(lines)
    for char, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        whole = whole.replace(char, name)
    good = [
        f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" or c in "\ufffe\uffff" else c for c in whole
    ]
    return "".join(good).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _style() -> str:
    """The colours of a light page, and those of a dark one for who prefers it."""
    light, dark = [
        f".page{{fill:{page}}}text{{fill:{text}}}.small{{fill:{small}}}"
        f".own{{fill:{own};stroke:{line}}}.box{{fill:{box};stroke:{line}}}"
        f".none{{fill:none;stroke:{line}}}.line{{stroke:{own}}}"
        + "".join(
            [f".c{at}{{fill:{pair[which]};stroke:{line}}}" for at, pair in enumerate(COLOURS)]
        )
        for which, (page, text, small, own, line, box) in enumerate(_THEMES)
    ]
    return (
        "text{font:11px ui-monospace,monospace}.head{font-size:15px;font-weight:bold}"
        ".bold{font-weight:bold}.kind{font-size:13px;font-weight:bold;text-anchor:middle}"
        ".mid{text-anchor:middle}.none{stroke-dasharray:4 3}"
        f"{light}@media (prefers-color-scheme:dark){{{dark}}}"
    )
