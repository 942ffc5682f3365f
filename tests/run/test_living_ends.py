"""What ends with a child that stays, and with nsh, however that ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from nsh.call import CHILD, KEEPER, PID_1
from nsh.host import Host
from nsh.plan.order import plan
from nsh.run.living import Living
from nsh.state import START
from tests import needs
from tests.conftest import NSH, ROOT
from tests.run.living import COUNT, DAEMONS, FAILING, sh, wanted_of
from tests.runs import STATES, children, marked, processes, states, until
from tests.unprivileged import unprivileged_command


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
    words = processes("cmdline")
    return [pid for pid in children(parent) if words.get(pid, "").startswith("sleep")]


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


@pytest.mark.parametrize("ignored", ["TERM", "HUP", "INT", "CHLD", "TSTP"])
def test_it_ends_where_nsh_was_started_to_ignore_a_signal(ignored: str, mark: str) -> None:
    line = f"(setsid sleep {mark} &); sleep {mark}"
    script = f'trap "" {ignored}; exec "$@"'
    lines = ["-c", f'start web sh -c "{line}"', "-c", "!sleep 0.1", "-c", "stop web; children"]
    done = subprocess.run(
        ["sh", "-c", script, "sh", *NSH, *lines],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert re.search(r"^web +- +- +killed by SIG(TERM|KILL)", done.stdout, re.MULTILINE)
    assert not marked(mark)


@needs.NAMESPACES
def test_an_init_hears_of_ends_where_nsh_ignores_sigchld() -> None:
    script = 'trap "" CHLD; exec "$@"'
    lines = ["-c", "flags +pid; init on; run sh -c 'exit 4'", "-c", "start p; stop p"]
    done = subprocess.run(["sh", "-c", script, "sh", *NSH, *lines], timeout=30, check=False)
    assert done.returncode == 0
