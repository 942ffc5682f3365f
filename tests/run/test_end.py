"""What ends with nsh, and how: the command, what descends from it, and a run that is being set up."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import NSH, nsh
from tests.runs import STATES, children, marked, states, until
from tests.unprivileged import unprivileged_command


@contextmanager
def running(state: str, command: str, mark: str, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """nsh in the middle of a run, with that many processes that have the mark, nsh among them."""
    process = subprocess.Popen([*NSH, "-c", state, "-c", command], stdin=subprocess.DEVNULL)
    try:
        until(lambda: len(marked(mark)) == count, f"{count} processes")
        yield process
    finally:
        process.kill()
        process.wait()
        for pid in marked(mark):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> str:
    return f"1000.{os.getpid()}{abs(hash(request.node.name)) % 10**6:06}"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("state", states())
def test_a_command_ends_with_nsh(state: str, number: int, mark: str) -> None:
    with running(STATES[state], f"run sleep {mark}", mark, 2) as shell:
        shell.send_signal(number)
        assert shell.wait(30) == -number
        until(lambda: not marked(mark), "the end of the command")


TREE = "sh sleep {0} & (sh -c 'sleep {0} & wait; :' & wait) & setsid sleep {0} & wait"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("state", states("host", "user", "pid"))
def test_all_that_descends_from_a_command_ends_with_nsh(state: str, number: int, mark: str) -> None:
    # nsh, sh, its three sleeps, and the two shells between.
    with running(STATES[state], TREE.format(mark), mark, 7) as shell:
        shell.send_signal(number)
        assert shell.wait(30) == -number
        until(lambda: not marked(mark), "the end of all")


@needs.AROUND
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_an_nsh_that_is_pid_1(number: int, mark: str) -> None:
    process = subprocess.Popen(
        ["unshare", "-pf", "--mount-proc", "--kill-child", *NSH, "-c", f"run sleep {mark}"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        # unshare, nsh, and the child, which may not be the command yet
        until(lambda: len(marked(mark)) == 3, "the run")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        os.kill(int(children.read_text()), number)
        assert process.communicate(timeout=30)[1] == b""
        assert process.returncode == 128 + number
        assert not marked(mark)
    finally:
        process.kill()
        process.wait()


@needs.NAMESPACES
def test_all_in_a_pid_namespace_ends_with_nsh_killed(mark: str) -> None:
    with running("flags +pid", TREE.format(mark), mark, 7) as shell:
        shell.kill()
        shell.wait(30)
        until(lambda: not marked(mark), "the end of all")


def test_a_child_of_the_shell_that_became_nsh_is_left_alone(mark: str) -> None:
    other = mark.replace("1000.", "2000.")
    script = f'sleep {other} & exec "$@"'
    process = subprocess.Popen(
        ["sh", "-c", script, "sh", *NSH, "-c", f"run sleep {mark}"],
        stdin=subprocess.DEVNULL,
    )
    try:
        until(lambda: len(marked(mark)) == 2, "the run")
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
        until(lambda: not marked(mark), "the end of the command")
        assert len(marked(other)) == 1
    finally:
        process.kill()
        process.wait()
        for pid in marked(other):
            os.kill(pid, signal.SIGKILL)


def test_an_ignored_sighup_stays_ignored(mark: str) -> None:
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *NSH, "-c", f"run sleep {mark}"],
        stdin=subprocess.DEVNULL,
    )
    try:
        until(lambda: len(marked(mark)) == 2, "the run")
        process.send_signal(signal.SIGHUP)
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
        until(lambda: not marked(mark), "the end of the command")
    finally:
        process.kill()
        process.wait()


def test_a_child_whose_nsh_died_before_it_was_tied_to_it_ends(mark: str, tmp_path: Path) -> None:
    # The child is held up on its way into prctl, and nsh is killed meanwhile.
    delay = ["-e", "trace=prctl", "-e", "inject=prctl:delay_enter=2s:when=1"]
    strace = subprocess.Popen(
        [
            *("strace", "-f", "-qq", "-o", "/dev/null"),
            *delay,
            *NSH,
            "-c",
            f"run touch {tmp_path}/{mark}",
        ],
        stdin=subprocess.DEVNULL,
    )
    try:
        until(lambda: [pid for nsh in children(strace.pid) for pid in children(nsh)], "the child")
        [shell] = children(strace.pid)
        os.kill(shell, signal.SIGKILL)
        strace.wait(30)
        assert not list(tmp_path.iterdir())
    finally:
        strace.kill()
        strace.wait()
        for pid in marked(mark):
            os.kill(pid, signal.SIGKILL)


def test_a_process_whose_fork_was_not_reported_is_ended(mark: str) -> None:
    # The child is killed in the write that tells of PID 1, so that nsh never learns its pid.
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=write:signal=SIGKILL:when=1"]
    script = f"flags +pid\nrun sleep {mark}\n"
    result = nsh("-c", script, before=[*strace, "-e", "trace=write"])
    assert result.returncode == 137
    assert not marked(mark)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_the_end_of_nsh_during_set_up(number: int, mark: str, place: Path) -> None:
    # A newuidmap that takes its time: nsh waits for it, and the child for nsh.
    (place / "newuidmap").write_text(f"#!/bin/sh\nsleep {mark}\nexit 1\n")
    (place / "newuidmap").chmod(0o755)
    script = f"flags +user\nuidmap 0 3000000 10\nrun sleep {mark}"
    process = subprocess.Popen(
        [*unprivileged_command(gaining=True), "-c", script],
        env={"PATH": f"{place}:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    try:
        until(
            lambda: any(words.startswith("sleep") for words in marked(mark).values()), "newuidmap"
        )
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as the terminal does
        else:
            process.send_signal(number)
        assert process.wait(30) == -number
        if number == signal.SIGKILL:  # newuidmap's own child is nobody's to end
            until(lambda: len(marked(mark)) == 1, "the end of the child")
        else:
            until(lambda: not marked(mark), "the end of all")
    finally:
        process.kill()
        process.wait()
        for pid in marked(mark):
            os.kill(pid, signal.SIGKILL)
