"""Children that stay: what they are made by, what they write, how they end, and with whom."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nsh.call import CHILD, KEEPER, PARENT, PID_1
from nsh.host import Host
from nsh.linux import syscalls
from nsh.plan.order import plan
from nsh.run.living import Living
from nsh.run.log import SIZE, Log
from nsh.run.perform import CallFailed, launch
from nsh.state import START, Join, State
from tests import needs
from tests.conftest import NSH, ROOT
from tests.runs import STATES, children, marked, states, until
from tests.unprivileged import unprivileged_command

FORKS = [
    pytest.param(START, id="one process"),
    pytest.param(START.replace(flags=("pid",)), id="PID 1", marks=needs.NAMESPACES),
    pytest.param(START.replace(flags=("pid",), init=True), id="init", marks=needs.NAMESPACES),
    pytest.param(START.replace(flags=("time",)), id="time", marks=needs.NAMESPACES),
    pytest.param(START.replace(flags=("user",), uidmap="root", gidmap="root"), id="user"),
]
DAEMONS = "setsid sleep {0} & (sleep {0} &) ; sleep {0} & sh -c 'sleep {0} & wait; :' & wait; :"
"""Four sleeps and two shells, in several sessions, with and without their parents."""
COUNT = 6


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> Iterator[str]:
    made = f"1000.{os.getpid()}{abs(hash(request.node.name)) % 10**6:06}"
    yield made
    for pid in marked(made):
        os.kill(pid, signal.SIGKILL)


def start(state: State, *argv: str) -> Living:
    return Living("web", plan(state, argv, Host(), stays=True), None)


def sh(state: State, line: str) -> Living:
    return start(state, "/bin/sh", "-c", line)


def descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


@pytest.fixture
def stopping() -> Iterator[list[Living]]:
    before = descriptors()
    living: list[Living] = []
    yield living
    for each in living:
        each.end()
        each.wait()
        each.close()
    assert descriptors() == before


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


def test_all_that_it_started_ends_with_it(mark: str, stopping: list[Living]) -> None:
    child = sh(START, DAEMONS.format(mark))
    stopping.append(child)
    until(lambda: len(marked(mark)) >= COUNT, "all of its processes")
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == 137
    assert not marked(mark)


def test_what_forks_all_the_time_does_not_get_away(mark: str, stopping: list[Living]) -> None:
    child = sh(START, f"f() {{ sleep {mark} & setsid sh -c 'sleep {mark} & :' ; f; }}; f")
    stopping.append(child)
    until(lambda: len(marked(mark)) > 20, "many processes")
    child.end()
    assert child.wait() == 137
    assert not marked(mark)


def sleeping(parent: int) -> list[int]:
    """The children of a process that sleep."""
    return [
        pid for pid in children(parent) if Path(f"/proc/{pid}/cmdline").read_bytes()[:5] == b"sleep"
    ]


@pytest.mark.parametrize("state", states())
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_all_ends_with_nsh_however_it_ends(state: str, number: int, mark: str) -> None:
    line = DAEMONS.format(mark)
    shell = subprocess.Popen(
        [*NSH, "-c", STATES[state], "-c", f'start web sh -c "{line}"', "-c", f"run sleep {mark}"],
        stdin=subprocess.DEVNULL,
    )
    try:
        # nsh, the six of the child, and a run.
        until(lambda: len(marked(mark)) >= COUNT + 2 and sleeping(shell.pid), "all processes")
        [run] = sleeping(shell.pid)
        shell.send_signal(number)
        if number == signal.SIGINT:  # which PID 1 does not get
            os.kill(run, signal.SIGKILL)
        assert shell.wait(30) == -number
        until(lambda: not marked(mark), "the end of all")
    finally:
        shell.kill()
        shell.wait()


def test_the_end_of_a_script_ends_them(mark: str) -> None:
    done = subprocess.run(
        [*NSH, "-c", f"start a sleep {mark}", "-c", f"start b sh -c 'sleep {mark} & wait; :'"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not marked(mark)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is another user")
def test_an_ordinary_users_children_end_too(mark: str) -> None:
    line = DAEMONS.format(mark)
    shell = subprocess.Popen(
        [*unprivileged_command(), "-c", f'start web sh -c "{line}"', "-c", f"run sleep {mark}"],
        stdin=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        until(lambda: len(marked(mark)) >= COUNT + 2, "all processes")
        shell.kill()
        shell.wait(30)
        until(lambda: not marked(mark), "the end of all")
    finally:
        shell.kill()
        shell.wait()


# What it writes.


def test_what_it_writes_is_kept(stopping: list[Living]) -> None:
    child = sh(START, "echo out; echo err >&2; read line || echo no input")
    stopping.append(child)
    child.wait()
    assert child.written() == (0, b"out\nerr\nno input\n")


def test_it_has_all_that_was_written_up_to_now(stopping: list[Living]) -> None:
    child = sh(START, "seq 20000; echo done; exec sleep 60")
    stopping.append(child)
    until(lambda: b"done" in child.written()[1], "its output")
    assert child.written()[1] == b"".join([b"%d\n" % n for n in range(1, 20001)]) + b"done\n"


def test_a_flood_is_bounded_and_what_is_dropped_is_counted(stopping: list[Living]) -> None:
    child = sh(START, "seq 1 400000 && echo end")
    stopping.append(child)
    child.wait()
    dropped, kept = child.written()
    whole = b"".join([b"%d\n" % n for n in range(1, 400001)]) + b"end\n"
    assert len(kept) == SIZE
    assert dropped == len(whole) - SIZE
    assert whole.endswith(kept)


def test_a_flood_does_not_stop_nsh_and_reading_it_gives_whole_lines(stopping: list[Living]) -> None:
    child = start(START, "yes", "abcdefghi")
    stopping.append(child)
    until(lambda: child.log.total > 3 * SIZE, "a flood")
    dropped, kept = child.written()
    assert dropped > SIZE
    shift = dropped % 10
    assert kept == (b"abcdefghi\n" * (len(kept) // 10 + 2))[shift : shift + len(kept)]


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE, SIZE + 1, 3 * SIZE + 7])
def test_the_ring_of_a_log(size: int) -> None:
    log = Log("web")
    read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    data = bytes([n % 251 for n in range(size)])
    try:
        at = 0
        while at < size:
            at += os.write(write, data[at : at + 50000])
            assert log.take(read)
        assert log.take(read)  # nothing there, and not its end
        os.close(write)
        assert not log.take(read)
        assert log.read() == (max(0, size - SIZE), data[-SIZE:])
        assert (log.total, log.is_busy) == (size, False)
    finally:
        os.close(read)
        log.close()


# What fails.


def wanted_of(state: State) -> list[tuple[int, str]]:
    made = plan(state, ("/bin/sleep", "60"), Host(), stays=True)
    return [(at, call.name) for at, call in enumerate(made.calls) if call.actor != PARENT]


FAILING = START.replace(flags=("user", "pid", "uts"), uidmap="root", hostname="x", cwd="/usr")


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
    assert os.getsid(child.pid) == child.keeper != os.getsid(0)


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


HELD_UP = """
import os, sys, time
sys.path.insert(0, {root!r})
from nsh.host import Host
from nsh.linux import syscalls
from nsh.plan.order import plan
from nsh.run.living import Living
from nsh.state import START

