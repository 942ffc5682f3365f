"""What nsh waits for while it steps through a run: never for a process that is no more, nor past Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsh.call import Plan
from nsh.plan.order import plan
from nsh.run.step import ALL, RunEnded, Stepping
from nsh.shell import Shell
from tests.runs import ROOT, children, until
from tests.steps import at_each, left, quiet, stepping, until_ended


@pytest.fixture
def nested() -> Iterator[Plan]:
    """A plan in which one child writes the maps of another: both wait at the same time."""
    shell = Shell()
    try:
        for line in ("flags +user", "map root", "start base", "join base user", "flags +pid"):
            shell.run_line(line)
            assert shell.status == 0
        yield plan(shell.state, ["sh", "-c", "exit 5"], shell.host)
    finally:
        shell.end_all()


def waiting(run: Stepping) -> list[str]:
    """The actors that have calls left and a process."""
    coming = {call.actor for step in run.steps[run.at :] for call in step}
    return [name for name in run.chain if name in coming and name in run.values]


def test_two_processes_that_wait_at_the_same_time(nested: Plan) -> None:
    before = left()
    most = 0
    for number in at_each(nested):
        run = stepping(nested)
        run.go_on(number, quiet)
        most = max(most, len(waiting(run)))
        outcome = run.go_on(ALL, quiet)
        assert outcome is not None
        assert outcome.status == 5
        assert left() == before
    assert most == 2


def test_either_of_two_that_wait_is_missed(nested: Plan) -> None:
    # The other one, which is alive, must not keep nsh waiting.
    before = left()
    for number in at_each(nested):
        begun = stepping(nested)
        begun.go_on(number, quiet)
        names = waiting(begun)
        begun.abort()
        for name in names:
            for steps in (1, ALL):
                run = stepping(nested)
                run.go_on(number, quiet)
                os.kill(run.values[name], signal.SIGKILL)
                until_ended(run)
                with pytest.raises(RunEnded) as ended:
                    run.go_on(steps, quiet)
                assert (ended.value.actor, ended.value.status) == (name, 137)
                assert left() == before


CTRL_C = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from nsh.call import CHILD, Call
from nsh.host import Host
from nsh.plan.order import plan
from nsh.run.step import ALL, Stepping
from nsh.state import START
wanted = plan(START.replace(flags=("uts",)), ("true",), Host())
at = next(index for index, call in enumerate(wanted.calls) if call.name == "unshare")
waits = Call(CHILD, "read", (0, b"x", 1), "as long as it takes")
run = Stepping(wanted.replace(calls=(*wanted.calls[:at], waits, *wanted.calls[at:])), (0, 1, 2))
run.go_on(at, lambda *_: None)
os.write(1, b"begun")
try:
    run.go_on(1, lambda *_: None)
except KeyboardInterrupt:
    pass
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    os.write(1, b" alone " + str(len(os.listdir("/proc/self/fd"))).encode())
"""


def test_ctrl_c_while_a_call_takes_long_ends_the_run() -> None:
    never, end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", CTRL_C],
        stdin=never,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"begun"
        [child] = children(process.pid)
        until(lambda: waits_for_0(child), "the call")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == (b" alone 4", b"")
    finally:
        process.kill()
        process.wait()
        os.close(never)
        os.close(end)


def waits_for_0(pid: int) -> bool:
    """Whether a process sleeps in a call whose first argument is 0. See proc_pid_syscall(5)."""
    return Path(f"/proc/{pid}/syscall").read_text().split()[1:2] == ["0x0"]
