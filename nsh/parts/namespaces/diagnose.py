"""Why a process or a namespace was not made: clone and unshare.

See fork(2), unshare(2), user_namespaces(7), pid_namespaces(7), namespaces(7).
"""

from __future__ import annotations

import errno
import os

from nsh.call import PARENT, Call
from nsh.host import Host
from nsh.linux.attempts import unshare_error
from nsh.linux.constants import CAP_SYS_ADMIN
from nsh.linux.mountinfo import in_chroot
from nsh.linux.namespaces import BY_NAME, flags_of
from nsh.linux.procfs import has_proc, is_filtered, link, own_status, read_text
from nsh.parts.facts import as_root, switched_off, without_user
from nsh.parts.part import Diagnosis
from nsh.state import State

NEVER = "2147483647"
"""The limits that a new user namespace starts with: none of its own."""


def clone(call: Call, error: int, host: Host) -> Diagnosis | None:
    """Why no process was made."""
    unforked = link("/proc/self/ns/pid") != link("/proc/self/ns/pid_for_children")
    if error == errno.ENOMEM and unforked:
        return Diagnosis(
            "nsh was started by unshare -p without -f, so its first command became PID 1 of the new"
            " pid namespace; PID 1 has ended, and then the kernel puts no more processes into it:"
            " leave, and start nsh with unshare -pf",
            "quit",
        )
    if error == errno.EINVAL and call.actor != PARENT and unforked:
        return Diagnosis(
            "nsh was started by unshare -p without -f, so this child is PID 1 of that pid namespace,"
            " and PID 1 may not give its child to another parent (CLONE_PARENT):"
            " leave, and start nsh with unshare -pf",
            "quit",
        )
    if error == errno.EAGAIN:
        return _too_many_processes(call, host)
    return None


def _too_many_processes(call: Call, host: Host) -> Diagnosis:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    running = _threads_of(host.uid) + (call.actor != PARENT)  # the child that could not fork
    user = host.user or f"uid {host.uid}"
    if limit != resource.RLIM_INFINITY and running >= limit:
        return Diagnosis(
            f"{user} has {running} process{'es' * (running != 1)}, and the limit on them (RLIMIT_NPROC)"
            f" is {limit};"
            f" as root in another terminal, `prlimit --pid {os.getpid()} --nproc=unlimited` lifts it"
            " for this nsh",
            "quit",
        )
    for name in _cgroup_files("pids.max"):
        allowed = (read_text(name) or "").strip()
        if allowed.isdigit() and int(read_text(name[:-3] + "current") or 0) >= int(allowed):
            return Diagnosis(
                f"nsh's cgroup may hold {allowed} processes and holds them already ({name});"
                " end one of them, or write a larger error there from another terminal",
                "quit",
            )
    return Diagnosis(
        "a limit on the number of processes is reached, of this user, of the cgroup or of the"
        " machine (kernel.pid_max, kernel.threads-max): end some in another terminal",
        "quit",
    )


def _threads_of(uid: int) -> int:
    count = 0
    for entry in os.listdir("/proc") if has_proc() else []:
        if entry.isdigit():
            try:
                if os.stat(f"/proc/{entry}").st_uid == uid:
                    count += len(os.listdir(f"/proc/{entry}/task"))
            except OSError:
                continue
    return count


def _cgroup_files(name: str) -> list[str]:
    """The files of that name in nsh's cgroup and those above it. See cgroups(7)."""
    found = []
    for line in (read_text("/proc/self/cgroup") or "").splitlines():
        error, controllers, path = line.split(":", 2)
        if controllers == "pids" or error == "0":
            top = f"/sys/fs/cgroup/{controllers}".rstrip("/")
            while path:
                place = f"{top}{path.rstrip('/')}/{name}"
                if os.path.exists(place):
                    found.append(place)
                path = path.rpartition("/")[0]
    return found


def unshare(error: int, state: State, host: Host) -> Diagnosis | None:
    """Why the namespaces were not made."""
    if error == errno.EPERM:
        if state.joins and (found := _not_mapped_around(state, host)):
            return found
        if state.has("user"):
            return _no_user_namespace(state, host)
        return _no_privilege(state, host)
    if error in (errno.ENOSPC, errno.EUSERS):
        return _limit(error, state, host)
    if error == errno.EINVAL:
        known = os.path.exists("/proc/self/ns")
        missing = [
            name
            for name in state.flags
            if not os.path.lexists(f"/proc/self/ns/{BY_NAME[name].proc}")
        ]
        if missing and known:
            return Diagnosis(
                f"this kernel ({os.uname().release}) has no {missing[0]} namespaces",
                "flags " + " ".join([f"-{name}" for name in missing]),
            )
    return None


