"""The picture of namespaces: one whole SVG, which can be read on light and on dark pages."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from nsh.linux.nsfs import Ns, Survey
from nsh.show.picture import COLOURS, picture
from nsh.show.trees import Label
from tests.show.test_trees import HERE, labels, own, pod

SVG = "{http://www.w3.org/2000/svg}"
Rectangle = tuple[float, float, float, float]


def nested() -> tuple[Survey, dict[int, Label]]:
    """A pod, five pid namespaces in each other, user namespaces in each other, an owner out of view."""
    found, who = pod()
    deep = [
        Ns(50 + at, "pid", HERE, 49 + at if at else HERE + 5, pids=(20 + at,)) for at in range(5)
    ]
    users = [
        Ns(60, "user", HERE, HERE, uid=1000),
        Ns(61, "net", 60, pids=(30,)),
        Ns(62, "user", 60, 60, uid=65534, pids=(30,)),
        Ns(63, "pid", 62, HERE + 5, pids=(30,)),
        Ns(64, "mnt", pids=(30,)),
    ]
    who |= {pid: Label("", "a program with a rather long name") for pid in range(20, 31)}
    return Survey((*found.namespaces, *deep, *users), unseen=3), who


def crowd() -> tuple[Survey, dict[int, Label]]:
    """Forty children, each with namespaces of its own, and user namespaces 30 deep."""
    pids = range(2, 42)
    new = [Ns(100 * pid + at, kind, HERE) for pid in pids for at, kind in enumerate(("net", "pid"))]
    new = [ns.replace(pids=(ns.inode // 100,)) for ns in new]
    for at in range(30):
        above = 8999 + at if at else HERE
        new.append(Ns(9000 + at, "user", above, above, uid=0, pids=(2,) if at == 29 else ()))
    return Survey((*own(), *new)), labels(**{f"child{pid}": (pid,) for pid in pids})


DRAWN = {
    "alone": (Survey(tuple(own())), labels()),
    "pod": pod(),
    "nested": nested(),
    "crowd": crowd(),
}
drawings = pytest.mark.parametrize(("found", "who"), DRAWN.values(), ids=DRAWN)


def places(
    node: ET.Element, x: float = 0, y: float = 0
) -> Iterator[tuple[ET.Element, float, float]]:
    """The elements, each with where its own corner lies in the picture."""
    if moved := re.fullmatch(r"translate\((\S+) (\S+)\)", node.get("transform", "")):
        x, y = x + float(moved[1]), y + float(moved[2])
    yield node, x + float(node.get("x", 0)), y + float(node.get("y", 0))
    for child in node:
        yield from places(child, x, y)


def rectangles(root: ET.Element) -> list[Rectangle]:
    """The left, upper, right and lower edge of each bar and box."""
    found = [
        (x, y, x + float(node.get("width", "")), y + float(node.get("height", "")))
        for node, x, y in places(root)
        if node.tag == SVG + "rect" and node.get("class") != "page"
    ]
    assert found
    return found


@drawings
def test_it_needs_no_other_file(found: Survey, who: dict[int, Label]) -> None:
    text = picture(found, who, 1)
    assert text.isascii()
    root = ET.fromstring(text)
    nodes = list(root.iter())
    assert {node.tag.removeprefix(SVG) for node in nodes} <= {
        *("svg", "g", "title", "style", "rect", "text", "path")
    }
    names = {name for node in nodes for name in node.attrib}
    assert names <= {
        *("width", "height", "viewBox", "role", "aria-label"),
        *("class", "x", "y", "rx", "d", "transform"),
    }
    [style] = [node.text or "" for node in nodes if node.tag == SVG + "style"]
    assert not re.search(r"url|import|font-face|expression", style)
    assert "prefers-color-scheme:dark" in style
    used = {node.get("class") for node in nodes} - {None}
    assert {name for name in used if f".{name}{{" not in style} == set()


@drawings
def test_each_namespace_is_drawn_and_tells_of_itself(found: Survey, who: dict[int, Label]) -> None:
    root = ET.fromstring(picture(found, who, 1))
    titles = [node.text or "" for node in root.iter(SVG + "title")]
    shown = "\n".join([node.text or "" for node in root.iter(SVG + "text")])
    for ns in found.namespaces:
        [*mine] = {title for title in titles if title.startswith(f"{ns.link}: ")}
        [title] = mine
        lines = title.splitlines()
        assert ("this shell's own" in lines) == (1 in ns.pids)
        assert f"owner: {f'user:[{ns.owner}]' if ns.owner else 'none in view'}" in lines
        parent = f"{ns.kind}:[{ns.parent}]" if ns.parent else "none in view"
        assert (f"parent: {parent}" in lines) == (ns.kind in ("pid", "user"))
        assert (f"owner uid: {ns.uid}" in lines) == (ns.kind == "user")
        assert "in it: " in title
        assert ns.link in shown
    assert ("not shown: 3 processes" in shown) == (found.unseen == 3)


@drawings
def test_nothing_overlaps_or_sticks_out(found: Survey, who: dict[int, Label]) -> None:
    root = ET.fromstring(picture(found, who, 1))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    drawn = rectangles(root)
    for x, y, right, lower in drawn:
        assert 0 <= x < right <= width
        assert 0 <= y < lower <= height
    for one, other in itertools.combinations(drawn, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        inside = [
            a[0] <= b[0] and a[1] <= b[1] and b[2] <= a[2] and b[3] <= a[3]
            for a, b in ((one, other), (other, one))
        ]
        assert apart or any(inside), (one, other)


@drawings
def test_words_stay_in_their_box(found: Survey, who: dict[int, Label]) -> None:
    root = ET.fromstring(picture(found, who, 1))
    drawn = rectangles(root)
    for node, x, y in places(root):
        if node.tag != SVG + "text" or node.get("class") in ("head", "kind"):
            continue
        wide = 6.6 * len(node.text or "")
        left = x - wide / 2 if node.get("class") == "mid" else x
        around = [box for box in drawn if box[0] <= x <= box[2] and box[1] <= y <= box[3]]
        assert left + wide <= min([box[2] for box in around], default=1e9), node.text


def test_a_bar_is_over_neighbours_who_share() -> None:
    root = ET.fromstring(picture(*pod(), 1))
    bars: dict[str, ET.Element] = {}
    for group in root.iter(SVG + "g"):
        title, rect = group.find(SVG + "title"), group.find(SVG + "rect")
        if title is not None and rect is not None:
            bars.setdefault((title.text or "").partition(":")[2].partition(" ")[0][:-1], rect)
    row = float(bars["[12]"].get("height", 0)) + 8
    assert float(bars["[10]"].get("height", 0)) == 3 * row - 8  # web, db and log: one row each
    assert float(bars[f"[{HERE + 6}]"].get("height", 0)) == 4 * row - 8
    assert bars["[10]"].get("class") == bars["[12]"].get("class") == "c0"  # as web, the first in it
    assert bars["[13]"].get("class") == bars["[16]"].get("class") == "c1"
    assert bars[f"[{HERE + 1}]"].get("class") == "own"


def test_those_who_share_all_stand_in_one_row() -> None:
    who = {1: Label("nsh")} | {pid: Label("", "bash") for pid in range(2, 300)}
    pids = tuple(range(2, 300))
    everything = dict.fromkeys(("user", "net", "mnt", "uts", "ipc", "pid", "cgroup"), pids)
    found = Survey(tuple(own(time=pids, **everything)))
    text = picture(found, who, 1)
    assert "298 processes" in text
    assert len(text) < 20_000


def test_texts_are_escaped() -> None:
    web = "<script>&\"'\x1b\x00\udcff\ufffe\tü€"
    who = {1: Label("nsh"), 2: Label("a<b", web)}
    text = picture(Survey((*own(net=(2,)), Ns(10, "uts", HERE, pids=(2,)))), who, 1)
    root = ET.fromstring(text)
    whole = "\n".join(root.itertext())
    assert "a<b (<script>&\"'\\x1b\\x00\\udcff\\ufffe ü€)" in whole
    assert "<script" not in text


def luminance(colour: str) -> float:
    """See relative luminance in the Web Content Accessibility Guidelines 2.1."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_text_has_contrast_on_light_and_on_dark_pages() -> None:
    style = re.search(r"<style>(.*)</style>", picture(*pod(), 1))
    assert style
    for theme in style[1].split("@media"):
        fills = dict(re.findall(r"\.?(\w+)\{fill:(#\w{6})", theme))
        grounds = [name for name in fills if name not in ("text", "small")]
        assert len(grounds) == len(COLOURS) + 3
        for ground, ink in itertools.product(grounds, ("text", "small")):
            one, other = sorted([luminance(fills[ground]), luminance(fills[ink])])
            assert (other + 0.05) / (one + 0.05) >= 4.5, (ground, ink)
