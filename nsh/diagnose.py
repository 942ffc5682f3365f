"""Diagnose: from a failed call and its errno to the cause on this machine and the line that mends it.

It looks before it speaks: at capabilities, uid maps, mounts, limits, files. What it says rests on
the ERRORS sections of the call's manual page and on user_namespaces(7), mount_namespaces(7),
pid_namespaces(7), namespaces(7).
"""

from __future__ import annotations

import errno
import os
import stat

from nsh.host import (
    CAP_SETGID,
    CAP_SETUID,
    CAP_SYS_ADMIN,
    Host,
    parse_map,
    read_text,
    status_field,
)
from nsh.mounts import MS_BIND, MS_MOVE, MS_REMOUNT, PROPAGATION
from nsh.plan import Call, Plan, ranges
from nsh.state import Mount, Range, State
from nsh.words import join, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.launch import CallFailed

USERNS_FILESYSTEMS = [
    "proc",
    "sysfs",
    "tmpfs",
    "ramfs",
    "devpts",
    "mqueue",
    "cgroup",
    "cgroup2",
    "overlay",
    "fuse",
    "bpf",
]
"""The file systems that a user namespace may mount (FS_USERNS_MOUNT in the kernel)."""

SHELL_BUILTINS = frozenset(
    [
        "alias",
        "bg",
        "cd",
        "command",
        "eval",
        "exec",
        "exit",
        "export",
        "fc",
        "fg",
        "getopts",
        "hash",
        "jobs",
        "local",
        "read",
        "readonly",
        "set",
        "shift",
        "source",
        "times",
        "trap",
        "type",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "wait",
        ".",
        ":",
    ]
)


class Diagnosis:
    """The cause in one or two sentences, and the lines to type that mend it."""

    __slots__ = ("cause", "mends")

    def __init__(self, cause: str, *mends: str) -> None:
        self.cause = cause
        self.mends = mends


def diagnose(failure: CallFailed, plan: Plan, host: Host, commands: list[str]) -> Diagnosis:
    """Why the call failed on this machine, and what to type.

    ``commands`` are the names of nsh's own commands, for a `run` that means one of them.
    """
    call, number = failure.call, failure.errno
    found: Diagnosis | None = None
    match call.name:
        case "clone":
            found = _clone(number)
        case "unshare":
            found = _unshare(number, plan.state, host)
        case "openat":
            found = _open_map(number)
        case "write" if call.gives == () and _map_name(call):
            found = _write_map(_map_name(call), number, plan.state, host)
        case "wait4":
            found = _id_helper(call, host)
        case "mount":
            found = _mount(call, number, plan, host)
        case "umount2":
            found = _umount(str(call.args[0]), number, plan.state)
        case "sethostname" | "setdomainname":
            found = _name(call, number)
        case "chdir":
            found = _chdir(str(call.args[0]), number, plan.state)
        case "execve" if call.actor != plan.last:
            found = _id_helper(call, host)
        case "execve":
            found = _execve(call, number, plan, host, commands)
    return found or _unexplained(call, number, host)


def _unexplained(call: Call, number: int, host: Host) -> Diagnosis:
    page = "fork(2)" if call.name == "clone" else f"{call.name}(2)"
    if number == errno.EPERM and status_field(_status(), "Seccomp") not in ("", "0"):
        return Diagnosis(
            "nsh runs under a seccomp filter, as in a container, and the filter may forbid this call",
            "!grep Seccomp /proc/self/status",
        )
    if number in (errno.EPERM, errno.EACCES) and host.can(CAP_SYS_ADMIN):
        return Diagnosis(
            "nsh has CAP_SYS_ADMIN, so a security module may have refused it;"
            f" for the rule itself see {page}",
            "!cat /sys/kernel/security/lsm",
        )
    if number == errno.ENOMEM:
        return Diagnosis("the kernel has no memory for it", "!free -m")
    if number == errno.ENOSYS:
        return Diagnosis(f"this kernel does not have {call.name}", "!uname -r")
    if number in (errno.EMFILE, errno.ENFILE):
        return Diagnosis("too many files are open", "!ulimit -n")
    return Diagnosis(
        f"nothing that nsh looks at explains it; {page} lists what this errno can mean",
        f"!man 2 {'fork' if call.name == 'clone' else call.name}",
    )


def _status() -> str:
    return read_text("/proc/self/status") or ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


