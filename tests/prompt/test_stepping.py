"""Stepping through a run at a terminal: who gets its keys, and in which state it is afterwards."""

from __future__ import annotations

import os
import re

import pytest

from nsh.linux.processes import stat_fields
from tests import needs
from tests.conftest import NSH
from tests.runs import until
from tests.screen import SIZES, Start, toolbar
from tests.terminal import CTRL_C, PROMPT, Terminal, at_terminal, prompt

WAYS = [
    pytest.param("", id="host"),
    pytest.param("flags +pid; ", id="pid", marks=needs.NAMESPACES),
    pytest.param("flags +user +pid; map root; init on; ", id="init"),
]


def answer(terminal: Terminal, line: str) -> str:
    """Type a line; what stands between it and the next prompt."""
    terminal.line(line)
    terminal.expect(re.escape(line) + r"\r+\n")
    return terminal.expect(PROMPT)


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_between_two_calls_is_not_for_it(way: str) -> None:
    # In this plain prompt, Ctrl-C is a signal for all that is in the foreground.
    with prompt(f"{way}step sh -c 'echo got it; exit 5'") as terminal:
        total = 0
        for _ in range(30):
            text = answer(terminal, "next")
            place = re.search(r"-> (\d+)/(\d+) ", text)
            if place is None:
                break
            total = int(place[2])
            until(lambda: stat_fields(terminal.pid)[0] == "S", "a prompt that reads")
            terminal.type(CTRL_C)
            terminal.expect(PROMPT)
            assert f" at {place[1]}/{place[2]} " in answer(terminal, "children")
        assert total > 4
        assert "got it" in text
        assert "[5]" in text


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_during_another_run_is_not_for_it(way: str) -> None:
    with prompt(f"{way}step sh -c 'exit 5'; next 3; reset") as terminal:
        terminal.line("run sleep 1000")
        terminal.inside("sleep 1000")
        terminal.type(CTRL_C)
        terminal.expect(r"\[130\]")
        terminal.expect(PROMPT)
        assert "at 4/" in answer(terminal, "children")
        assert "[5]" in answer(terminal, "continue")


@pytest.mark.parametrize("last", ["continue", "next 1000"])
@pytest.mark.parametrize("way", WAYS)
def test_the_command_has_the_terminal_as_in_a_run(way: str, last: str) -> None:
    with prompt(
        f"{way}step sh -c 'stty -echo -icanon; trap \"exit 9\" INT; echo up; sleep 1000 & wait'"
    ) as t:
        before = t.modes()
        t.line("next 3")
        t.expect(PROMPT)
        t.line(last)
        t.expect("up\r*\n")
        assert t.foreground() == os.getpgid(t.pid)
        assert t.modes() != before
        t.type(CTRL_C)
        t.expect(r"\[9\]")
        t.expect(PROMPT)
        assert t.modes() == before


def test_ctrl_c_kills_the_command_of_a_stepped_run() -> None:
    with prompt("step sleep 1000; next 3") as terminal:
        terminal.line("next 2")
        terminal.inside("sleep 1000")
        terminal.type(CTRL_C)
        terminal.expect(r"\[130\]")
        terminal.expect(PROMPT)
        assert "no run is being stepped through" in answer(terminal, "next")


@pytest.mark.parametrize("end", ["quit", "\x04"])
def test_the_end_of_the_session_says_that_it_is_aborted(end: str) -> None:
    with at_terminal(*NSH) as terminal:
        terminal.expect(PROMPT)
        answer(terminal, "step true; next 3")
        terminal.type(end if end == "\x04" else end + "\r")
        terminal.expect("the stepped run is aborted")
        terminal.wait()


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_the_toolbar_and_what_is_offered(start: Start, columns: int, rows: int) -> None:
    tty = start(columns, rows)
    tty.line("flags +user +uts; map root; hostname box")
    tty.line("step sh -c 'read line; hostname; echo $line; exit 4'")
    screen = tty.until(lambda s: " step 1/" in toolbar(s))
    assert "-> 1/" in screen
    assert "parent: pipe2(...) │ net mnt +uts" in toolbar(screen)
    tty.ready()
    tty.keys("C-c")
    tty.ready()
    tty.keys("Right", "Enter")  # `next`, which stands there in grey
    tty.until(lambda s: " step 2/" in toolbar(s))
    tty.line("next 4")
    screen = tty.until(lambda s: " step 6/" in toolbar(s))
    assert "child: unshare(...)" in toolbar(screen)
    assert len(toolbar(screen)) <= columns
    tty.line("step true")
    tty.until("a run is being stepped through, and is at 6/")
    tty.line("continue")
    tty.until(lambda s: "cgroup" not in s.splitlines()[-1])
    tty.type("typed")
    tty.keys("Enter")
    screen = tty.until(lambda s: "│ [4] " in toolbar(s))
    assert "\nbox\ntyped\n" in screen
    assert "step" not in toolbar(screen)


def test_one_that_is_killed_is_told_at_the_next_prompt(start: Start) -> None:
    tty = start()
    tty.line("step true")
    tty.line("next 3")
    tty.line("!kill -9 $step")
    tty.line("flags")
    tty.until("step has ended: killed by SIGKILL")
    tty.line("next")
    tty.until("the stepped run is over: child has ended, killed by SIGKILL")
    tty.ready()
    tty.line("step true")
    tty.until(lambda s: " step 1/5 " in toolbar(s))
    tty.line("quit 0")
    tty.until("the stepped run is aborted")
    tty.until("left 0")
