"""Hints: one line after a run that met a surprise, once each."""

from __future__ import annotations

import pytest

from nsh.state import Mount, State
from nsh.teach.hints import met
from tests import needs
from tests.conftest import nsh

PROC = Mount("proc", "proc", "/proc")

MET = [
    ("flags +pid", "run ps", "proc"),
    ("flags +pid", "sh ls /proc | head", "proc"),
    ("flags +mnt", "run findmnt /", "copy"),
    ("flags +mnt", "run cat /proc/self/mountinfo", "copy"),
    ("flags +uts", "run uname -n", "inherited"),
    ("flags +user", "run id", "nobody"),
    ("flags +net", "run ip address", "down"),
    ("flags +net", "sh bash -c ': > /dev/tcp/127.0.0.1/9'", "down"),
    ("flags +mnt", "diff sort /proc/self/mounts", "copy"),
    ("flags +user", "run ls -la /etc/passwd", "nobody"),
    ("flags +user", "run stat -c %U /etc/passwd", "nobody"),
    ("flags +uts", "run env -i uname -a", "inherited"),
    ("flags +pid", "sh cd /; if true; then ps; fi", "proc"),
]
NOT_MET = [
    ("flags +pid", "run true"),
    ("flags +pid +mnt; mount proc /proc", "run ps"),
    ("flags +mnt; mount tmpfs /mnt", "run findmnt /mnt"),
    ("flags +uts; hostname box", "run uname -n"),
    ("flags +uts", "sh hostname box; uname -n"),
    ("flags +user; map root", "run id"),
    ("flags +net", "sh ip link set lo up; ip address"),
    ("flags +ipc", "run id"),
    ("", "run ps"),
    ("flags +pid", "run cat /proc/cpuinfo"),
    ("flags +pid", "run cat /proc/self/mounts"),
    ("flags +pid", "sh echo ps; echo 'a; ps'"),
    ("flags +pid", "run printf ps"),
    ("flags +pid +mnt; umount /proc -l", "run ls /proc"),
    ("flags +mnt", "sh echo mount # findmnt"),
    ("flags +mnt", "sh mount -t tmpfs none /mnt; findmnt /mnt"),
    ("flags +uts", "run uname -r"),
    ("flags +uts", "run uname"),
    ("flags +uts", "run cat /proc/sys/kernel/ostype"),
    ("flags +user", "run ls /"),
    ("flags +user", "run stat -c %i /etc/passwd"),
    ("flags +net", "run ls /sys/class/net"),
    ("flags +net", "sh ip link add veth0 type veth peer name veth1; ip -brief link"),
    ("flags +net", "run echo ip"),
]


@pytest.mark.parametrize(("before", "run", "word"), needs.cases(MET))
def test_a_surprise_is_explained_once(before: str, run: str, word: str) -> None:
    result = nsh(stdin=f"hints on\n{before}\n{run}\n{run}\n")
    hints = [line for line in result.stderr.splitlines() if "hint: " in line]
    assert len(hints) == 1
    assert word in hints[0]
    assert "; try: " in hints[0]
    assert "hint: " not in result.stdout


@pytest.mark.parametrize(("before", "run"), NOT_MET)
def test_what_is_no_surprise_gets_no_hint(before: str, run: str) -> None:
    assert "hint: " not in nsh(stdin=f"hints on\n{before}\n{run}\n").stderr


@needs.NAMESPACES
def test_what_the_hint_proposes_mends_it() -> None:
    for before, run, _ in MET:
        told = nsh(stdin=f"hints on\n{before}\n{run}\n").stderr
        fix = told.partition("; try: ")[2].strip()
        if fix.startswith("sh "):
            assert "hint: " not in nsh(stdin=f"hints on\n{before}\n{fix}\n").stderr
            continue
        result = nsh(stdin=f"hints on\n{before}\n{fix}\n{run}\n")
        assert "hint: " not in result.stderr, fix
        assert result.returncode == run.startswith("diff")  # now there is a difference