class MountPoint:
    """One line of /proc/self/mountinfo, as far as it is needed. See proc(5)."""

    __slots__ = ("fstype", "options", "point")

    def __init__(self, point: str, options: str, fstype: str) -> None:
        self.point = point
        self.options = options
        self.fstype = fstype


def mount_points() -> list[MountPoint]:
    """The mounts that this process sees, in mount order; empty without /proc."""
    found = []
    for line in (read_text("/proc/self/mountinfo") or "").splitlines():
        fields = line.split()
        fstype = fields[fields.index("-") + 1] if "-" in fields else ""
        point = fields[4]
        for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            point = point.replace(code, char)
        found.append(MountPoint(point, fields[5], fstype))
    return found


def in_chroot() -> bool:
    """Whether this process's root directory is not the root of its mount namespace.

    Seen in two ways: no mount is listed on /, or PID 1 of the same mount namespace has another root.
    """
    points = mount_points()
    if points and not any(mount.point == "/" for mount in points):
        return True
    try:
        if os.readlink("/proc/1/ns/mnt") != os.readlink("/proc/self/ns/mnt"):
            return False
        here, there = os.stat("/"), os.stat("/proc/1/root/")
    except OSError:
        return False
    return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)


def _clone(number: int) -> Diagnosis | None:
    if number == errno.ENOMEM:
        here, for_children = _link("/proc/self/ns/pid"), _link("/proc/self/ns/pid_for_children")
        if here != for_children:
            return Diagnosis(
                "nsh was started with unshare -p and no -f: its first command was PID 1 of the new"
                " pid namespace, and when PID 1 ends the namespace takes no more processes",
                "quit",
            )
        return Diagnosis("there is no memory for another process", "!free -m")
    if number == errno.EAGAIN:
        return Diagnosis(
            "a limit on processes is reached: RLIMIT_NPROC, the cgroup's pids.max,"
            " or kernel.pid_max",
            "!ulimit -u; cat /proc/sys/kernel/pid_max",
        )
    return None


def _unshare(number: int, state: State, host: Host) -> Diagnosis | None:
    if number == errno.EPERM:
        return _unshare_user_refused(host) if state.has("user") else _no_privilege(state, host)
    if number in (errno.ENOSPC, errno.EUSERS):
        return _limit(number, state)
    if number == errno.EINVAL:
        missing = [name for name in state.flags if not os.path.exists(f"/proc/self/ns/{name}")]
        if missing and os.path.exists("/proc/self/ns"):
            return Diagnosis(
                f"this kernel has no {missing[0]} namespaces",
                *[f"flags -{name}" for name in missing],
            )
        if status_field(_status(), "Threads") not in ("", "1"):
            return Diagnosis(
                "only a process with one thread may make a user namespace, and nsh has more", "quit"
            )
    return None


def _unshare_user_refused(host: Host) -> Diagnosis | None:
    if in_chroot():
        return Diagnosis(
            "nsh runs in a chroot, and a process in a chroot may not make a user namespace:"
            " it could get around the chroot with it",
            "quit",
        )
    switches = (
        ("kernel.unprivileged_userns_clone", "0", "1"),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    )
    if not host.can(CAP_SYS_ADMIN):
        for name, off, on in switches:
            value = read_text("/proc/sys/" + name.replace(".", "/"))
            if value is not None and value.strip() == off:
                return Diagnosis(
                    f"{name} is {off}: users without privileges may not make user namespaces here;"
                    " root can change it with the line below",
                    f"!sysctl -w {name}={on}",
                )
    for kind, own in (("uid", host.uid), ("gid", host.gid)):
        owned = host.owned_ranges(kind)
        if not any(inside <= own < inside + count for inside, _, count in owned):
            return Diagnosis(
                f"nsh runs as {kind} {own}, which has no mapping in the user namespace around it,"
                " and only a mapped user may make another one; leave, map, and come back",
                "quit",
                "map root",
            )
    return None


def _no_privilege(state: State, host: Host) -> Diagnosis | None:
    if host.can(CAP_SYS_ADMIN):
        return None
    kinds = " and ".join(state.flags)
    return Diagnosis(
        f"a new {kinds} namespace takes CAP_SYS_ADMIN, which uid {host.uid} does not have here;"
        " in a user namespace of its own every user has it",
        "flags +user",
        "map root",
    )


