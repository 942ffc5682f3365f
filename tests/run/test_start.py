"""A run that is started and not waited for: it goes on by itself, and nobody else touches it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nsh.call import CHILD, PARENT, Call, Plan
from nsh.host import Host
from nsh.plan.order import plan
from nsh.run.perform import CallFailed, launch, start
from nsh.run.running import Running
from nsh.state import START, State
from tests.runs import ROOT, children, until

FORKS = [
    pytest.param(START, id="one process"),
    pytest.param(START.replace(flags=("pid",)), id="PID 1"),
    pytest.param(START.replace(flags=("time",)), id="time"),
]
PLAIN_AND_TRACED = [
    pytest.param(None, id="plain"),
    pytest.param(lambda call, values, result, error: None, id="traced"),
]


def to(state: State, *argv: str) -> Plan:
    return plan(state, argv, Host())


def descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


def is_command(pid: int, *argv: str) -> bool:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    return words == "".join([word + "\0" for word in argv])


def finish(*runs: Running) -> None:
    for run in runs:
        run.signal(signal.SIGKILL)
        run.wait()


@pytest.mark.parametrize("trace", PLAIN_AND_TRACED)
@pytest.mark.parametrize("state", FORKS)
def test_it_is_alive_until_it_is_ended_by_a_signal(
    state: State, trace: Callable[..., None] | None
) -> None:
    before = descriptors()
    run = start(to(state, "sleep", "60"), trace)
    try:
        # The pipe closes before the kernel has set the command line.
        until(lambda: is_command(run.pid, "sleep", "60"), "the command")
        assert descriptors() == before
        assert not run.has_ended()
        assert run.pids[-1] == run.pid
        assert set(children(os.getpid())) >= {run.pid}
    finally:
        # PID 1 gets no signal that it does not handle, but SIGKILL.
        number = signal.SIGKILL if "pid" in state.flags else signal.SIGTERM
        run.signal(number)
        outcome = run.wait()
    assert (outcome.status, outcome.signal) == (128 + number, number)
    assert not outcome.interrupted
    assert outcome.pids == run.pids
    assert len(run.pids) == (2 if state.flags else 1)
    assert run.has_ended()
    assert not set(run.pids) & set(children(os.getpid()))


@pytest.mark.parametrize("state", FORKS)
def test_the_chain_of_a_run_is_known(state: State) -> None:
    wanted = to(state, "true")
    run = start(wanted)
    assert run.own == wanted.chain() == ((CHILD, wanted.last) if state.flags else (CHILD,))
    assert [run.values[name] for name in run.own] == list(run.pids)
    assert run.wait().status == 0


@pytest.mark.parametrize("trace", PLAIN_AND_TRACED)
@pytest.mark.parametrize("state", FORKS)
def test_a_command_does_its_work_before_anybody_waits(
    state: State, trace: Callable[..., None] | None, tmp_path: Path
) -> None:
    # A traced one stops at its execve: it has to be let go by start, not by the wait.
    made = tmp_path / "made"
    run = start(to(state, "sh", "-c", f"echo done > {made}; exit 7"), trace)
    until(run.has_ended, "the end of the command")
    assert made.read_text() == "done\n"
    assert children(os.getpid())[run.pid] == "Z"
    assert run.has_ended()
    assert run.wait().status == 7
    assert run.wait().status == 7
    assert run.has_ended()


def test_a_signal_for_one_that_has_ended_goes_nowhere() -> None:
    run = start(to(START, "true"))
    until(run.has_ended, "the end of the command")
    run.signal(signal.SIGKILL)
    assert run.wait().status == 0
    run.signal(signal.SIGKILL)


@pytest.mark.parametrize("trace", PLAIN_AND_TRACED)
@pytest.mark.parametrize("state", FORKS)
def test_another_run_comes_and_goes_beside_it(
    state: State, trace: Callable[..., None] | None
) -> None:
    run = start(to(state, "sleep", "60"), trace)
    try:
        for status in range(3):
            outcome = launch(to(state, "sh", "-c", f"exit {status}"), trace)
            assert (outcome.status, set(outcome.pids) & set(run.pids)) == (status, set())
        with pytest.raises(CallFailed):
            launch(to(state, "/nosuch"), trace)
        assert not run.has_ended()
        assert is_command(run.pid, "sleep", "60")
    finally:
        finish(run)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("state", FORKS)
def test_two_at_once_are_waited_for_in_any_order(state: State, first: int) -> None:
    runs = [start(to(state, "sh", "-c", f"read line; exit {code}"), None) for code in (3, 4)]
    assert [run.wait().status for run in runs[:: -1 if first else 1]] == (
        [4, 3] if first else [3, 4]
    )


@pytest.mark.parametrize("first", [0, 1])
def test_the_wait_for_one_does_not_take_the_end_of_another(first: int) -> None:
    # The one that is waited for ends long after the other.
    runs = [start(to(START, "sleep", "60")), start(to(START, "sh", "-c", "exit 5"))]
    until(runs[1].has_ended, "the end of the short one")
    runs[0].signal(signal.SIGTERM)
    found = {index: runs[index].wait().status for index in (first, 1 - first)}
    assert found == {0: 143, 1: 5}


@pytest.mark.parametrize("trace", PLAIN_AND_TRACED)
@pytest.mark.parametrize("state", FORKS)
@pytest.mark.parametrize("wrong", ["/nosuch", "/", "/etc/passwd"])
def test_a_call_that_fails_leaves_nothing(
    state: State, trace: Callable[..., None] | None, wrong: str
) -> None:
    before = descriptors(), children(os.getpid())
    with pytest.raises(CallFailed) as failed:
        start(to(state, wrong), trace)
    assert failed.value.call.name == "execve"
    assert failed.value.errno == (errno.ENOENT if wrong == "/nosuch" else errno.EACCES)
    assert (descriptors(), children(os.getpid())) == before


def test_a_call_of_the_parent_that_fails_leaves_nothing() -> None:
    wanted = to(START.replace(flags=("pid", "user"), uidmap="root", gidmap="root"), "true")
    calls = [
        call.replace(args=(call.args[0], "/nosuch", *call.args[2:]))
        if call.name == "openat"
        else call
        for call in wanted.calls
    ]
    before = descriptors(), children(os.getpid())
    with pytest.raises(CallFailed) as failed:
        start(wanted.replace(calls=tuple(calls)))
    assert (failed.value.call.actor, failed.value.errno) == (PARENT, errno.ENOENT)
    assert (descriptors(), children(os.getpid())) == before


def kill_at_first_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a child is killed as it is about to tell something."""
    me, write = os.getpid(), os.write

    def dies(fd: int, data: bytes) -> int:
        if os.getpid() != me:
            os.kill(os.getpid(), signal.SIGKILL)
        return write(fd, data)

    monkeypatch.setattr(os, "write", dies)


