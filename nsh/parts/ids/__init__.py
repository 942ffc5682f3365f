"""The id maps of a new user namespace. See user_namespaces(7).

Here are its lines in `show` and its guard; commands, calls and diagnosis have rooms of their own.
"""

from __future__ import annotations

from nsh.errors import Refusal
from nsh.host import Host
from nsh.parts.ids.commands import MapCommands, range_words
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.state import State
from nsh.words import join


def lines(state: State) -> list[str]:
    """The commands that rebuild the maps."""
    found: list[str] = []
    uids, gids = state.uidmap, state.gidmap
    word = uids if isinstance(uids, str) else gids
    if isinstance(word, str):
        found.append(f"map {word}")
    for command, wanted in (("uidmap", uids), ("gidmap", gids)):
        if isinstance(wanted, str):
            continue
        if wanted:
            found.append(join([command, *range_words(wanted)]))
        elif isinstance(word, str):
            found.append(f"{command} none")
    if state.setgroups is not None:
        found.append(f"setgroups {state.setgroups}")
    return found


def _guard(state: State, host: Host) -> None:
    """Raise Refusal if there is no new user namespace whose ids could be mapped."""
    if state.has_maps and not state.has("user"):
        from nsh.parts.join.own import joined

        why = "and none is asked for"
        if "user" in joined(state, host):
            why = "and the maps of the one that is joined are written already, once and for all"
        raise Refusal(f"ids are mapped in a new user namespace only, {why}", "flags +user")


def _diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why a map was not written."""
    from nsh.parts.ids.diagnose import helper, open_map, write_map
    from nsh.parts.join.around import around

    if failed.state.joins:
        failed = failed.replace(host=around(failed.state, failed.host))
    match failed.call.name:
        case "openat":
            return open_map(failed.error, failed.host)
        case "write":
            return write_map(failed)
        case "wait4":
            return helper(getattr(failed.call.args[0], "name", "newuidmap"), 0, failed.host)
    return helper(failed.call.actor, failed.error, failed.host)


PART = Part(
    name="ids",
    commands=MapCommands,
    resets={
        "map": ("uidmap", "gidmap", "setgroups"),
        "uidmap": ("uidmap",),
        "gidmap": ("gidmap",),
        "setgroups": ("setgroups",),
    },
    lines=lines,
    diagnose=_diagnose,
    examples=("map root", "setgroups deny"),
    guard=_guard,
)
