"""Join: namespaces that are there already, to be in before new ones are made. See setns(2).

Here are its lines in `show` and its calls; what a join leads to, its command and its diagnosis have
rooms of their own.
"""

from __future__ import annotations

from nsh.call import PARENT, Call, Slot
from nsh.linux.constants import AT_FDCWD, O_CLOEXEC, OpenFlags
from nsh.linux.namespaces import BY_NAME, flags_of
from nsh.parts.join.commands import JoinCommands
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nsh.host import Host
    from nsh.parts.join.targets import Target
    from nsh.state import State


def lines(state: State) -> list[str]:
    """The commands that rebuild the joins."""
    return [join(["join", each.target, *each.kinds]) for each in state.joins]


def opens(wanted: list[Target], host: Host) -> Iterator[Call]:
    """The parent's calls: what the child will join, opened."""
    for index, target in enumerate(wanted):
        if target.by_pidfd:
            why = f"a descriptor of the process {target.name}, which names it for certain"
            yield Call(
                PARENT, "pidfd_open", (target.pid, 0), why, fills=(_slot(index),), part="join"
            )
        elif target.pid or target.path:
            for kind in _sorted(target, host):
                path = target.path or f"/proc/{target.pid}/ns/{BY_NAME[kind].proc}"
                args = (AT_FDCWD, path, OpenFlags(O_CLOEXEC))
                why = f"the {kind} namespace of {target.name}"
                fills = (_slot(index, kind),)
                text = dict(target.links).get(kind, "") if target.pid else ""
                yield Call(PARENT, "openat", args, why, fills=fills, part="join", expects=text)


def held(wanted: list[Target], host: Host) -> tuple[str, ...]:
    """The slots that ``opens`` fills: the parent closes these once the child has its copies."""
    return tuple([call.fills[0] for call in opens(wanted, host)])


def enters(wanted: list[Target], host: Host, actor: str) -> Iterator[Call]:
    """The child's calls: one setns(2) for each process, one for each file or pinned namespace."""
    for index, target in enumerate(wanted):
        if target.by_pidfd:
            why = f"into the {_kinds(target)} of {target.name}"
            args = (Slot(_slot(index)), flags_of(target.kinds))
            yield Call(actor, "setns", args, why, part="join", entry=index)
            continue
        for kind in _sorted(target, host):
            opened = target.pid or target.path
            fd = Slot(_slot(index, kind)) if opened else host.pins[target.name][kind]
            why = f"into the {kind} namespace of {target.name}"
            yield Call(actor, "setns", (fd, flags_of((kind,))), why, part="join", entry=index)


PLACES = ("root fd", "cwd fd")
"""The slots of the root and the directory of a process that is entered."""


def opens_places(pid: int) -> Iterator[Call]:
    """The parent's calls that open the root and the directory of a process. See proc(5)."""
    for slot in PLACES:
        what = slot.split()[0]
        args = (AT_FDCWD, f"/proc/{pid}/{what}", OpenFlags(O_CLOEXEC))
        yield Call(PARENT, "openat", args, f"its {_NAMES[what]}", fills=(slot,), part="join")


_NAMES = {"root": "root directory", "cwd": "working directory"}


def enters_places(mounts: bool, actor: str) -> Iterator[Call]:
    """The calls that take these for its own; the root only if a mount namespace is joined.

    Otherwise it has nsh's mounts, and chroot(2) is a right of root.
    """
    root, cwd = PLACES
    if mounts:
        yield Call(actor, "fchdir", (Slot(root),), "to its root directory", part="join")
        why = "which may be another than that of its mount namespace"
        yield Call(actor, "chroot", (".",), why, part="join")
    yield Call(actor, "fchdir", (Slot(cwd),), "to its working directory", part="join")


def _sorted(target: Target, host: Host) -> list[str]:
    """The kinds in the order in which they can be joined one by one."""
    last = host.is_privileged
    return sorted(target.kinds, key=lambda kind: (kind == "user") == last)


def _slot(index: int, kind: str = "") -> str:
    return f"joined[{index}]" + (f" {kind}" if kind else "")


def _kinds(target: Target) -> str:
    kinds = target.kinds
    if len(kinds) == 1:
        return f"{kinds[0]} namespace"
    return f"{', '.join(kinds[:-1])} and {kinds[-1]} namespaces"


def _diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why a namespace was not joined."""
    from nsh.parts.join.diagnose import diagnose

    return diagnose(failed)


PART = Part(
    name="join",
    commands=JoinCommands,
    resets={"join": ("joins",)},
    lines=lines,
    diagnose=_diagnose,
    examples=("join uts /proc/self/ns/uts",),
)