@pytest.mark.parametrize("flag", ["pid", "time"])
def test_a_process_whose_fork_was_not_reported_is_ended_and_others_are_not(
    flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The other run is as young, and so a child that was not reported to the second one, either.
    other = start(to(START.replace(flags=(flag,)), "sleep", "60"))
    try:
        before = children(os.getpid())
        kill_at_first_report(monkeypatch)
        run = start(to(START.replace(flags=(flag,)), "sleep", "60"))
        assert (run.pid, len(run.pids)) == (0, 1)
        assert run.has_ended()
        outcome = run.wait()
        assert (outcome.status, outcome.signal, outcome.pids) == (137, signal.SIGKILL, run.pids)
        assert set(children(os.getpid())) == set(before)
        assert not other.has_ended()
    finally:
        finish(other)


def test_a_start_that_fails_in_nsh_itself_ends_its_own_processes_alone() -> None:
    def breaks(call: Call, values: dict[str, int], result: int, error: int) -> None:
        if call.name == "unshare":
            raise MemoryError

    wanted = to(START.replace(flags=("pid",)), "sleep", "60")
    other = start(wanted)
    try:
        before = children(os.getpid())
        with pytest.raises(MemoryError):
            start(wanted, breaks)
        assert set(children(os.getpid())) == set(before)
        assert not other.has_ended()
    finally:
        finish(other)


SECCOMP_STRICT = Call(CHILD, "prctl", (22, 1), "from here on all but read and write kills")


@pytest.mark.parametrize("trace", PLAIN_AND_TRACED)
@pytest.mark.parametrize("flag", ["uts", "pid", "time"])
def test_a_child_killed_before_it_is_the_command(
    flag: str, trace: Callable[..., None] | None
) -> None:
    wanted = to(START.replace(flags=(flag,)), "true")
    at = next(index for index, call in enumerate(wanted.calls) if call.name == "unshare")
    before = descriptors(), children(os.getpid())
    run = start(
        wanted.replace(calls=(*wanted.calls[:at], SECCOMP_STRICT, *wanted.calls[at:])), trace
    )
    outcome = run.wait()
    assert (outcome.status, outcome.signal) == (137, signal.SIGKILL)
    assert (descriptors(), children(os.getpid())) == before


def test_ctrl_c_at_the_very_end_of_the_start_leaves_no_run_that_nobody_knows() -> None:
    def interrupts(call: Call, values: dict[str, int], result: int, error: int) -> None:
        if call.name == "execve" and not error:  # told when the last report has been read
            signal.raise_signal(signal.SIGINT)

    try:
        run = start(to(START, "sleep", "60"), interrupts)
    except KeyboardInterrupt:
        pytest.fail("the run is lost")
    run.signal(signal.SIGTERM)
    outcome = run.wait()
    assert (outcome.status, outcome.interrupted) == (143, True)


def test_ctrl_c_while_nsh_waits_for_a_report_ends_the_start() -> None:
    # The child reads what never comes, in the middle of its set-up, so nsh waits for its reports.
    driver = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from nsh.call import CHILD, Call
from nsh.host import Host
from nsh.plan.order import plan
from nsh.run.perform import start
from nsh.state import START
wanted = plan(START.replace(flags=("uts",)), ("true",), Host())
at = next(index for index, call in enumerate(wanted.calls) if call.name == "unshare")
waits = Call(CHILD, "read", (0, b"x", 1), "as long as it takes")
os.write(1, b"begun")
try:
    start(wanted.replace(calls=(*wanted.calls[:at], waits, *wanted.calls[at:])))
except KeyboardInterrupt:
    pass
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    os.write(1, b" alone " + str(len(os.listdir("/proc/self/fd"))).encode())
"""
    never, end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", driver],
        stdin=never,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: children(process.pid), "the child")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == (b"begun alone 4", b"")
    finally:
        process.kill()
        process.wait()
        os.close(never)
        os.close(end)
