"""Plan: the system calls that a run makes, in order, with who makes each and why.

This is the one place that knows the order. Left out is only bookkeeping: closing descriptors,
signal masks, the child's reports of its failures, and waiting for the end.
"""

from __future__ import annotations

from nsh.call import CHILD, PARENT, PID_1, SECOND, Call, Plan, Slot
from nsh.guard import Refusal, guard
from nsh.host import CAP_SETGID, CAP_SETUID
from nsh.mounts import (
    MS_BIND,
    MS_MOVE,
    MS_PRIVATE,
    MS_REC,
    MS_REMOUNT,
    MS_SHARED,
    MS_SLAVE,
    PER_MOUNT,
    PROPAGATION,
    parse_options,
)
from nsh.namespaces import NAMESPACES
from nsh.state import Mount, Range, State, Umount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nsh.host import Host

AT_FDCWD = -100
CLONE_PARENT = 0x8000
MNT_DETACH = 2
O_CLOEXEC = 0o2000000
O_WRONLY = 1
PR_SET_PDEATHSIG = 1
SIGCHLD = 17
SIGKILL = 9

UNSHARED = b"unshared\n"
GO = b"go\n"
READY = b"ready\n"

DEFAULT_PATH = "/bin:/usr/bin"


def plan(state: State, argv: list[str] | tuple[str, ...], host: Host) -> Plan:
    """The plan of ``run ARGV`` in that state on that host.

    Raises Refusal when a call in it would reach the host.
    """
    guard(state, host)
    last = last_actor(state)
    calls = [
        *_begin(state, host),
        *_second_fork(state),
        *_inside(state, last),
        *_become(state, tuple(argv), host, last),
    ]
    return Plan(tuple(calls), last, state, tuple(argv))


def probe(state: State, host: Host) -> Plan:
    """The plan that makes the namespaces of the state, looks at their inodes, and ends.

    Maps, mounts and names play no part in it, so nothing is refused.
    """
    bare = State(flags=state.flags)
    last = last_actor(bare)
    ready = (
        Call(last, "write", (Slot("reports[1]"), READY, len(READY)), "the namespaces are there"),
        Call(PARENT, "read", (Slot("reports[0]"), READY, 64), "wait until they are"),
    )
    looks = (
        Call(
            PARENT,
            "readlink",
            (Slot(last, "/proc/", f"/ns/{namespace.proc}"),),
            f"which {namespace.name} namespace the child is in",
        )
        for namespace in NAMESPACES
    )
    end = (
        Call(PARENT, "write", (Slot("go[1]"), GO, len(GO)), "let the child end"),
        Call(last, "read", (Slot("go[0]"), GO, len(GO)), "stay until nsh has looked"),
    )
    calls = (*_begin(bare, host, waits=True), *_second_fork(bare), *ready, *looks, *end)
    return Plan(calls, last, bare, ())


def last_actor(state: State) -> str:
    """The process that becomes the command: the child itself, or the one that it forks."""
    if state.has("pid"):
        return PID_1
    return SECOND if state.has("time") else CHILD


def _begin(state: State, host: Host, waits: bool = False) -> Iterator[Call]:
    """The fork, the tie to the parent's life, the unshare, and the maps."""
    maps = bool(state.uidmap or state.gidmap or state.setgroups)
    yield Call(
        PARENT,
        "pipe2",
        (("reports[0]", "reports[1]"), O_CLOEXEC),
        "for the child's reports; end of file on it means that execve worked",
        gives=("reports[0]", "reports[1]"),
    )
    if maps or waits:
        yield Call(
            PARENT,
            "pipe2",
            (("go[0]", "go[1]"), O_CLOEXEC),
            "to let the child go on",
            gives=("go[0]", "go[1]"),
        )
    yield Call(
        PARENT,
        "clone",
        (SIGCHLD,),
        "fork: the shell itself never leaves its namespaces",
        gives=(CHILD,),
    )
    yield from _tie(CHILD)
    flags = state.clone_flags
    if flags:
        why = "the new namespaces"
        if state.has("user"):
            why += ", the user namespace first: it gives the right to make the others"
        yield Call(CHILD, "unshare", (flags,), why)
    if maps:
        yield Call(
            CHILD,
            "write",
            (Slot("reports[1]"), UNSHARED, len(UNSHARED)),
            "the user namespace is there",
        )
        yield Call(PARENT, "read", (Slot("reports[0]"), UNSHARED, 64), "wait until it is")
        yield from _maps(state, host)
        yield Call(PARENT, "write", (Slot("go[1]"), GO, len(GO)), "the maps are written")
        yield Call(
            CHILD, "read", (Slot("go[0]"), GO, len(GO)), "wait for them: before, it is nobody"
        )


