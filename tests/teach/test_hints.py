"""Hints: one line after a run that met a surprise, once each."""

from __future__ import annotations

import shutil

import pytest

from nsh.shell import Shell
from nsh.state import Mount, State
from nsh.teach.hints import UNREACHABLE, met
from tests import needs
from tests.conftest import nsh
from tests.told import fixes, hints

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
    ("flags +net", "sh bash -c ': > /dev/tcp/10.0.0.1/9'", "even 127.0.0.1"),
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
    [hint] = hints(result.stderr)
    assert word in hint
    assert len(fixes(result.stderr)) == 1
    assert "hint: " not in result.stdout


@pytest.mark.parametrize(("before", "run"), NOT_MET)
def test_what_is_no_surprise_gets_no_hint(before: str, run: str) -> None:
    assert "hint: " not in nsh(stdin=f"hints on\n{before}\n{run}\n").stderr


@needs.NAMESPACES
def test_what_the_hint_proposes_mends_it() -> None:
    for before, run, _ in MET:
        told = nsh(stdin=f"hints on\n{before}\n{run}\n").stderr
        [fix] = fixes(told)
        if fix.startswith("sh "):
            assert "hint: " not in nsh(stdin=f"hints on\n{before}\n{fix}\n").stderr
            continue
        result = nsh(stdin=f"hints on\n{before}\n{fix}\n{run}\n")
        assert "hint: " not in result.stderr, fix
        assert result.returncode == run.startswith("diff")  # now there is a difference


REACH = [
    ("ping", "run ping -c1 10.0.0.1", "ping -c1 127.0.0.1"),
    ("curl", "run curl -s http://localhost:9/", "curl -s http://localhost:9/"),
    ("curl", "run curl -s http://10.0.0.1/", "ip addr"),
    ("bash", "run bash -c ': < /dev/tcp/127.0.0.1/9'", "bash -c ': < /dev/tcp/127.0.0.1/9'"),
]


@needs.NAMESPACES
@pytest.mark.parametrize(("program", "run", "then"), REACH)
def test_who_reaches_nobody_is_told_that_the_loopback_is_down(
    program: str, run: str, then: str
) -> None:
    if not shutil.which(program):
        pytest.skip(f"needs the program {program}")
    told = nsh("-c", "hints on; flags +net", "-c", run).stderr
    assert hints(told) == [UNREACHABLE]
    assert fixes(told) == [f"sh ip link set lo up; {then}"]
    assert "unreachable" not in nsh("-c", "flags +net", "-c", fixes(told)[0], merged=True).stdout


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


@needs.NAMESPACES
def test_what_a_run_leaves_in_the_background() -> None:
    told = nsh(stdin="hints on\nsh sleep 0.2 &\nsh sleep 0.2 &\n").stderr
    assert told.count("hint: ") == 1
    assert "lives on" in told
    [fix] = fixes(told)
    told = nsh(stdin=f"hints on\n{fix}\nrun sh -c 'sleep 1000 &'\nsh sleep 1000 &\n").stderr
    assert told.count("hint: ") == 1
    assert "is gone" in told
    assert nsh(stdin="hints on\nsh sleep 0.01 & wait\nsh echo 'a &' && true\n").stderr == ""


def test_what_a_hint_proposes_is_offered_at_the_prompt() -> None:
    shell = Shell()
    for line, lines, following in (
        ("hints on", (), ""),
        ("flags +user", (), ""),
        ("run id", ("map root",), ""),  # and then this line again
        ("run echo $HOME", (), "sh echo $HOME"),  # in the place of this line
    ):
        shell.run_line(line)
        assert (shell.fixes, shell.following) == (lines, following), line
    shell.run_line("hints on; run nosuchprogram; run echo $HOME")
    assert (shell.fixes, shell.following) == (("sh echo $PATH",), "")  # those of the error
