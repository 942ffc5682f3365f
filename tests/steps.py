"""What tests of stepped runs share: the ways in which a run forks, and what it has left."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from nsh.call import Call, Plan
from nsh.plan.order import plan
from nsh.run.step import Stepping
from nsh.shell import Shell
from tests import needs
from tests.runs import children, until

WAYS = {
    "host": "",
    "pid": "flags +pid +uts; hostname box",
    "user": "flags +user +uts; map root; hostname box",
    "nobody": "flags +user",
    "time": "flags +time",
    "all": "flags +all; map root; mount proc /proc",
    "init": "flags +user +pid +uts; map root; init on",
    "joined": "join uts /proc/self/ns/uts; flags +time",
    "joined pid": "join pid /proc/self/ns/pid; flags +uts",
}
"""One state for each way in which a run forks, is mapped, joins, and has an init."""

ROOT_ALONE = ("pid", "time", "joined", "joined pid")


def ways(*names: str) -> list[object]:
    return [
        pytest.param(name, marks=needs.NAMESPACES if name in ROOT_ALONE else ())
        for name in names or WAYS
    ]


def to(name: str, *argv: str) -> Plan:
    """The plan of these words in that state."""
    shell = Shell()
    shell.run_line(WAYS[name])
    assert shell.status == 0
    return plan(shell.state, argv, shell.host)


Told = list[tuple[Call, int, int]]


def kept(told: Told) -> Callable[[Call, dict[str, int], int, int], None]:
    """What keeps the calls that it is told of, each with its result and errno."""
    return lambda call, values, result, error: told.append((call, result, error))


def quiet(*_: object) -> None:
    pass


def stepping(wanted: Plan) -> Stepping:
    return Stepping(wanted, (0, 1, 2))


def until_ended(run: Stepping) -> None:
    until(lambda: run.how_ended() is not None, "its end")


def left() -> tuple[set[int], list[str]]:
    """The processes of this one, and its descriptors."""
    return set(children(os.getpid())), sorted(os.listdir("/proc/self/fd"))


def at_each(wanted: Plan) -> range:
    """How many calls have been made, at each place where the run stands still."""
    begun = stepping(wanted)
    begun.abort()
    return range(len(begun.steps))
