"""The toolbar follows the state, and fits."""

from __future__ import annotations

import os

import pytest

from nsh.prompt.toolbar import duration, fragments, user_inside
from nsh.shell import Shell
from nsh.state import START


def bar(shell: Shell, took: float | None = None, width: int = 80) -> str:
    return "".join(text for _, text in fragments(shell, took, width))


def test_toolbar_follows_the_state(shell: Shell) -> None:
    name = os.uname().nodename
    assert bar(shell, width=200).startswith(" net mnt uts ipc pid user cgroup time │ ")
    assert name[:19] in bar(shell, width=200)
    for line in ("flags +uts +mnt", "hostname box", "mount tmpfs /tmp", "umount /proc"):
        shell.onecmd(line)
    assert " net +mnt +uts ipc" in bar(shell, width=200)
    assert "│ box │ 1 mount -1" in bar(shell, width=200)
    shell.onecmd("undo 3")
    assert "box" not in bar(shell, width=200)
    shell.onecmd("reset")
    assert shell.state == START
    assert "+" not in bar(shell, width=200)


def test_children_that_live_are_named(shell: Shell) -> None:
    for name in "abcde":
        shell.run_line(f"start {name}")
    try:
        assert "│ living: a b c +2" in bar(shell, width=200)
        shell.run_line("stop a b c")
        assert "│ living: d e" in bar(shell, width=200)
    finally:
        shell.end_all()
    shell.look_after()
    assert "living" not in bar(shell, width=200)


@pytest.mark.parametrize("width", [40, 60, 80, 150])
def test_toolbar_fits(shell: Shell, width: int) -> None:
    shell.onecmd("hostname " + "x" * 64)
    shell.status = 130
    assert len(bar(shell, 5000.0, width)) <= width
    if width >= 80:
        assert "needs flags +uts" in bar(shell, 5000.0, width)


def test_who_is_inside(shell: Shell) -> None:
    shell.host.uid = 1234567
    assert user_inside(shell) == "uid 1234567"
    for lines, who in [
        (["flags +user"], "nobody"),
        (["map root"], "root"),
        (["map self"], "uid 1234567"),
        (["uidmap 7 1234560 100"], "uid 14"),
        (["uidmap 0 5 1"], "nobody"),
        (["flags -user"], "uid 1234567"),
    ]:
        for line in lines:
            shell.onecmd(line)
        assert user_inside(shell) == who, lines


def test_durations() -> None:
    assert [duration(s) for s in (0, 0.9999, 59.94, 61, 3700)] == [
        "0 ms", "1.0 s", "59.9 s", "1 min 01 s", "1 h 01 min",
    ]  # fmt: skip