def _limit(number: int, state: State) -> Diagnosis:
    for name in state.flags:
        limit = (read_text(f"/proc/sys/user/max_{name}_namespaces") or "").strip()
        if limit == "0":
            return Diagnosis(
                f"user.max_{name}_namespaces is 0, so no {name} namespace can be made here:"
                " the errno speaks of that limit and not of a disk",
                f"!sysctl -w user.max_{name}_namespaces=1000",
            )
    kinds = " or ".join(state.flags)
    nested = (
        " or 32 of them are nested in each other," if {"user", "pid"} & set(state.flags) else ""
    )
    return Diagnosis(
        f"there are as many {kinds} namespaces as allowed,{nested} here or in a user namespace"
        " around this one: the errno speaks of that limit and not of a disk",
        "!grep . /proc/sys/user/max_*_namespaces",
    )


# Maps.


def _map_name(call: Call) -> str:
    text = str(call.args[0])
    return next((name for name in ("uid_map", "gid_map", "setgroups") if name in text), "")


def _open_map(number: int) -> Diagnosis | None:
    if number == errno.ENOENT and not os.path.exists("/proc/self/uid_map"):
        return Diagnosis(
            "the maps are files in /proc, and no proc file system is mounted there",
            "!mount -t proc proc /proc",
        )
    return None


def _write_map(name: str, number: int, state: State, host: Host) -> Diagnosis | None:
    if name == "setgroups":
        if number == errno.EPERM and (read_text("/proc/self/setgroups") or "").strip() == "deny":
            return Diagnosis(
                "setgroups is denied in the user namespace around this one, and a child namespace"
                " cannot allow it again",
                "setgroups deny",
            )
        return None
    kind = name[:3]
    wanted = ranges(kind, state.uidmap if kind == "uid" else state.gidmap, host)
    if number == errno.EINVAL:
        return _bad_map(kind, wanted, host)
    if number != errno.EPERM:
        return None
    capability = CAP_SETUID if kind == "uid" else CAP_SETGID
    if kind == "gid" and state.setgroups == "allow" and not host.can(capability):
        return Diagnosis(
            "without CAP_SETGID the kernel takes a gid_map only after setgroups is denied:"
            " dropping a group could give rights that the group was refused",
            "setgroups deny",
        )
    outside = _not_outside(kind, wanted)
    if outside is not None:
        return outside
    return Diagnosis(
        f"the kernel takes this {name} only from a writer that has the capability for it; your own"
        " id it takes from everyone",
        "map root",
    )


def _bad_map(kind: str, wanted: tuple[Range, ...], host: Host) -> Diagnosis | None:
    if len(wanted) > 340:
        return Diagnosis(
            f"a map has at most 340 lines, this one has {len(wanted)}", f"{kind}map none"
        )
    for at, one in enumerate(wanted):
        if one[2] == 0:
            return Diagnosis(f"a range of 0 ids maps nothing: {join_range(one)}", f"{kind}map none")
        for other in wanted[:at]:
            for side, where in ((0, "inside"), (1, "outside")):
                if one[side] < other[side] + other[2] and other[side] < one[side] + one[2]:
                    return Diagnosis(
                        f"the ranges {join_range(other)} and {join_range(one)} overlap {where}:"
                        " an id can be mapped once only",
                        "map root",
                    )
    return _not_outside(kind, wanted)


def _not_outside(kind: str, wanted: tuple[Range, ...]) -> Diagnosis | None:
    owned = parse_map(read_text(f"/proc/self/{kind}_map") or "")
    for _, outside, count in wanted:
        if not any(first <= outside and outside + count <= first + n for first, _, n in owned):
            last = outside + count - 1
            what = f"{kind} {outside}" if count == 1 else f"{kind}s {outside} to {last}"
            known = ", ".join([f"{first} to {first + n - 1}" for first, _, n in owned]) or "none"
            return Diagnosis(
                f"{what} outside: the user namespace around this one has {known} only",
                "map root",
            )
    return None


def join_range(entry: Range) -> str:
    """A range as it is typed."""
    return " ".join([str(number) for number in entry])


def _id_helper(call: Call, host: Host) -> Diagnosis:
    program = call.actor if call.name == "execve" else ""
    program = program or getattr(call.args[0], "name", "newuidmap")
    kind = program[3:6]
    if not any(os.access(f"{place}/{program}", os.X_OK) for place in ("/usr/bin", "/bin")):
        return Diagnosis(
            f"a range of ids without privileges takes {program}, which is not installed"
            " (on Debian it is in the package uidmap); your own id works without it",
            "map root",
        )
    user = host.user or str(host.uid)
    return Diagnosis(
        f"{program} maps only what /etc/sub{kind} gives to {user}, and your own id",
        f"!grep {user} /etc/sub{kind}",
        "map auto" if host.subordinate(kind) else "map root",
    )


