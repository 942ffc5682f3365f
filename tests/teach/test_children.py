"""The hints about children that stay, and for who joins their namespaces."""

from __future__ import annotations

import pytest

from tests import needs
from tests.conftest import nsh
from tests.told import fixes, hints

LIVE = [
    ("flags +pid; start box sleep 1000", "enter box ps", "no proc was mounted in it"),
    ("start box sleep 1000; hostname other", "enter box true", "hostname other is for run"),
    ("flags +uts; start box; env A=1", "enter box true", "env A=1 is for run"),
    ("flags +pid; start box sleep 1000", "signal box TERM", "PID 1 gets no signal"),
    ("flags +pid; start box sleep 1000; flags -pid; join box pid", "run ps", "not joined"),
    ("flags +user +pid; map root; start box; reset all; join box user pid", "run ps", "not joined"),
    ("flags +pid; start box sleep 1000", "stop box", "had its 2 seconds and was killed"),
    (
        "flags +pid; start box sleep 1000; flags -pid; start b",
        "stop box b",
        "box had its 2 seconds",
    ),
    ("flags +uts; start pod; join pod uts", "run true", "+uts: new ones are made on top of what"),
    ("flags +net +uts; start pod; join pod", "start b", "+net +uts: new ones are made on top"),
]
NOT_LIVE = [
    ("flags +pid +mnt; mount proc /proc; start box sleep 1000", "enter box ps"),
    ("flags +pid; start box sleep 1000", "enter box true"),
    ("start box sleep 1000", "enter box ps"),
    ("flags +uts; hostname box; start box sleep 1000", "enter box uname -n"),
    ("hostname one; flags +uts; start box sleep 1000; reset all", "enter box uname -n"),
    ("start box sleep 1000", "signal box URG"),
    ("flags +pid; start box sleep 1000", "signal box KILL"),
    ("flags +pid; start box", "signal box TERM"),
    ("flags +pid; start box sleep 1000; signal box KILL; wait box", "stop box"),
    ("flags +pid; init on; start box sleep 1000", "stop box"),
    ("start box sh -c 'trap : TERM; while :; do sleep 1; done'; sh sleep 0.1", "stop box"),
    ("flags +mnt; start pod; join pod", "run true"),
    ("flags +net +uts; start pod; join pod; flags -net -uts", "run true"),
    ("flags +pid; init on; start box sleep 1000", "signal box USR1"),
    ("flags +pid; start box sh -c 'trap : USR1; sleep 0.2; cat'; sh sleep 0.1", "signal box USR1"),
    ("flags +pid +mnt; start box sleep 1000; flags -pid -mnt; join box", "run true"),
    ("", "start box sleep 1000"),
    ("", "start box sh -c true"),
]


@pytest.mark.parametrize(("before", "line", "word"), needs.cases(LIVE))
def test_a_surprise_about_a_child_is_explained_once(before: str, line: str, word: str) -> None:
    result = nsh(stdin=f"hints on\n{before}\n{line}\n{line}\n")
    [hint] = hints(result.stderr)
    assert word in hint
    assert fixes(result.stderr)


@pytest.mark.parametrize(("before", "line"), needs.cases(NOT_LIVE))
def test_a_child_that_does_what_one_expects_gets_none(before: str, line: str) -> None:
    result = nsh(stdin=f"hints on\n{before}\n{line}\n")
    assert result.stderr == ""


@pytest.mark.parametrize("shell", ["sh", "/bin/bash"])
def test_a_shell_without_input_is_over_at_once(shell: str) -> None:
    lines = ["hints on", f"start box {shell}", "wait box"]
    told = nsh(stdin="\n".join(lines) + "\n").stderr
    assert told.count("hint: ") == 1
    assert "box is over" in told
    [fix] = fixes(told)
    mended = nsh(stdin="\n".join([*lines, fix, "enter box true"]) + "\n")
    assert (mended.returncode, mended.stderr) == (0, told)


@needs.NAMESPACES
def test_what_the_hints_about_a_child_propose_mends_it() -> None:
    lines = ["hints on", "flags +pid", "start box sleep 1000", "enter box ps"]
    [fix] = fixes(nsh(stdin="\n".join(lines) + "\n").stderr)
    lines[1:1] = ["flags +pid", *fix.split("; ")[1:]]
    assert nsh(stdin="\n".join(lines) + "\n").stderr == ""

    lines = ["hints on", "flags +pid", "start box sleep 1000", "signal box"]
    told = nsh(stdin="\n".join(lines) + "\n").stderr
    [fix] = fixes(told)
    lines += [*fix.split("; "), "wait box", "start box sleep 1000", "signal box", "wait box"]
    result = nsh(stdin="\n".join(lines) + "\n")
    assert (result.returncode, result.stderr) == (143, told)


@needs.NAMESPACES
def test_an_init_that_is_on_is_not_proposed() -> None:
    lines = ["hints on", "flags +user +pid", "map root", "start box sleep 1000", "init on"]
    told = nsh(stdin="\n".join([*lines, "stop box"]) + "\n").stderr
    assert len(hints(told)) == 1
    assert fixes(told) == []


@needs.NAMESPACES
def test_what_the_hint_about_a_pod_proposes_shows_what_is_joined() -> None:
    lines = ["hints on", "flags +uts", "hostname pod", "start pod sleep 1000", "reset all"]
    look = "readlink /proc/self/ns/uts"
    lines += ["flags +uts", "join pod uts", f"enter pod {look}", f"run {look}"]
    result = nsh(stdin="\n".join(lines) + "\n")
    assert len(set(result.stdout.split())) == 2
    assert result.stderr.count("hint: ") == 1
    [fix] = fixes(result.stderr)
    assert fix == "flags -uts"
    mended = nsh(stdin="\n".join([*lines, fix, lines[-1]]) + "\n")
    inside, on_top, joined = mended.stdout.split()
    assert (inside == joined, on_top == joined) == (True, False)
