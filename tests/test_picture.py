"""The pictures of the prompt: what a session shows today is what they show."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from tests import needs
from tests.conftest import ROOT

PICTURE = ROOT / "scripts" / "picture"
PLACE = ROOT / "nsh" / "pages"


@pytest.fixture(scope="module")
def picture() -> ModuleType:
    """The script as a module."""
    loader = SourceFileLoader("picture", str(PICTURE))
    spec = spec_from_loader("picture", loader)
    assert spec
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.dont_write_bytecode", True)
        patch.setitem(sys.modules, "picture", module)  # where dataclasses look
        loader.exec_module(module)
    return module


@needs.root("makes the sessions that the pictures show")
@needs.program("tmux")
def test_a_session_shows_what_its_picture_shows() -> None:
    result = subprocess.run(
        [PICTURE, "--check"], capture_output=True, text=True, timeout=120, cwd="/", check=False
    )
    assert (result.stdout, result.stderr, result.returncode) == ("", "", 0), (
        "if what the prompt shows was meant to change: scripts/picture, and look at the pictures"
    )


def test_a_picture_of_another_session_is_found_out(
    picture: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = (PLACE / "prompt.svg").read_text()
    now = kept.replace(">run<", ">ran<")
    assert now != kept
    (tmp_path / "prompt.svg").write_text(kept)
    assert not picture.compare("prompt", now, tmp_path / "prompt.svg")
    assert "+nsh> ran ps -o pid,args" in capsys.readouterr().out
    longer = re.sub(r"ok \d+ ms", "ok 1.2 s", kept)
    assert picture.compare("prompt", longer, tmp_path / "prompt.svg")
    assert not picture.compare("prompt", kept, tmp_path / "none.svg")


def test_the_pictures_are_those_of_the_scenes(picture: ModuleType) -> None:
    assert {path.stem for path in PLACE.glob("*.svg")} == set(picture.SCENES)
    pages = "".join([path.read_text() for path in PLACE.glob("*.md")])
    for name, scene in picture.SCENES.items():
        assert f"({name}.svg)" in pages
        text = (PLACE / f"{name}.svg").read_text()
        root = ElementTree.fromstring(text)
        assert root.attrib["role"] == "img"
        assert not re.search(r"href|url\(|@import|<script", text)  # it needs no other file
        for line in scene.lines:
            assert f"nsh> {line}" in picture.text_of(text), name


def test_the_codes_of_a_terminal_are_colours(picture: ModuleType) -> None:
    screen = "\x1b[1mnsh>\x1b[0m \x1b[32mrun\x1b[39m <a>\n\x1b[7m x \x1b[38;5;196m\x1b[48;2;1;2;3my\x1b[0m"
    rows = picture.spans(screen)
    assert [picture.spans_text(row) for row in rows] == ["nsh> run <a>", " x y"]
    first, _, green, plain = rows[0]
    assert first.look.bold
    assert not plain.look.bold
    assert (green.look.fg, plain.look.fg) == (picture.PALETTE[2], "")
    back, both = rows[1]
    assert back.look.reverse
    assert (both.look.fg, both.look.bg) == ("#ff0000", "#010203")
    drawn = picture.svg(rows, 20, (0, 1), "about & more")
    assert picture.text_of(drawn) == ["nsh> run <a>", " x y"]
    [behind] = [line for line in picture.drawn(back, 1) if line.startswith("<rect")]
    assert f'fill="{picture.INK}"' in behind


@pytest.mark.parametrize(
    ("codes", "look"),
    [
        ("1;2;3;4;7", {"bold": True, "dim": True, "italic": True, "underline": True, "reverse": True}),
        ("4:3", {"underline": True}),
        ("91", {"fg": 9}),
        ("107", {"bg": 15}),
        ("38;5;244", {"fg": "#808080"}),
        ("58;5;1;58;2;1;2;4;58:5:3", {}),  # the colour of an underline, which is not drawn
    ],
)  # fmt: skip
def test_a_code_changes_the_look(
    picture: ModuleType, codes: str, look: dict[str, int | str | bool]
) -> None:
    wanted = {
        name: picture.PALETTE[value] if isinstance(value, int) and name in ("fg", "bg") else value
        for name, value in look.items()
    }
    found = picture.styled(picture.Look(), codes)
    assert found == picture.Look(**wanted)
    assert picture.styled(found, "0") == picture.Look()
    assert picture.styled(found, "22;23;24;27;39;49") == picture.Look()


def test_an_unknown_picture_is_a_usage_error() -> None:
    result = subprocess.run([PICTURE, "moon"], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: ")
