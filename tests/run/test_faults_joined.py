"""Each call of a run that joins, enters or is stepped through fails once: it is named, nothing is left."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from typing import Any

import pytest

from nsh.call import PARENT, Plan
from nsh.host import Host
from nsh.linux import syscalls
from nsh.plan.order import plan
from nsh.run import child as child_side
from nsh.run.living import Living
from nsh.run.perform import CallFailed, launch
from nsh.run.step import ALL, Stepping
from nsh.state import START, Join, State
from tests.run.living import descriptors, start
from tests.runs import children

MADE = START.replace(flags=("user", "pid", "uts", "mnt"), uidmap="root", gidmap="root")
ON_TOP = State(
    flags=("user", "pid", "uts"),
    uidmap="root",
    hostname="x",
    joins=(Join("web", MADE.flags),),
    cwd="/",
)
PARENTS = {"pipe2": "pipe2", "pidfd_open": "pidfd_open", "openat": "open", "clone": ""}
"""The functions by which nsh itself makes the calls of such a plan."""


def plans(pid: int) -> dict[str, Plan]:
    host = Host()
    host.living = {"web": pid}
    kinds = MADE.flags
    inside = State(joins=(Join("web", kinds),))
    return {
        "on top": plan(ON_TOP, ("/bin/true",), host),
        "enter": plan(inside, ("/bin/true",), host, entering=pid),
        "stays": plan(ON_TOP, ("/bin/true",), host, stays=True),
    }


@pytest.fixture(scope="module")
def made() -> Any:
    child = start(MADE)
    yield plans(child.pid)
    child.end()
    child.wait()


def fails(*_: object) -> int:
    ctypes.set_errno(errno.EDOM)
    return -1


def break_call(made: Plan, at: int, monkeypatch: pytest.MonkeyPatch, before: int = 0) -> None:
    """Make that call of a plan, and no other, fail with an errno that none of them has.

    ``before`` is how many of these calls nsh makes before those of the plan.
    """
    monkeypatch.setattr(child_side, "_kept", None)  # a loop would use what is prepared again
    call = made.calls[at]
    same = [each for each in made.calls[: at + 1] if each.name == call.name]
    if call.actor != PARENT:
        prepare = child_side.Preparation.__init__

        def prepared(self: child_side.Preparation, *args: Any, **named: Any) -> None:
            prepare(self, *args, **named)
            for steps in self.steps.values():
                steps[:] = [
                    (step[0], step[1], fails, *step[3:]) if step[0] == at else step
                    for step in steps
                ]

        monkeypatch.setattr(child_side.Preparation, "__init__", prepared)
        return
    place, name = (syscalls, "clone") if call.name == "clone" else (os, PARENTS[call.name])
    function: Callable[..., int] = getattr(place, name)
    wanted = [each for each in same if each.actor == PARENT]
    paths = [each.args[1] for each in made.calls if each.name == "openat"]
    counted: list[object] = []

    def counting(*args: Any) -> int:
        # os.open is used for /proc too: only what the plan opens counts.
        if call.name != "openat" or args[0] in paths:
            counted.append(args)
            if len(counted) == before + len(wanted):
                raise OSError(errno.EDOM, os.strerror(errno.EDOM))
        return function(*args)

    monkeypatch.setattr(place, name, counting)


def cases(*names: str) -> list[Any]:
    """Name of a plan and index of a call in it: of plans that are as long, for this very process."""
    return [
        pytest.param(name, at, id=f"{name} {at} {call.actor} {call.name}")
        for name, made in plans(os.getpid()).items()
        for at, call in enumerate(made.calls)
        if name in names and (call.actor != PARENT or call.name in PARENTS)
    ]


def _perform(name: str, wanted: Plan) -> None:
    if name == "stays":
        Living("other", wanted, None)
    else:
        launch(wanted)


@pytest.mark.parametrize(("name", "at"), cases("on top", "enter", "stays"))
def test_each_call_may_fail(
    name: str, at: int, made: dict[str, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = made[name]
    before = descriptors(), children(os.getpid())
    with monkeypatch.context() as patched:
        pipe_of_log = name == "stays" and wanted.calls[at].name == "pipe2"
        break_call(wanted, at, patched, before=int(pipe_of_log))
        with pytest.raises(CallFailed) as failed:
            _perform(name, wanted)
    assert (failed.value.call, failed.value.errno) == (wanted.calls[at], errno.EDOM)
    assert (descriptors(), children(os.getpid())) == before
    if name != "stays":
        assert launch(wanted).status == 0


@pytest.mark.parametrize(("name", "at"), cases("on top", "enter"))
def test_each_call_of_a_stepped_run_may_fail(
    name: str, at: int, made: dict[str, Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = made[name]
    before = descriptors(), children(os.getpid())
    stepping = Stepping(wanted, (0, 1, 2))
    with monkeypatch.context() as patched:
        break_call(wanted, at, patched)
        with pytest.raises(CallFailed) as failed:
            stepping.go_on(ALL, lambda *_: None)
    assert (failed.value.call, failed.value.errno) == (wanted.calls[at], errno.EDOM)
    assert stepping.is_over
    assert (descriptors(), children(os.getpid())) == before