# Mounts.


def _exists(path: str) -> bool:
    return os.path.lexists(path)


def _hiding(path: str, state: State, before: str = "") -> Mount | None:
    """The queued mount, other than the one on ``before``, that covers the path inside."""
    covering = None
    for entry in state.mounts:
        if isinstance(entry, Mount) and entry.target != before:
            prefix = entry.target.rstrip("/") + "/"
            if path.startswith(prefix):
                covering = entry
    return covering


def _missing(path: str, state: State, target: bool) -> Diagnosis:
    hidden = _hiding(path, state, before=path if target else "")
    if hidden is not None and _exists(path):
        return Diagnosis(
            f"{path} is there on the host, but inside it lies under your mount"
            f" {hidden.fstype} on {hidden.target}",
            "reset mounts",
            "undo",
        )
    if _exists(path):
        return Diagnosis(
            f"{path} is a link to something that is not there", f"!ls -l {quote(path)}"
        )
    parent = os.path.dirname(path) or "."
    deep = "-p " if not os.path.isdir(parent) else ""
    if hidden is not None:
        return Diagnosis(
            f"there is no {path} in your mount {hidden.fstype} on {hidden.target}",
            f"sh mkdir {deep}{quote(path)} && ls {quote(hidden.target)}",
            "undo",
        )
    if target:
        return Diagnosis(f"there is no directory {path} to mount on", f"!mkdir {deep}{quote(path)}")
    return Diagnosis(f"there is no {path} on this machine", f"!ls -d {quote(parent)}")


def _mount(call: Call, number: int, plan: Plan, host: Host) -> Diagnosis | None:
    source, target, fstype, flags, _ = call.args
    assert isinstance(flags, int)
    source, target = str(source), str(target)
    fstype = "" if fstype is None else str(fstype)
    if target == "/" and flags & PROPAGATION:
        if number == errno.EINVAL:
            where = "nsh runs in a chroot: its" if in_chroot() else "the"
            return Diagnosis(
                f"{where} / is no mount point, so it has no propagation to set;"
                " leaving it alone works, but then mounts may reach the host",
                "propagation unchanged",
            )
        return None
    if number == errno.ENOENT:
        if flags & (MS_BIND | MS_MOVE) and not flags & MS_REMOUNT and not _exists(source):
            return _missing(source, plan.state, target=False)
        return _missing(target, plan.state, target=True)
    if number == errno.ENOTDIR:
        return _not_a_directory(source, target, bool(flags & (MS_BIND | MS_MOVE)))
    if number == errno.ENODEV:
        return _unknown_filesystem(fstype, source, target)
    if number == errno.EBUSY:
        return Diagnosis(
            f"{target} or the source of the mount is in use in a way that forbids this,"
            " for example by files that are open for writing",
            "!findmnt -T " + quote(target),
        )
    if number == errno.ENOTBLK:
        return Diagnosis(
            f"{fstype} keeps its data on a block device, and {source} is none",
            f"mount bind {join([source, target])}",
        )
    if number == errno.EINVAL:
        return _mount_invalid(call, source, target, fstype, flags)
    if number == errno.EPERM:
        return _mount_refused(source, target, fstype, flags, plan.state, host)
    if number == errno.EACCES:
        return Diagnosis(
            f"the way to {target} leads through a directory that this user may not search,"
            " or the device is read-only",
            f"!ls -ld {quote(target)}",
        )
    return None


def _not_a_directory(source: str, target: str, binding: bool) -> Diagnosis:
    if binding and os.path.isdir(source) != os.path.isdir(target):
        kinds = ("a directory", "a file") if os.path.isdir(source) else ("a file", "a directory")
        make = "mkdir" if os.path.isdir(source) else "touch"
        return Diagnosis(
            f"{source} is {kinds[0]} and {target} is {kinds[1]}: a directory is bound on a"
            " directory, a file on a file",
            f"!{make} {quote(target + '.new')}",
            f"mount bind {join([source, target + '.new'])}",
        )
    return Diagnosis(
        f"{target} is not a directory, and only a directory can carry this mount",
        f"!ls -ld {quote(target)}",
    )


