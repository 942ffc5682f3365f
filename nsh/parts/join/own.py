"""Own: whether a namespace that is joined may be changed, and what nsh sees of it.

What is joined is not new, and what is the host's own is the host's. A state may change a joined
namespace only if it was made for a child of this shell.
"""

from __future__ import annotations

import os

from nsh.errors import Refusal
from nsh.host import Host
from nsh.linux.namespaces import BY_NAME
from nsh.linux.processes import pids
from nsh.linux.procfs import link
from nsh.parts.join.targets import Target, changes, own_links, targets, text_of
from nsh.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def joined(state: State, host: Host) -> dict[str, Target]:
    """What is joined: kind of namespace to where it is. Raises Refusal as ``targets`` does."""
    if not state.joins:
        return {}
    return {kind: target for target in targets(state, host) for kind in target.kinds}


def seen(state: State, host: Host) -> dict[str, Target]:
    """As ``joined``, but what is not there any more is left out: for a diagnosis."""
    try:
        return joined(state, host)
    except Refusal:
        return {}


def in_another(kind: str, state: State, host: Host) -> bool:
    """Whether a run is in another namespace of that kind than nsh: a new one or a joined one."""
    return state.has(kind) or (bool(state.joins) and kind in seen(state, host))


def may_change(state: State, host: Host, kind: str, host_deed: str) -> Target | None:
    """Raise Refusal unless a run of the state may change its namespace of that kind.

    It may if that is a new one, or was made for a child that lives or is pinned. ``host_deed`` says
    what would happen to the host otherwise: "sethostname would rename the host". Gives the target
    that is joined, None for a new one.
    """
    if state.has(kind):
        return None
    target = joined(state, host).get(kind)
    fix = f"flags +{kind}"
    if target is None:
        raise Refusal(f"without a new {kind} namespace, {host_deed}", fix)
    text = dict(target.links).get(kind, "")
    what = f"the {kind} namespace of {target.name}"
    if text in (own_links().get(kind), link(f"/proc/1/ns/{BY_NAME[kind].proc}")):
        raise Refusal(f"{what} is the host's own, and {host_deed}", fix)
    if not text or not _is_made(kind, text, host):
        why = "was not made for a child of this shell"
        if kind in host.made.get(target.name, {}):
            why = f"is not the one that was made for {target.name}, which has left that"
        raise Refusal(
            f"{what} {why}, so it is not for nsh to change; a new one on top of it may be changed",
            fix,
        )
    return target


def still_own(wanted: list[Target], state: State, host: Host) -> None:
    """Raise Refusal if what is about to be changed is no longer what a child was made.

    A child may go from one namespace to another at any time; of a file that is opened afterwards
    it is looked at once more which it is.
    """
    for kind in changes(state):
        for target in wanted:
            text = dict(target.links).get(kind, "")
            if kind in target.kinds and not _is_made(kind, text, host):
                raise Refusal(
                    f"{target.name} has just gone to another {kind} namespace", f"flags +{kind}"
                )


def _is_made(kind: str, text: str, host: Host) -> bool:
    """Whether that namespace was made for a child, and is still held by it.

    The kernel gives the number of a namespace that has ended to another: so one that its child has
    left does not count.
    """
    for name, made in host.made.items():
        if made.get(kind) != text:
            continue
        if name in host.living and _link(host.living[name], kind) == text:
            return True
        pinned = host.pins.get(name, {}).get(kind)
        if pinned is not None and text_of(kind, os.fstat(pinned).st_ino) == text:
            return True
    return False


def _link(pid: int | str, kind: str) -> str:
    return link(f"/proc/{pid}/ns/{BY_NAME[kind].proc}")


def one_inside(target: Target, kind: str, host: Host) -> int:
    """A process that is in the joined namespace and may be looked at, 0 if there is none."""
    text = dict(target.links).get(kind, "")
    return next((pid for pid in _candidates(target, host) if text and _link(pid, kind) == text), 0)


def _candidates(target: Target, host: Host) -> Iterator[int]:
    if target.pid:
        yield target.pid
    yield from host.living.values()
    yield from pids()


UNSEEN = "/proc/0/root"
"""A root directory of which nothing is to be seen."""


def root(state: State, host: Host) -> str:
    """Where nsh finds the root directory of the run: "" for its own, else a path as /proc/PID/root.

    A path inside, put after it, is a path here. See proc_pid_root(5).
    """
    target = seen(state, host).get("mnt") if state.joins else None
    if target is None:
        return ""
    pid = one_inside(target, "mnt", host)
    return f"/proc/{pid}/root" if pid else UNSEEN