def _not_mapped_around(state: State, host: Host) -> Diagnosis | None:
    """That the joined user namespace does not map nsh's ids, None if that is not so."""
    from nsh.parts.join.around import Around, around

    outside = around(state, host)
    if not isinstance(outside, Around) or outside.is_mapped or not state.has("user"):
        return None
    return Diagnosis(
        f"the user namespace of {outside.target.name}, which is joined, does not map uid {host.uid} and"
        f" gid {host.gid}, and only a mapped user may make another one in it: that takes a map before"
        f" {outside.target.name} is started, such as map root",
        *without_user(state),
    )


def _no_user_namespace(state: State, host: Host) -> Diagnosis | None:
    way_out = without_user(state) if host.is_privileged else ("quit",)
    can_do = "; as root you can do without it" if host.is_privileged else ""
    if has_proc():
        for kind, own in (("uid", host.uid), ("gid", host.gid)):
            owned = host.owned_ranges(kind)
            if not any(each.has_inside(own) for each in owned):
                return Diagnosis(
                    f"nsh runs in a user namespace that does not map its own {kind} (so it shows as"
                    f" {own}), and only a mapped user may make another one{can_do}",
                    *way_out,
                )
    if in_chroot():
        return Diagnosis(
            "nsh runs in a chroot, and there the kernel makes no user namespaces, because their"
            f" rights would open a way out of the chroot{can_do}",
            *way_out,
        )
    off = switched_off(host)
    if off is not None:
        return off
    if is_filtered():
        return None
    if not has_proc():
        return Diagnosis(
            "the kernel makes no user namespaces in a chroot, and nsh seems to be in one: not even"
            f" /proc is there to look at{can_do}",
            *way_out,
        )
    return Diagnosis(
        "the kernel makes no user namespace for a process in a chroot, nor where a security module"
        f" forbids it; one of the two is the case here{can_do}",
        *way_out,
    )


def _no_privilege(state: State, host: Host) -> Diagnosis | None:
    if host.can(CAP_SYS_ADMIN):
        return None
    kinds = " and ".join(state.flags)
    new, plural = ("new", "s take") if len(state.flags) > 1 else ("a new", " takes")
    return Diagnosis(
        f"{new} {kinds} namespace{plural} CAP_SYS_ADMIN, a right of root that uid {host.uid} does not"
        " have here; in a new user namespace every user has it",
        "flags +user",
        "map root",
    )


def _limit(error: int, state: State, host: Host) -> Diagnosis:
    kind = _refused_kind(state, error) or state.flags[0]
    name = f"user.max_{kind}_namespaces"
    limit = (read_text("/proc/sys/" + name.replace(".", "/")) or "").strip()
    errno_name = errno.errorcode[error]
    if kind == "pid" and len(own_status("NSpid").split()) > 32:
        return Diagnosis(
            f"pid namespaces nest at most 32 deep, and nsh is that deep: {errno_name} means that"
            " limit, not a disk",
            "flags -pid",
        )
    if limit.isdigit() and limit != NEVER and (kind != "pid" or int(limit) < 1000):
        raised = max(1000, 2 * int(limit))
        return Diagnosis(
            f"{name} is {limit}, and no more {kind} namespaces are allowed here:"
            f" {errno_name} means that limit, not a disk",
            as_root(f"sysctl -w {name}={raised}", host),
        )
    deep = " nested 32 deep already, or" if kind in ("user", "pid") else ""
    where = "as many as a user namespace around this one allows"
    lines = without_user(state) if kind == "user" else (f"flags -{kind}",)
    if kind == "user" and not host.can(CAP_SYS_ADMIN):
        lines = ("quit",)
    around = "" if host.in_first_userns else ", and from in here it cannot be raised"
    return Diagnosis(
        f"{kind} namespaces are{deep} {where}: {errno_name} means such a limit, not a disk{around}",
        *lines,
    )


def _refused_kind(state: State, error: int) -> str:
    """The namespace that unshare refuses with that errno when it is asked for alone, "" if none.

    Found by trying: each kind in a child of its own, inside a new user namespace if one is wanted.
    """
    user: tuple[str, ...] = ("user",) if state.has("user") else ()
    others = [name for name in state.flags if name != "user"]
    for names in (user, *[(*user, name) for name in others]):
        if names and unshare_error(flags_of(names)) == error:
            return names[-1]
    return ""
