"""The namespaces: which of the eight kinds a run gets new. See namespaces(7), unshare(2).

Here are its line in `show` and its call; its command and its diagnosis have rooms of their own.
"""

from __future__ import annotations

import errno

from nsh.call import Call
from nsh.parts.namespaces.commands import FlagsCommands
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def lines(state: State) -> list[str]:
    """The command that asks for the namespaces."""
    names = ["+" + name for name in state.flags]
    return ["flags " + " ".join(names)] if names else []


def calls(state: State, actor: str) -> Iterator[Call]:
    """One unshare(2) for all kinds."""
    flags = state.clone_flags
    if flags:
        why = "the new namespaces"
        if state.has("user"):
            why += ", the user namespace first: it gives the right to make the others"
        yield Call(actor, "unshare", (flags,), why, part="namespaces")


def _diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why a process or a namespace was not made."""
    from nsh.parts.namespaces.diagnose import clone, unshare

    if failed.call.name == "clone":
        if failed.state.joins and failed.error == errno.ENOMEM:
            from nsh.parts.join.diagnose import dead_pid

            if found := dead_pid(failed):
                return found
        return clone(failed.call, failed.error, failed.host)
    return unshare(failed.error, failed.state, failed.host)


PART = Part(
    name="namespaces",
    commands=FlagsCommands,
    resets={"flags": ("flags",)},
    lines=lines,
    diagnose=_diagnose,
    examples=("flags +all",),
)
