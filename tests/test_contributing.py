"""CONTRIBUTING.md shows the way: every file that it names is there, and every room stands in its map."""

from __future__ import annotations

import re

from tests.runs import ROOT
from tests.test_house import FLOORS

TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"[\w./*-]*\w/[\w./*-]*|\w+\.(?:md|cfg|toml)", TEXT))
    ours = {path for path in named if not path.startswith("/") and "NAME" not in path}
    assert len(ours) > 60
    assert [path for path in sorted(ours) if not list(ROOT.glob(path.removeprefix("./")))] == []


def test_what_is_to_be_changed_in_a_file_stands_there() -> None:
    pairs = re.findall(r"`(\w+)` (?:in|of) `(nsh/[\w/]+\.py)`", TEXT)
    assert ("SCREEN", "nsh/voice/theme.py") in pairs
    for name, path in pairs:
        assert re.search(rf"^(?:def |class )?{name}\b", (ROOT / path).read_text(), re.MULTILINE), (
            path
        )


def test_the_map_has_the_rooms_of_the_house_from_the_top() -> None:
    section = TEXT.partition("\n## The rooms\n")[2].partition("\n## ")[0]
    rows = [
        re.findall(r"`(nsh/.*?)`", cell) for cell in re.findall(r"^\| (`.*?) \|", section, re.M)
    ]
    mapped = [
        {path.removesuffix(".py").strip("/").replace("/", ".") for path in row} for row in rows
    ]
    assert mapped == [set(floor) for floor in reversed(FLOORS)]
