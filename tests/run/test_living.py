"""Children that stay: what they are made by, what they write, how they end, and with whom."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nsh.call import KEEPER, PARENT
from nsh.host import Host
from nsh.linux import syscalls
from nsh.plan.order import plan
from nsh.run.living import Living
from nsh.run.perform import CallFailed, launch
from nsh.state import START, Join, State
from tests import needs
from tests.run.living import FAILING, descriptors, sh, start, wanted_of
from tests.runs import children, marked, until

FORKS = [
    pytest.param(START, id="one process"),
    pytest.param(START.replace(flags=("pid",)), id="PID 1", marks=needs.NAMESPACES),
    pytest.param(START.replace(flags=("pid",), init=True), id="init", marks=needs.NAMESPACES),
    pytest.param(START.replace(flags=("time",)), id="time", marks=needs.NAMESPACES),
    pytest.param(START.replace(flags=("user",), uidmap="root", gidmap="root"), id="user"),
]


@pytest.mark.parametrize("state", FORKS)
def test_it_lives_until_it_is_stopped(state: State, stopping: list[Living]) -> None:
    child = start(state, "sleep", "60")
    stopping.append(child)
    assert child.lives
    assert child.inside == (1 if state.has("pid") else child.pid)
    assert set(child.made) == set(state.flags)
    assert children(os.getpid()) == {child.keeper: "S"} or child.keeper in children(os.getpid())
    assert child.pid in children(child.keeper)
    child.ask_to_end()
    # PID 1 without a handler gets no SIGTERM, but the SIGKILL afterwards. See pid_namespaces(7).
    deaf = state.has("pid") and not state.init
    assert child.stop(time.monotonic() + (0.1 if deaf else 30)) == (137 if deaf else 143)
    assert not child.lives
    assert not os.path.exists(f"/proc/{child.pid}")
    with pytest.raises(ProcessLookupError):
        child.signal(signal.SIGTERM)


@pytest.mark.parametrize("state", FORKS)
@pytest.mark.parametrize(("line", "status"), [("exit 3", 3), ("kill -9 $$", 137), ("exit 0", 0)])
def test_its_status_is_the_commands(
    state: State, line: str, status: int, stopping: list[Living]
) -> None:
    if "kill" in line and state.has("pid") and not state.init:
        status = 0  # from inside, PID 1 is not to be killed: sh goes on to its end
        line = f"{line}; exit 0"
    child = sh(state, line)
    stopping.append(child)
    assert child.wait() == status
    assert child.wait() == status


@pytest.mark.parametrize("state", FORKS)
def test_without_a_command_it_is_a_pause(state: State, stopping: list[Living]) -> None:
    if state.init:
        state = state.replace(init=False)
    child = start(state)
    stopping.append(child)
    assert Path(f"/proc/{child.pid}/cmdline").read_text().startswith("nsh: pause\0")
    assert Path(f"/proc/{child.pid}/comm").read_text() == "nsh-pause\n"
    assert os.listdir(f"/proc/{child.pid}/fd").sort() is None
    assert sorted(os.listdir(f"/proc/{child.pid}/fd")) == ["0", "1", "2"]
    # Right after the start, SIGTERM is not lost.
    assert child.stop(child.ask_to_end() + 30) == 143


def test_a_pause_ends_at_sigterm_each_time(stopping: list[Living]) -> None:
    state = START.replace(flags=("user", "pid"), uidmap="root")
    for _ in range(20):
        child = start(state)
        stopping.append(child)
        child.signal(signal.SIGTERM)
        assert child.wait() == 143


@needs.NAMESPACES
@pytest.mark.parametrize("init", [False, True])
def test_a_pause_and_an_init_reap_what_is_orphaned(
    init: bool, mark: str, stopping: list[Living]
) -> None:
    child = start(START.replace(flags=("pid",), init=init), *(["sleep", "60"] if init else []))
    stopping.append(child)
    host = Host()
    host.living = {"web": child.pid}
    joined = State(joins=(Join("web", ("pid",)),))
    assert launch(plan(joined, ("sh", "-c", f"(sleep {mark} &)"), host)).status == 0
    [orphan] = marked(mark)
    assert orphan in children(child.pid)
    os.kill(orphan, signal.SIGKILL)
    until(lambda: orphan not in children(child.pid), "the zombie to be reaped")


@pytest.mark.parametrize("state", FORKS)
def test_an_init_hands_signals_on_and_the_command_is_its_child(
    state: State, stopping: list[Living]
) -> None:
    child = sh(state, 'trap "echo heard; exit 7" USR1; echo ready; while :; do sleep 0.01; done')
    stopping.append(child)
    until(lambda: b"ready" in child.written()[1], "the command to be ready")
    child.signal(signal.SIGUSR1)
    assert child.wait() == 7
    assert child.written() == (0, b"ready\nheard\n")


# What fails.


@pytest.mark.parametrize(("at", "name"), wanted_of(FAILING))
def test_each_call_of_the_keeper_and_below_may_fail(
    at: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plan(FAILING, ("/bin/sleep", "60"), Host(), stays=True)
    inside = [index for index, call in enumerate(made.calls) if call.actor != PARENT]
    real: Callable[..., Any] = syscalls.in_c
    seen: list[str] = []

    def fails(*_: object) -> int:
        import ctypes

        ctypes.set_errno(errno.ENOSPC)
        return -1

    def in_c(wanted: str, args: tuple[Any, ...]) -> Any:
        seen.append(wanted)
        return (fails, args) if inside[len(seen) - 1] == at else real(wanted, args)

    monkeypatch.setattr(syscalls, "in_c", in_c)
    before = descriptors(), children(os.getpid())
    with pytest.raises(CallFailed) as failed:
        Living("web", made, None)
    assert (failed.value.call, failed.value.errno) == (made.calls[at], errno.ENOSPC)
    assert (descriptors(), children(os.getpid())) == before
    known = [failed.value.values[who] for who in made.chain() if who in failed.value.values]
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in known), "the end of all")


@pytest.mark.parametrize("function", ["pipe2", "memfd_create", "pidfd_open", "waitid"])
def test_functions_of_nsh_itself_may_fail(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan(FAILING, ("/bin/sleep", "60"), Host(), stays=True)
    before = descriptors(), children(os.getpid())

    def fails(*_: object) -> int:
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr(os, function, fails)
    try:
        child = Living("web", made, None)
    except (OSError, CallFailed):
        child = None
    monkeypatch.undo()
    if child is not None:
        child.end()
        child.wait()
        child.close()
    assert (descriptors(), children(os.getpid())) == before


def test_many_leave_nothing(stopping: list[Living]) -> None:
    before = descriptors(), set(children(os.getpid()))
    living = [start(START, "sleep", "60") for _ in range(200)]
    try:
        assert len({child.pid for child in living}) == 200
        assert all(child.lives for child in living)
    finally:
        for child in living:
            child.end()
        for child in living:
            assert child.wait() == 137
            child.close()
    assert (descriptors(), set(children(os.getpid()))) == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_end_of_its_keeper_is_its_end(number: int, stopping: list[Living]) -> None:
    child = start(START, "sleep", "60")
    stopping.append(child)
    pid = child.pid
    os.kill(child.keeper, number)
    assert child.wait() == 137
    until(lambda: not os.path.exists(f"/proc/{pid}"), "the end of the child")


def test_ctrl_c_of_the_terminal_is_not_for_it(stopping: list[Living]) -> None:
    child = start(START, "sleep", "60")
    stopping.append(child)
    assert os.getsid(child.keeper) == child.keeper
    assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid


def test_the_keeper_holds_nothing_of_nsh(stopping: list[Living]) -> None:
    child = start(START, "sleep", "60")
    stopping.append(child)
    links = [
        os.readlink(f"/proc/{child.keeper}/fd/{fd}")
        for fd in os.listdir(f"/proc/{child.keeper}/fd")
    ]
    until(
        lambda: Path(f"/proc/{child.keeper}/cmdline").read_bytes()[:9] == b"nsh: keep", "its title"
    )
    until(lambda: len(os.listdir(f"/proc/{child.keeper}/fd")) == 5, "it to close the others")
    assert child.plan.chain()[0] == KEEPER
    assert links


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP])
def test_what_it_sends_to_its_group_does_not_reach_the_keeper(
    number: int, mark: str, stopping: list[Living]
) -> None:
    line = (
        f"trap 'echo heard' USR1 TERM; (setsid sleep {mark} &); kill -{number} 0; sleep {mark}; :"
    )
    child = sh(START, line)
    stopping.append(child)
    if number == signal.SIGKILL:
        assert child.wait() == 137
    else:
        until(lambda: len(marked(mark)) >= 2, "its processes")
        assert child.lives
        child.ask_to_end()
        child.end()
        child.wait()
    assert not marked(mark)


def test_a_stopped_keeper_goes_on_to_end_it(stopping: list[Living]) -> None:
    child = start(START, "sleep", "60")
    stopping.append(child)
    os.kill(child.keeper, signal.SIGSTOP)
    child.end()
    assert child.wait() == 137


def test_after_a_kill_it_is_known_to_have_ended(stopping: list[Living]) -> None:
    for _ in range(20):
        child = start(START, "sleep", "60")
        stopping.append(child)
        child.signal(signal.SIGKILL)
        assert not child.lives
        assert child.status == 137


@needs.NAMESPACES
def test_with_an_init_a_child_without_a_command_is_a_pause(stopping: list[Living]) -> None:
    child = start(START.replace(flags=("pid",), init=True))
    stopping.append(child)
    names = [call.name for call in child.plan.calls]
    assert names.count("rt_sigtimedwait") == 1
    assert child.stop(child.ask_to_end() + 30) == 143
