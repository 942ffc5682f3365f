"""The table of the parts: what `show`, `reset`, the guard, the plan and a diagnosis go through."""

from __future__ import annotations

from nsh.parts import (
    credentials,
    ids,
    inherit,
    init,
    join,
    mounts,
    names,
    namespaces,
    process,
    rlimits,
)
from nsh.parts.ids.commands import MapCommands
from nsh.parts.join.commands import JoinCommands
from nsh.parts.mounts.commands import MountCommands
from nsh.parts.names import NameCommands
from nsh.parts.namespaces.commands import FlagsCommands
from nsh.parts.process.commands import ProcessCommands
from nsh.state import START, State

PARTS = (
    join.PART,
    namespaces.PART,
    ids.PART,
    mounts.PART,
    names.PART,
    process.PART,
    inherit.PART,
    rlimits.PART,
    credentials.PART,
    init.PART,
)
"""In the order of their calls, which is the order in which `show` lists them."""

BY_NAME = {part.name: part for part in PARTS}


class StateCommands(
    FlagsCommands,
    NameCommands,
    MountCommands,
    MapCommands,
    ProcessCommands,
    inherit.InheritCommands,
    rlimits.RlimitCommands,
    credentials.UserCommands,
    init.InitCommands,
    JoinCommands,
):
    """The commands of all parts, in the order in which they are taught."""


TAUGHT = tuple(
    [part for kind in StateCommands.__bases__ for part in PARTS if part.commands is kind]
)
"""In the order in which they are taught, which is the order in which the guard asks them."""

GUARDS = tuple([part.guard for part in TAUGHT if part.guard])

RESETS: dict[str, tuple[str, ...]] = {
    word: fields for part in TAUGHT for word, fields in part.resets.items()
} | {"all": State._fields}
"""What ``reset WHAT`` puts back: the fields of State that each word stands for."""


def reset(state: State, what: str) -> State:
    """The state with the fields of ``RESETS[what]`` as they are at the start."""
    return state.replace(**{name: getattr(START, name) for name in RESETS[what]})


def state_commands(state: State) -> list[str]:
    """The commands that rebuild the state when typed from the start.

    >>> state_commands(START.replace(flags=("uts",), hostname="box"))
    ['flags +uts', 'hostname box']
    """
    return [line for part in PARTS for line in part.lines(state)]