def _tie(actor: str) -> Iterator[Call]:
    yield Call(
        actor, "prctl", (PR_SET_PDEATHSIG, SIGKILL), "if nsh dies, the kernel kills this process"
    )
    yield Call(
        actor,
        "poll",
        (Slot("reports[1]"), 1, 0),
        "is nsh still there to read? If not, it died before the line above",
    )


def _maps(state: State, host: Host) -> Iterator[Call]:
    """setgroups, uid_map and gid_map of the child, in this order, as user_namespaces(7) demands."""
    uids = ranges("uid", state.uidmap, host)
    gids = ranges("gid", state.gidmap, host)
    single = len(gids) == 1 and gids[0][1:] == (host.gid, 1)
    setgroups = state.setgroups
    why = "as asked for"
    if setgroups is None and single and not host.can(CAP_SETGID):
        setgroups = "deny"
        why = "without CAP_SETGID, the kernel takes no gid_map before this"
    if setgroups:
        yield from _write_file("setgroups", f"{setgroups}", why)
    own = host.uid, 1
    if uids:
        if host.can(CAP_SETUID) or (len(uids) == 1 and uids[0][1:] == own):
            yield from _write_file("uid_map", _map_text(uids), f"user ids: {_says(uids)}")
        else:
            yield from _helper("newuidmap", uids, host)
    if gids:
        if host.can(CAP_SETGID) or single:
            yield from _write_file("gid_map", _map_text(gids), f"group ids: {_says(gids)}")
        else:
            yield from _helper("newgidmap", gids, host)


def ranges(kind: str, wanted: str | tuple[Range, ...], host: Host) -> tuple[Range, ...]:
    """A uid or gid map (``kind`` is "uid" or "gid") as ranges, the words of ``map`` worked out.

    Raises Refusal if ``auto`` finds no subordinate ids for this user. See subuid(5).
    """
    own = host.uid if kind == "uid" else host.gid
    if wanted == "root":
        return ((0, own, 1),)
    if wanted == "self":
        return ((own, own, 1),)
    if wanted == "auto":
        subordinate = host.subordinate(kind)
        if not subordinate:
            user = host.user or str(host.uid)
            raise Refusal(
                f"/etc/sub{kind} gives {user} no ids to map", "map root", f"!cat /etc/sub{kind}"
            )
        found: list[Range] = [(0, own, 1)]
        inside = 1
        for first, count in subordinate:
            found.append((inside, first, count))
            inside += count
        return tuple(found)
    assert not isinstance(wanted, str)
    return wanted


def _map_text(wanted: tuple[Range, ...]) -> str:
    return "".join([f"{inside} {outside} {count}\n" for inside, outside, count in wanted])


def _says(wanted: tuple[Range, ...]) -> str:
    inside, outside, count = wanted[0]
    if len(wanted) == 1 and count == 1:
        return f"{inside} inside is {outside} outside"
    return f"{sum([entry[2] for entry in wanted])} ids, {inside} inside is {outside} outside"


def _write_file(name: str, text: str, why: str) -> Iterator[Call]:
    path = Slot(CHILD, "/proc/", f"/{name}")
    flags = O_WRONLY | O_CLOEXEC
    yield Call(
        PARENT, "openat", (AT_FDCWD, path, flags), f"the child's {name}", gives=(f"{name} fd",)
    )
    data = text.encode()
    yield Call(PARENT, "write", (Slot(f"{name} fd"), data, len(data)), why)


def _helper(program: str, wanted: tuple[Range, ...], host: Host) -> Iterator[Call]:
    """newuidmap(1) or newgidmap(1): set-uid programs that may write ranges of subordinate ids."""
    yield Call(
        PARENT, "clone", (SIGCHLD,), f"fork: {program} may write what nsh may not", gives=(program,)
    )
    numbers = [str(number) for entry in wanted for number in entry]
    argv = (program, Slot(CHILD, "", " "), *numbers)
    environ = host.environment(())
    path = host.find(candidates(program, host.environ.get("PATH", DEFAULT_PATH)))
    yield Call(program, "execve", (path, argv, environ), f"{_says(wanted)}")
    yield Call(PARENT, "wait4", (Slot(program), 0), f"{program} writes the map and ends with 0")