@needs.NAMESPACES
def test_scripts_get_none_and_the_switch_shows_itself() -> None:
    assert nsh(stdin="flags +pid\nrun ps\n").stderr == ""
    assert nsh(stdin="hints\nhints on\nhints\nhints off\nhints\n").stdout == "off\non\noff\n"


def test_a_run_that_failed_to_start_gets_none() -> None:
    assert met(State(flags=("pid",)), ["ps"], 125) is None


def test_a_shell_looks_at_everything_one_surprise_at_a_time() -> None:
    state = State(flags=("pid", "mnt", "uts", "net"))
    given: list[str] = []
    while (hint := met(state, ["/bin/bash"], 0, given)) is not None:
        given.append(hint.name)
    assert given == ["proc", "mounts", "name", "loopback"]


def test_a_bind_of_proc_is_still_the_hosts() -> None:
    state = State(flags=("pid", "mnt"), mounts=(Mount("rbind", "/proc", "/proc"),))
    assert met(state, ["ps"], 0) is not None
    assert met(state.replace(mounts=(PROC,)), ["ps"], 0) is None


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
    hints = [text for text in result.stderr.splitlines() if "hint: " in text]
    assert len(hints) == 1
    assert word in hints[0]
    assert "; try: " in hints[0]


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
    fix = told.partition("; try: ")[2].strip()
    mended = nsh(stdin="\n".join([*lines, fix, "enter box true"]) + "\n")
    assert (mended.returncode, mended.stderr) == (0, told)


@needs.NAMESPACES
def test_what_the_hints_about_a_child_propose_mends_it() -> None:
    lines = ["hints on", "flags +pid", "start box sleep 1000", "enter box ps"]
    fix = nsh(stdin="\n".join(lines) + "\n").stderr.partition("; try: ")[2].strip()
    lines[1:1] = ["flags +pid", *fix.split("; ")[1:]]
    assert nsh(stdin="\n".join(lines) + "\n").stderr == ""

    lines = ["hints on", "flags +pid", "start box sleep 1000", "signal box"]
    told = nsh(stdin="\n".join(lines) + "\n").stderr
    fix = told.partition("; try: ")[2].strip()
    lines += [*fix.split("; "), "wait box", "start box sleep 1000", "signal box", "wait box"]
    result = nsh(stdin="\n".join(lines) + "\n")
    assert (result.returncode, result.stderr) == (143, told)


@needs.NAMESPACES
def test_what_a_run_leaves_in_the_background() -> None:
    told = nsh(stdin="hints on\nsh sleep 0.2 &\nsh sleep 0.2 &\n").stderr
    assert told.count("hint: ") == 1
    assert "lives on" in told
    fix = told.partition("; try: ")[2].strip()
    told = nsh(stdin=f"hints on\n{fix}\nrun sh -c 'sleep 1000 &'\nsh sleep 1000 &\n").stderr
    assert told.count("hint: ") == 1
    assert "is gone" in told
    assert nsh(stdin="hints on\nsh sleep 0.01 & wait\nsh echo 'a &' && true\n").stderr == ""


@needs.NAMESPACES
def test_what_the_hint_about_a_pod_proposes_shows_what_is_joined() -> None:
    lines = ["hints on", "flags +uts", "hostname pod", "start pod sleep 1000", "reset all"]
    look = "readlink /proc/self/ns/uts"
    lines += ["flags +uts", "join pod uts", f"enter pod {look}", f"run {look}"]
    result = nsh(stdin="\n".join(lines) + "\n")
    assert len(set(result.stdout.split())) == 2
    assert result.stderr.count("hint: ") == 1
    fix = result.stderr.partition("; try: ")[2].strip()
    assert fix == "flags -uts"
    mended = nsh(stdin="\n".join([*lines, fix, lines[-1]]) + "\n")
    inside, on_top, joined = mended.stdout.split()
    assert (inside == joined, on_top == joined) == (True, False)
