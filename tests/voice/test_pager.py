"""The pager: less says how to leave, writes no files, and what fits is not paged."""

from __future__ import annotations

import os

import pytest

from nsh.voice.pager import BELOW, LEAVING, for_less, height, page
from tests.screen import TOOLBAR, Start


def test_less_says_how_to_leave(start: Start) -> None:
    tty = start(80, 24, env={"PAGER": "less"})
    tty.line("help")
    screen = tty.until(LEAVING)
    assert TOOLBAR not in screen
    tty.type("s/tmp/never\n")  # less(1): save the input to a file
    tty.until("not available")
    tty.keys("Enter", "q")
    tty.ready()
    tty.line("help undo")
    tty.until(lambda s: "undo [N]" in s and LEAVING not in s)
    tty.ready()


def test_what_fits_above_the_prompt_is_not_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: True)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((80, 24)))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("PAGER", "cat >/dev/null; true")
    assert not page("\n".join(["line"] * (24 - BELOW)))
    assert page("\n".join(["line"] * (24 - BELOW + 1)))


def test_the_users_own_less_comes_first() -> None:
    environ = for_less({"LESS": "-i", "A": "b"})
    assert environ["LESS"].startswith("-i$ -Ps")
    assert (environ["A"], environ["LESSSECURE"]) == ("b", "1")
    assert for_less({})["LESS"].startswith("RX$ -Ps")


def test_colours_take_no_room() -> None:
    assert height("\x1b[1m" + "x" * 80 + "\x1b[0m\n", 80) == 2
