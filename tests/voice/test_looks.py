"""How nsh's own voice looks at a terminal: colours, none with NO_COLOR or in a pipe, whole words."""

from __future__ import annotations

import re

import pytest

from tests import needs
from tests.conftest import nsh
from tests.screen import Start

COLOUR = re.compile("\x1b\\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}])
def test_errors_are_coloured_and_not_with_no_color(start: Start, env: dict[str, str]) -> None:
    tty = start(80, 24, env=env)
    tty.line("flags +bogus")
    screen = tty.until("try:", colours=True)
    said = [line for line in screen.splitlines() if "nsh:" in line]
    assert said
    assert any(COLOUR.search(line) for line in said) is not bool(env)
    assert any("\x1b[2m" in line for line in said)  # an attribute is no colour


def test_in_a_pipe_nothing_is_coloured() -> None:
    result = nsh("-v", "-c", "plan true", "-c", "ns", "-c", "nosuch", "-c", "tree")
    assert "\x1b" not in result.stdout + result.stderr


def test_no_word_is_broken_at_the_edge(start: Start) -> None:
    tty = start(44, 24)
    tty.line("mount tmpfs")
    tty.ready()
    tty.line("flags +bogus")
    tty.until("try:")
    screen = tty.ready()
    lines = screen.splitlines()
    assert len([line for line in lines if line.startswith("     ")]) >= 1
    known = set(re.findall(r"\w+", nsh("-c", "flags +bogus").stderr))
    said = [line for line in lines if line.startswith(("nsh: ", "     "))]
    words = set(re.findall(r"\w+", " ".join(said).replace("-c", "")))
    assert {"bogus"} <= words
    assert known - {"c", "1"} <= words


@needs.NAMESPACES
def test_the_status_stands_directly_below_the_output(start: Start) -> None:
    tty = start(80, 24)
    tty.line("flags +user +pid; map root")
    tty.line("sh ps -e | head -n 1; exit 3")
    tty.until("hint: ")
    lines = tty.ready().splitlines()
    at = lines.index("[3]")
    assert "PID" in lines[at - 1]
    assert "hint: " in lines[at + 1]
    assert lines.count("[3]") == 1