def _unknown_filesystem(fstype: str, source: str, target: str) -> Diagnosis:
    import difflib

    known = [line.split()[-1] for line in (read_text("/proc/filesystems") or "").splitlines()]
    close = difflib.get_close_matches(fstype, [*known, "bind"], 1)
    return Diagnosis(
        f"this kernel has no file system {fstype}: /proc/filesystems does not list it",
        f"mount {join([close[0], target])}" if close else "!cat /proc/filesystems",
    )


def _mount_invalid(call: Call, source: str, target: str, fstype: str, flags: int) -> Diagnosis:
    if flags & (MS_REMOUNT | PROPAGATION | MS_MOVE):
        point = source if flags & MS_MOVE else target
        if not any(mount.point == point for mount in mount_points()):
            return Diagnosis(
                f"{point} is no mount point, and this call changes one",
                f"mount bind {join([point] * 2)}",
            )
    data = call.args[4]
    if data:
        return Diagnosis(
            f"{fstype} does not understand the options {data}", f"mount {join([fstype, target])}"
        )
    if flags & MS_BIND:
        return Diagnosis(
            f"{source} cannot be bound: it is unbindable, or it belongs to another mount namespace,"
            " or, in a user namespace, it has mounts below it that may not be uncovered",
            f"mount rbind {join([source, target])}",
        )
    return Diagnosis(
        f"{fstype} does not take this source or these flags; it may need options",
        f"!man 5 {fstype}",
    )


def _mount_refused(
    source: str, target: str, fstype: str, flags: int, state: State, host: Host
) -> Diagnosis | None:
    foreign = len(host.owned_ranges("uid")) != 1 or host.owned_ranges("uid")[0][2] != 4294967295
    if not state.has("user") and not host.can(CAP_SYS_ADMIN):
        return Diagnosis(
            f"mounting takes CAP_SYS_ADMIN, which uid {host.uid} does not have",
            "flags +user",
            "map root",
        )
    if not (state.has("user") or foreign):
        return None
    if flags & MS_REMOUNT and flags & MS_BIND:
        locked = _locked_flags(target, state)
        return Diagnosis(
            "in a user namespace the flags that the mount has outside are locked:"
            " a remount must name them again" + (f" ({locked})" if locked else ""),
            *([f"mount bind SOURCE {quote(target)} -o ro,{locked}"] if locked else []),
        )
    if fstype == "proc":
        if not state.has("pid"):
            return Diagnosis(
                "proc shows a pid namespace, and this user namespace has none of its own to show",
                "flags +pid",
            )
        return _masked("/proc", "proc")
    if fstype == "sysfs":
        if not state.has("net"):
            return Diagnosis(
                "sysfs shows a net namespace, and this user namespace has none of its own to show",
                "flags +net",
            )
        return _masked("/sys", "sysfs")
    if fstype == "mqueue" and not state.has("ipc"):
        return Diagnosis(
            "mqueue shows an ipc namespace, and this user namespace has none of its own",
            "flags +ipc",
        )
    if fstype and fstype not in USERNS_FILESYSTEMS:
        return Diagnosis(
            f"a user namespace may not mount {fstype}: the kernel trusts only some file systems"
            f" with that ({' '.join(USERNS_FILESYSTEMS[:4])} and a few more)",
            f"mount tmpfs {quote(target)}",
        )
    return None


def _masked(place: str, fstype: str) -> Diagnosis | None:
    points = mount_points()
    over = [mount.point for mount in points if mount.point.startswith(place + "/")]
    own = [mount for mount in points if mount.point == place and mount.fstype == fstype]
    if over:
        shown = ", ".join(over[:3]) + (" and more" if len(over) > 3 else "")
        return Diagnosis(
            f"part of {place} is covered here ({shown}), as in a container: a fresh {fstype} would"
            " show what is covered, so a user namespace may not mount one",
            f"mount rbind {place} {place}",
        )
    if not own:
        return Diagnosis(
            f"no {fstype} is fully visible on {place} here, and a user namespace may mount only what"
            " is visible outside already",
            f"mount rbind {place} {place}",
        )
    return None