def _second_fork(state: State) -> Iterator[Call]:
    last = last_actor(state)
    if last == CHILD:
        return
    why = (
        "fork: a new pid namespace is for children, the first one is PID 1"
        if last == PID_1
        else "fork: a new time namespace is for children"
    )
    yield Call(
        CHILD,
        "clone",
        (CLONE_PARENT | SIGCHLD,),
        why + "; CLONE_PARENT makes it nsh's own child",
        gives=(last,),
    )
    yield from _tie(last)


def _inside(state: State, last: str) -> Iterator[Call]:
    """What makes the inside: mounts, names, directory."""
    if state.has("mnt") and state.propagation != "unchanged":
        flag, why = {
            "private": (MS_PRIVATE, "mounts made inside stay inside, the host's stay outside"),
            "slave": (MS_SLAVE, "the host's later mounts come in, none goes out"),
            "shared": (MS_SHARED, "mounts propagate to namespaces made from this one"),
        }[state.propagation]
        yield Call(last, "mount", ("none", "/", None, MS_REC | flag, None), why)
    for entry in state.mounts:
        if isinstance(entry, Umount):
            yield Call(
                last,
                "umount2",
                (entry.target, MNT_DETACH if entry.lazy else 0),
                "take away the mount on " + entry.target,
            )
        else:
            yield from _mount(entry, last)
    if state.hostname is not None:
        name = state.hostname
        yield Call(
            last, "sethostname", (name, len(name.encode(errors="surrogateescape"))), "its own name"
        )
    if state.domainname is not None:
        name = state.domainname
        size = len(name.encode(errors="surrogateescape"))
        yield Call(last, "setdomainname", (name, size), "its own NIS domain name")
    if state.cwd is not None:
        yield Call(last, "chdir", (state.cwd,), "as asked for with cd, after the mounts")


def _mount(entry: Mount, last: str) -> Iterator[Call]:
    """One mount as mount(8) makes it: a bind takes its other flags in a second, remounting call."""
    flags, data = parse_options(entry.options)
    propagation = flags & PROPAGATION
    flags &= ~propagation
    source = entry.source
    if entry.fstype in ("bind", "rbind"):
        flags |= MS_BIND | (MS_REC if entry.fstype == "rbind" else 0)
    if flags & MS_BIND and not flags & MS_REMOUNT:
        why = f"{source} seen on {entry.target} too"
        yield Call(
            last, "mount", (source, entry.target, None, flags & (MS_BIND | MS_REC), None), why
        )
        if flags & PER_MOUNT:
            yield Call(
                last,
                "mount",
                ("none", entry.target, None, MS_REMOUNT | MS_BIND | flags & PER_MOUNT, None),
                "a bind ignores these flags until it is remounted",
            )
    elif flags & MS_MOVE:
        yield Call(
            last, "mount", (source, entry.target, None, MS_MOVE, None), "the mount moves there"
        )
    else:
        again = " again, with other flags" if flags & MS_REMOUNT else ""
        args = (source, entry.target, entry.fstype, flags, data or None)
        yield Call(last, "mount", args, f"{entry.fstype} on {entry.target}{again}")
    if propagation:
        recursive = parse_options(entry.options)[0] & MS_REC
        flag = propagation | recursive
        yield Call(last, "mount", ("none", entry.target, None, flag, None), "its propagation")


def variable(state: State, host: Host, name: str) -> str | None:
    """The value that a variable will have inside, None if it is not set."""
    for changed, value in state.env:
        if changed == name:
            return value
    return host.environ.get(name)


def candidates(program: str, path: str) -> list[str]:
    """The files that execvp(3) tries for a program, in order."""
    if "/" in program or not program:
        return [program]
    return [f"{directory or '.'}/{program}" for directory in path.split(":")]


def _become(state: State, argv: tuple[str, ...], host: Host, last: str) -> Iterator[Call]:
    environ = host.environment(state.env)
    path = variable(state, host, "PATH")
    for program in candidates(argv[0], DEFAULT_PATH if path is None else path):
        yield Call(last, "execve", (program, argv, environ), "the process becomes the command")
