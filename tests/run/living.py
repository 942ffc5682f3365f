"""What tests of children that stay share: how they are started, and that they end."""

from __future__ import annotations

import os

from nsh.call import PARENT
from nsh.host import Host
from nsh.plan.order import plan
from nsh.run.living import Living
from nsh.state import START, State

DAEMONS = "setsid sleep {0} & (sleep {0} &) ; sleep {0} & sh -c 'sleep {0} & wait; :' & wait; :"
"""Four sleeps and two shells, in several sessions, with and without their parents."""
COUNT = 6


def start(state: State, *argv: str) -> Living:
    return Living("web", plan(state, argv, Host(), stays=True), None)


def sh(state: State, line: str) -> Living:
    return start(state, "/bin/sh", "-c", line)


def descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


def wanted_of(state: State) -> list[tuple[int, str]]:
    made = plan(state, ("/bin/sleep", "60"), Host(), stays=True)
    return [(at, call.name) for at, call in enumerate(made.calls) if call.actor != PARENT]


FAILING = START.replace(flags=("user", "pid", "uts"), uidmap="root", hostname="x", cwd="/usr")