def _locked_flags(target: str, state: State) -> str:
    source = next(
        (
            entry.source
            for entry in state.mounts
            if isinstance(entry, Mount) and entry.target == target
        ),
        target,
    )
    try:
        flags = os.statvfs(source).f_flag
    except OSError:
        return ""
    names = ((os.ST_NOSUID, "nosuid"), (os.ST_NODEV, "nodev"), (os.ST_NOEXEC, "noexec"))
    names += ((os.ST_NOATIME, "noatime"), (os.ST_NODIRATIME, "nodiratime"))  # type: ignore[assignment]
    names += ((os.ST_RELATIME, "relatime"),)  # type: ignore[assignment]
    return ",".join([name for flag, name in names if flags & flag])


def _umount(target: str, number: int, state: State) -> Diagnosis | None:
    points = [mount.point for mount in mount_points()]
    if number == errno.ENOENT:
        return Diagnosis(f"there is no {target}", "!findmnt")
    if number == errno.EINVAL:
        if target in points and state.has("user"):
            return Diagnosis(
                f"the mount on {target} came from a more privileged mount namespace together with"
                " the others, so it is locked: uncovering what lies below could show what was"
                " hidden; it can be covered, though",
                f"mount tmpfs {quote(target)}",
            )
        if target in points:
            return Diagnosis(f"{target} is the root of a mount that may not be taken away", "undo")
        return Diagnosis(f"nothing is mounted on {target}", "!findmnt", "undo")
    if number == errno.EBUSY:
        below = [point for point in points if point.startswith(target.rstrip("/") + "/")]
        why = (
            f"there is a mount below it ({below[0]})" if below else "a process has files open there"
        )
        return Diagnosis(
            f"{target} is busy: {why}; -l takes it away now and frees it when it is not used any more",
            f"umount {quote(target)} -l",
        )
    return None


# Names, directory, command.


def _name(call: Call, number: int) -> Diagnosis | None:
    size = call.args[1]
    assert isinstance(size, int)
    command = call.name.removeprefix("set")
    if number in (errno.EINVAL, errno.ENAMETOOLONG) and size > 64:
        return Diagnosis(
            f"the name has {size} bytes, and the kernel keeps at most 64",
            f"{command} {quote(str(call.args[0])[:16])}",
        )
    return None


def _chdir(path: str, number: int, state: State) -> Diagnosis | None:
    if number == errno.ENOENT:
        hidden = _hiding(path, state)
        if hidden is None:
            return Diagnosis(f"there is no directory {path}", f"!mkdir -p {quote(path)}", "cd /")
        return Diagnosis(
            f"there is no {path} inside: your mount {hidden.fstype} on {hidden.target} covers it",
            f"cd {quote(hidden.target)}",
        )
    if number == errno.ENOTDIR:
        return Diagnosis(f"{path} is not a directory", f"cd {quote(os.path.dirname(path) or '/')}")
    if number == errno.EACCES:
        who = "inside you are nobody" if state.has("user") and not state.uidmap else "this user"
        return Diagnosis(
            f"a directory on the way to {path} may not be searched: {who} has no right to",
            "map root" if state.has("user") and not state.uidmap else "cd /",
        )
    return None


def _execve(
    call: Call, number: int, plan: Plan, host: Host, commands: list[str]
) -> Diagnosis | None:
    program, path = plan.argv[0], str(call.args[0])
    rest = list(plan.argv[1:])
    if number == errno.ENOENT:
        if "/" not in program:
            return _not_in_path(program, rest, plan, host, commands)
        hidden = _hiding(path, plan.state)
        if not _exists(path) or hidden is not None:
            if hidden is not None and _exists(path):
                return _missing(path, plan.state, target=False)
            return Diagnosis(f"there is no {path}", f"!ls -l {quote(os.path.dirname(path) or '.')}")
        return _no_interpreter(path)
    if number == errno.EACCES:
        return _not_executable(path, plan.state)
    if number == errno.ENOEXEC:
        return Diagnosis(
            f"{path} is neither a program for this machine nor a script that begins with #!;"
            " a shell would read it as a script",
            join(["run", "sh", path, *rest]),
        )
    if number == errno.E2BIG:
        size = sum([len(os.fsencode(word)) + 1 for word in (*plan.argv, *_environment(call))])
        return Diagnosis(
            f"the words and the environment take {size} bytes together, more than the kernel"
            " hands to a program (a single word has at most 131072)",
            "!getconf ARG_MAX",
        )
    if number == errno.ENOTDIR:
        return Diagnosis(
            f"a part of {path} is used as a directory and is none", f"!ls -l {quote(path)}"
        )
    if number == errno.ETXTBSY:
        return Diagnosis(f"{path} is open for writing", f"!ls -l {quote(path)}")
    return None


