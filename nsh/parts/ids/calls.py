"""The maps as ranges, and the calls that write them while the child waits."""

from __future__ import annotations

from nsh.call import FORK, PARENT, Call, Ended, Slot, Vector
from nsh.errors import Refusal
from nsh.host import Host
from nsh.linux.constants import (
    AT_FDCWD,
    CAP_SETGID,
    CAP_SETUID,
    DEFAULT_PATH,
    O_CLOEXEC,
    O_WRONLY,
    OpenFlags,
)
from nsh.linux.idmaps import Range
from nsh.parts.process.calls import candidates
from nsh.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def ranges(kind: str, wanted: str | tuple[Range, ...], host: Host) -> tuple[Range, ...]:
    """A uid or gid map (``kind`` is "uid" or "gid") as ranges, the words of ``map`` worked out.

    Raises Refusal if ``auto`` finds no subordinate ids for this user. See subuid(5).
    """
    own = host.uid if kind == "uid" else host.gid
    if wanted == "root":
        return (Range(0, own, 1),)
    if wanted == "self":
        return (Range(own, own, 1),)
    if wanted == "auto":
        subordinate = host.subordinate(kind)
        if not subordinate and host.is_around:
            raise Refusal(
                f"/etc/sub{kind} gives ids of this shell's user namespace, and the new one is made in"
                " a joined one",
                "map root",
            )
        if not subordinate:
            user = host.user or str(host.uid)
            raise Refusal(
                f"/etc/sub{kind} gives {user} no ids to map", "map root", f"!cat /etc/sub{kind}"
            )
        found = [Range(0, own, 1)]
        inside = 1
        for given in subordinate:
            found.append(Range(inside, given.first, given.count))
            inside += given.count
        return tuple(found)
    assert not isinstance(wanted, str)
    return wanted


def denies_setgroups(state: State, host: Host) -> bool:
    """Whether the maps need setgroups denied first: without CAP_SETGID the kernel demands it."""
    gids = ranges("gid", state.gidmap, host)
    return state.setgroups is None and _is_own(gids, host.gid) and not host.can(CAP_SETGID)


def write(state: State, host: Host, actor: str, writer: str = PARENT) -> Iterator[Call]:
    """setgroups, uid_map and gid_map of a child, in this order, as user_namespaces(7) demands.

    ``actor`` is the child that made the user namespace. ``writer``, in the one around it, writes
    them: nsh, or what has joined that; then the slot PROC is nsh's /proc.
    """
    uids = ranges("uid", state.uidmap, host)
    gids = ranges("gid", state.gidmap, host)
    if denies_setgroups(state, host):
        why = "without CAP_SETGID, the kernel takes no gid_map before this"
        yield from _write(writer, actor, "setgroups", "deny", why)
    elif state.setgroups:
        yield from _write(writer, actor, "setgroups", state.setgroups, "as asked for")
    if uids:
        if host.can(CAP_SETUID) or _is_own(uids, host.uid):
            why = f"user ids: {_says(uids)}"
            yield from _write(writer, actor, "uid_map", _text(uids), why)
        else:
            yield from _helper(actor, "newuidmap", uids, host)
    if gids:
        if host.can(CAP_SETGID) or _is_own(gids, host.gid):
            why = f"group ids: {_says(gids)}"
            yield from _write(writer, actor, "gid_map", _text(gids), why)
        else:
            yield from _helper(actor, "newgidmap", gids, host)


def _is_own(wanted: tuple[Range, ...], own: int) -> bool:
    """Whether a map is the one that needs no rights: one line, of the own id."""
    return len(wanted) == 1 and (wanted[0].outside, wanted[0].count) == (own, 1)


def _text(wanted: tuple[Range, ...]) -> str:
    return "".join([f"{entry}\n" for entry in wanted])


def _says(wanted: tuple[Range, ...]) -> str:
    first = wanted[0]
    if len(wanted) == 1 and first.count == 1:
        return f"{first.inside} inside is {first.outside} outside"
    total = sum([entry.count for entry in wanted])
    return f"{total} ids, {first.inside} inside is {first.outside} outside"


PROC = "proc fd"
"""The slot of nsh's own /proc, for a writer that may see another one, or none."""


def opens_proc() -> Iterator[Call]:
    """The call of nsh that fills it."""
    why = "nsh's own /proc, where the maps will be written from a joined user namespace"
    args = (AT_FDCWD, "/proc", OpenFlags(O_CLOEXEC))
    yield Call(PARENT, "openat", args, why, fills=(PROC,), part="ids")


def _write(writer: str, actor: str, name: str, text: str, why: str) -> Iterator[Call]:
    flags = OpenFlags(O_WRONLY | O_CLOEXEC)
    fd = f"{name} fd"
    opened = (
        (AT_FDCWD, Slot(actor, "/proc/", f"/{name}"), flags)
        if writer == PARENT
        else (Slot(PROC), Slot(actor, "", f"/{name}"), flags)
    )
    yield Call(writer, "openat", opened, f"the child's {name}", fills=(fd,), part="ids")
    data = text.encode()
    # One write is all that a map takes.
    yield Call(writer, "write", (Slot(fd), data, len(data)), why, closes=(fd,), part="ids")


def _helper(actor: str, program: str, wanted: tuple[Range, ...], host: Host) -> Iterator[Call]:
    """newuidmap(1) or newgidmap(1): set-uid programs that may write ranges of subordinate ids."""
    why = f"fork: {program} may write what nsh may not"
    yield Call(PARENT, "clone", (FORK,), why, fills=(program,), part="namespaces")
    numbers = [word for entry in wanted for word in str(entry).split()]
    argv = Vector((program, Slot(actor, "", " "), *numbers))
    files = candidates(program, host.environ.get("PATH", DEFAULT_PATH))
    args = (host.first_executable(files), argv, host.environment(()))
    yield Call(program, "execve", args, _says(wanted), part="ids")
    why = f"{program} writes the map and ends with 0"
    yield Call(PARENT, "wait4", (Slot(program), Ended(), 0, None), why, part="ids")