state = START.replace(flags=("user", "pid", "uts"), uidmap="root", hostname="x", cwd="/usr")
made = plan(state, ("/bin/sleep", sys.argv[2]), Host(), stays=True)
inside = [index for index, call in enumerate(made.calls) if call.actor != "parent"]
real, seen = syscalls.in_c, []

def in_c(name, args):
    seen.append(name)
    function, c_args = real(name, args)
    if inside[len(seen) - 1] != int(sys.argv[1]):
        return function, c_args
    def held_up(*_):
        above = os.getppid()
        while os.getppid() == above:
            time.sleep(0.005)
        return function(*c_args)
    return held_up, c_args

syscalls.in_c = in_c
Living("web", made, None)
"""


@pytest.mark.parametrize(("at", "name"), wanted_of(FAILING))
def test_the_death_of_nsh_in_each_phase(at: int, name: str, mark: str) -> None:
    driver = HELD_UP.format(root=str(ROOT))
    shell = subprocess.Popen([sys.executable, "-I", "-c", driver, str(at), mark])
    actor = plan(FAILING, ("/bin/sleep", mark), Host(), stays=True).calls[at].actor
    count = {KEEPER: 0, CHILD: 1, PID_1: 2}[actor]
    try:
        until(lambda: children(shell.pid), "the keeper")
        [keeper] = children(shell.pid)
        until(lambda: len(children(keeper)) >= count, f"the {actor}")
        time.sleep(0.05)  # on its way to the call, and then in it
        shell.kill()
        shell.wait()
        until(lambda: not marked(mark), "the end of all")
    finally:
        shell.kill()
        shell.wait()
