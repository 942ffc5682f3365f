"""Why a new user namespace on top of what is joined has no rights there. See user_namespaces(7)."""

from __future__ import annotations

from nsh.host import Host
from nsh.parts.join.own import seen
from nsh.parts.part import Diagnosis
from nsh.state import State


def above_joined(kind: str, state: State, host: Host) -> Diagnosis | None:
    """That a joined namespace of that kind is not the new user namespace's, None if that is not so.

    What is joined belongs to a user namespace around the new one, whose rights hold only for what is
    made in it.
    """
    if not state.has("user") or state.has(kind) or not state.joins:
        return None
    target = seen(state, host).get(kind)
    if target is None:
        return None
    return Diagnosis(
        f"the {kind} namespace of {target.name} is joined, and belongs to a user namespace around the"
        f" new one, whose rights do not reach out of it; a new {kind} namespace on top is its own",
        f"flags +{kind}",
    )