def _environment(call: Call) -> tuple[str, ...]:
    words = call.args[2]
    assert isinstance(words, tuple)
    return words


def _not_in_path(
    program: str, rest: list[str], plan: Plan, host: Host, commands: list[str]
) -> Diagnosis:
    import difflib

    if not program:
        return Diagnosis("the name of the program is empty", "help run")
    path = next(
        (value for name, value in plan.state.env if name == "PATH"), host.environ.get("PATH")
    )
    places = (path or "").split(":")
    there = next((f"{p}/{program}" for p in places if os.access(f"{p}/{program}", os.X_OK)), None)
    if there is not None:
        hidden = _hiding(there, plan.state)
        if hidden is not None:
            return _missing(there, plan.state, target=False)
        return _no_interpreter(there)
    if program in commands:
        return Diagnosis(
            f"{program} is a command of nsh itself, no program", join([program, *rest])
        )
    if program in SHELL_BUILTINS:
        return Diagnosis(
            f"{program} is built into shells, it is no program", "sh " + join([program, *rest])
        )
    names = {entry for place in places if place for entry in _listing(place)}
    close = difflib.get_close_matches(program, sorted(names), 1, 0.75)
    return Diagnosis(
        f"no directory of PATH has a program {program}",
        join(["run", close[0], *rest]) if close else "sh echo $PATH",
    )


def _listing(place: str) -> list[str]:
    try:
        return os.listdir(place)
    except OSError:
        return []


def _first_bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(256)
    except OSError:
        return b""


def _no_interpreter(path: str) -> Diagnosis:
    start = _first_bytes(path)
    if start.startswith(b"#!"):
        words = start[2:].split(b"\n", 1)[0].split()
        interpreter = os.fsdecode(words[0]) if words else ""
        if interpreter.endswith("\r"):
            interpreter = interpreter[:-1] + "\\r"
        return Diagnosis(
            f"{path} is there, but its first line asks for the interpreter {interpreter or '(none)'},"
            " which is not there inside",
            f"!head -n 1 {quote(path)}",
        )
    if start.startswith(b"\x7fELF"):
        return Diagnosis(
            f"{path} is there, but not the dynamic loader or libraries that it asks for:"
            " it was built for another system, or a mount covers them",
            f"!ldd {quote(path)}",
        )
    return Diagnosis(f"{path} leads to a file that is not there", f"!ls -l {quote(path)}")


def _not_executable(path: str, state: State) -> Diagnosis | None:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return Diagnosis(
            f"a directory on the way to {path} may not be searched", f"!namei -l {quote(path)}"
        )
    if stat.S_ISDIR(mode):
        return Diagnosis(f"{path} is a directory", f"cd {quote(path)}")
    if not stat.S_ISREG(mode):
        return Diagnosis(f"{path} is no regular file", f"!ls -l {quote(path)}")
    if not mode & 0o111:
        return Diagnosis(
            f"{path} has no execute permission", f"!chmod +x {quote(path)}", f"run sh {quote(path)}"
        )
    best = max(
        (mount for mount in mount_points() if path.startswith(mount.point.rstrip("/") + "/")),
        key=lambda mount: len(mount.point),
        default=None,
    )
    if best is not None and "noexec" in best.options.split(","):
        return Diagnosis(
            f"{best.point} is mounted noexec, so nothing on it can be run",
            f"!cp {quote(path)} /tmp",
        )
    for entry in state.mounts:
        if isinstance(entry, Mount) and "noexec" in entry.options.split(","):
            prefix = entry.target.rstrip("/") + "/"
            if path.startswith(prefix):
                return Diagnosis(f"your mount on {entry.target} is noexec", "undo")
    if state.has("user") and not state.uidmap:
        return Diagnosis(
            f"inside you are nobody, without a uid map, and {path} lets only its owner run it",
            "map root",
        )
    return Diagnosis(f"this user may not run {path}", f"!ls -l {quote(path)}")


def status(failure: CallFailed, plan: Plan) -> int:
    """The exit status of a run whose set-up failed: 127 not found, 126 not executable, 125 the rest."""
    if failure.call.name == "execve" and failure.call.actor == plan.last:
        return 127 if failure.errno == errno.ENOENT else 126
    return 125
