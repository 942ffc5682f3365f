"""The calls that make the mounts inside, in the order typed."""

from __future__ import annotations

from nsh.call import Call
from nsh.linux.constants import MNT_DETACH, UmountFlags
from nsh.linux.mountflags import (
    MS_BIND,
    MS_MOVE,
    MS_PRIVATE,
    MS_REC,
    MS_REMOUNT,
    MS_SHARED,
    MS_SLAVE,
    OPTIONS,
    PER_MOUNT,
    PROPAGATION,
    MountFlags,
    parse_options,
)
from nsh.state import Mount, Propagation, State, Umount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PROPAGATES = {
    "private": (MS_PRIVATE, "mounts made inside stay inside, the host's stay outside"),
    "slave": (MS_SLAVE, "the host's later mounts come in, none goes out"),
    "shared": (MS_SHARED, "mounts propagate to namespaces made from this one"),
}

_ALONE = {
    "private": "nothing crosses between this mount and another",
    "slave": "mounts made on its master later come in, none goes out",
    "shared": "what is mounted below it appears at its peers too",
    "unbindable": "private, and no bind mount shows it a second time",
}


def make(state: State, actor: str) -> Iterator[Call]:
    """The propagation of /, then the mounts and umounts."""
    if state.has("mnt") and state.propagation != "unchanged":
        flag, why = _PROPAGATES[state.propagation]
        yield _mount(actor, -1, "none", "/", None, MS_REC | flag, None, why)
    for index, entry in enumerate(state.mounts):
        if isinstance(entry, Umount):
            flags = UmountFlags(MNT_DETACH if entry.lazy else 0)
            why = "take away the mount on " + entry.target
            yield Call(actor, "umount2", (entry.target, flags), why, part="mounts", entry=index)
        elif isinstance(entry, Propagation):
            yield _set(entry, index, actor)
        else:
            yield from _entry(entry, index, actor)


def _set(entry: Propagation, index: int, actor: str) -> Call:
    """The propagation of one mount, as ``mount --make-slave`` and ``--make-rslave`` set it."""
    flags = OPTIONS[entry.kind][0]
    kind = entry.kind.removeprefix("r")
    why = _ALONE[kind] + ", and so with those below it" * bool(flags & MS_REC)
    return _mount(actor, index, "none", entry.target, None, flags, None, why)


def _mount(
    actor: str,
    index: int,
    source: str,
    target: str,
    fstype: str | None,
    flags: int,
    data: str | None,
    why: str,
) -> Call:
    args = (source, target, fstype, MountFlags(flags), data)
    return Call(actor, "mount", args, why, part="mounts", entry=index)


def _entry(entry: Mount, index: int, actor: str) -> Iterator[Call]:
    """One mount as mount(8) makes it: a bind takes its other flags in a second, remounting call."""
    given, data = parse_options(entry.options)
    source, target = entry.source, entry.target
    propagation = given & PROPAGATION
    flags = given & ~propagation
    if entry.fstype in ("bind", "rbind"):
        flags |= MS_BIND | (MS_REC if entry.fstype == "rbind" else 0)
    if flags & MS_BIND and not flags & MS_REMOUNT:
        why = f"{source} seen on {target} too"
        yield _mount(actor, index, source, target, None, flags & (MS_BIND | MS_REC), None, why)
        if flags & PER_MOUNT:
            again = MS_REMOUNT | MS_BIND | flags & PER_MOUNT
            why = "a bind ignores these flags until it is remounted"
            yield _mount(actor, index, "none", target, None, again, None, why)
    elif flags & MS_MOVE:
        yield _mount(actor, index, source, target, None, MS_MOVE, None, "the mount moves there")
    else:
        why = f"{entry.fstype} on {target}" + " again, with other flags" * bool(flags & MS_REMOUNT)
        yield _mount(actor, index, source, target, entry.fstype, flags, data or None, why)
    if propagation:
        flags = propagation | given & MS_REC
        yield _mount(actor, index, "none", target, None, flags, None, "its propagation")
