"""What is said about a goal that is not reached, and what becomes of one that hangs."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

import pytest

from nsh.course import goal, lesson, trial
from nsh.state import START
from tests import needs
from tests.conftest import nsh
from tests.course.learner import LESSON, Learner
from tests.screen import Start

# What is said about a wrong try.


def test_a_long_miss_is_told_in_three_lines_before_what_to_do() -> None:
    [session] = [step.goal for step in lesson.read(lesson.path_of("net") or "").steps[:1]]
    missed = goal.missed(session, START, [])
    assert missed is not None
    link = os.readlink("/proc/self/ns/net")
    number = re.sub(r"\D", "", link)
    assert missed.lines(60) == [
        "run readlink /proc/self/ns/net",
        f"  expected `net:[not {number}]`",
        f"  saw      `{link}`",
        "the check is a run of its own in your state; try: hint",
    ]
    assert missed.lines(500)[:-1] == [str(missed)]


def test_a_try_that_misses_fits_the_terminal(tmp_path: Path) -> None:
    result = nsh(
        "--lesson", "net", stdin="run true\n", env={**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    )
    lines = result.stderr.splitlines()
    assert lines[0].endswith("not yet: run readlink /proc/self/ns/net")
    assert len(lines) == 4
    assert max(map(len, lines)) <= 80


@needs.NAMESPACES
def test_a_line_that_shows_what_is_asked_for_is_told_why_it_does_not_count(tmp_path: Path) -> None:
    def typed(lesson: str, *lines: str) -> list[str]:
        environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
        result = nsh("--lesson", lesson, stdin="\n".join(lines) + "\n", env=environ)
        assert result.stdout.endswith(" ps\n") or "foo\n" in result.stdout
        told = [line.partition("stdin:")[2] for line in result.stderr.splitlines()]
        return [line.partition(": ")[2] for line in told][-2:]

    line = "sh mount -t proc proc /proc && exec ps -e -o pid=,comm="
    gone = "the check is a run of its own: what was done in yours is gone with it"
    stays = "what is to stay belongs into the state; try: "
    assert typed("pid", "flags +pid +mnt", "run true", line) == [gone, stays + "mount proc /proc"]
    lines = ["flags +uts", "run true", "sh hostname foo; uname -n"]
    assert typed("uts", *lines) == [gone, stays + "hostname foo"]
    last = typed("uts", "lesson reset", *lines[:2], "sh A=foo; echo $A")[-1]
    assert last == "the check is a run of its own in your state; try: hint"
    miss = goal.Miss("run uname -n", 1, "`foo`", "`box`")
    assert miss.lines(80, "run", ["/bin/bash"])[1:] == [gone, "try: hint"]
    assert len(gone) <= 80 - len("nsh: ")


def test_what_a_run_did_is_not_what_the_check_finds_in_a_child() -> None:
    miss = goal.Miss("enter box ipcs -q", 1, "`0x...`", "nothing")
    looks = "the check looks into box, and your run was another child; try: hint"
    assert miss.lines(80, "sh", ["/bin/sh", "-c", "ipcmk -Q; ipcs -q"])[1:] == [looks]
    assert miss.lines(80, "enter", ["ipcs", "-q"])[1:] == ["try: hint"]


@needs.NAMESPACES
def test_the_hint_of_a_run_stands_before_the_next_step(learn: Learner) -> None:
    lines = ["hints on", "flags +uts", "run uname -n"]
    text = learn(*lines, path="uts").stdout
    places = [text.index(part) for part in ("hint: new uts namespace", "Reached: ", "Step 2 of 3")]
    assert places == sorted(places)


# A goal that hangs.


def _children_that_sleep(seconds: str) -> list[str]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if seconds.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                found.append(pid)
    return found


@pytest.mark.parametrize("line", ["run sleep TIME", "sh sleep TIME; true", "!sleep TIME; :"])
def test_a_goal_that_hangs_is_ended_with_all_it_started(
    learn: Learner, small: Path, line: str
) -> None:
    seconds = f"4711.{os.getpid()}"  # not what the same test sleeps elsewhere at the same time
    probe = line.replace("TIME", seconds)
    text = LESSON.replace("title: small", "title: small\ntimeout: 500ms")
    small.write_text(text.replace("run printenv WORD\nhello", f"{probe}\nhello"))
    result = learn("run echo next", "run echo last")
    assert result.stdout.count(f"not yet: {probe}") == 2
    assert result.stdout.count("none in 0.5 s\n") == 2
    assert result.stdout.index("next") < result.stdout.index("last")
    deadline = time.monotonic() + 20
    while _children_that_sleep(seconds):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.05)


def test_what_hangs_is_named_and_not_what_came_before(learn: Learner, small: Path) -> None:
    text = LESSON.replace("title: small", "title: small\ntimeout: 4s")
    hangs = "run printenv WORD\nhello\nnsh> run sleep 4713\nnsh> run true\n```"
    small.write_text(text.replace("run printenv WORD\nhello\n```", hangs, 1))
    result = learn("env WORD=hello", "run true")
    assert "not yet: run sleep 4713: expected its end, saw none in 4 s\n" in result.stdout


def test_who_waits_is_told_once_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    monkeypatch.setattr(trial, "_PATIENCE", 60)
    assert trial.limited(lambda: [1], 120, told.append) == [1]
    assert trial.limited(lambda: [os.system("exec sleep 60")], 0.1, told.append) is None
    assert told == []
    monkeypatch.setattr(trial, "_PATIENCE", 0.01)
    assert trial.limited(lambda: [os.system("exec sleep 0.5")], 60, told.append) == [0]
    assert told == [True, False]
    assert trial.limited(lambda: [os.system("exec sleep 60")], 0.3, told.append) is None
    assert told == [True, False] * 2


def test_at_the_prompt_it_is_said_that_a_check_takes_its_time(small: Path, start: Start) -> None:
    hangs = LESSON.replace("run printenv WORD\nhello", "run sleep 4714\n", 1)
    small.write_text(hangs.replace("title: small", "title: small\ntimeout: 30s"))
    tty = start()
    tty.line(f"lesson {small}")
    tty.until("Say hello.")
    tty.line("run echo began")
    tty.until("\nbegan\nchecking ...")
    tty.keys("C-c")
    tty.until(lambda screen: "checking" not in screen and "[130]" in screen)
