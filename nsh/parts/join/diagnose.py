"""Why a namespace was not joined: pidfd_open, openat and setns. See their manual pages.

What holds of rights stands in setns(2), user_namespaces(7) and ptrace(2) (access mode checking).
"""

from __future__ import annotations

import errno
import os

from nsh.errors import Refusal
from nsh.host import Host
from nsh.linux.constants import CAP_SYS_ADMIN
from nsh.linux.namespaces import BY_NAME
from nsh.linux.procfs import link, read_text, status_field
from nsh.parts.join.owners import owner_of
from nsh.parts.join.targets import Target, is_number, own_links, targets
from nsh.parts.part import Diagnosis, FailedCall
from nsh.state import State
from nsh.words import join


def diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why a namespace was not joined."""
    try:
        wanted = targets(failed.state, failed.host)
    except Refusal as refusal:  # what was there a moment ago is no more
        return Diagnosis(refusal.why, *refusal.fixes)
    name, error = failed.call.name, failed.error
    if name == "pidfd_open":
        pid = failed.call.args[0]
        [target] = [each for each in wanted if each.pid == pid][:1] or [wanted[0]]
        return _no_descriptor(target, error)
    if name == "openat":
        return _not_opened(failed, wanted)
    if name == "setns" and 0 <= failed.call.entry < len(wanted):
        return _not_joined(failed, wanted[failed.call.entry])
    if name in ("fchdir", "chroot"):
        return Diagnosis(
            "the root or the directory of that process may not be entered by this user", "!id"
        )
    return None


def dead_pid(failed: FailedCall) -> Diagnosis | None:
    """Why a clone(2) after the joins was ENOMEM, None if no pid namespace was joined."""
    try:
        wanted = targets(failed.state, failed.host)
    except Refusal as refusal:
        return Diagnosis(refusal.why, *refusal.fixes)
    for target in wanted:
        if "pid" in target.kinds:
            left = [kind for kind in target.kinds if kind != "pid"]
            again = [join(["join", target.name, *left])] if left else []
            return Diagnosis(
                f"PID 1 of the pid namespace of {_called(target)} has ended, and then the kernel puts no"
                " more processes into it: that is what ENOMEM means here",
                *without(failed.state, target),
                *again,
            )
    return None


def _called(target: Target) -> str:
    return f"process {target.name}" if is_number(target.name) else target.name


def without(state: State, target: Target) -> tuple[str, ...]:
    """The lines that join all but that target."""
    others = [join(["join", each.target, *each.kinds]) for each in state.joins]
    others = [
        line for line, each in zip(others, state.joins, strict=True) if each.target != target.name
    ]
    return ("reset join", *others)


def _no_descriptor(target: Target, error: int) -> Diagnosis | None:
    if error == errno.ESRCH:
        return Diagnosis(f"{_called(target)} has ended meanwhile", "reset join")
    leader = _leader(target.pid)
    if error in (errno.EINVAL, errno.ENOENT) and leader not in (0, target.pid):
        kinds = " ".join(target.kinds)
        return Diagnosis(
            f"{target.pid} is a thread of the process {leader}, and pidfd_open takes processes",
            "reset join",
            f"join {leader} {kinds}",
        )
    return None


def _leader(pid: int) -> int:
    """The process that a thread belongs to, 0 if it is not to be seen."""
    return int(status_field(read_text(f"/proc/{pid}/status") or "", "Tgid") or "0")


def _not_opened(failed: FailedCall, wanted: list[Target]) -> Diagnosis | None:
    path = str(failed.call.args[1])
    [target] = [each for each in wanted if path in (each.path, *_files(each))][:1] or [wanted[0]]
    if failed.error == errno.ENOENT:
        return Diagnosis(f"{path} is not there any more: {_called(target)} has ended", "reset join")
    if failed.error in (errno.EACCES, errno.EPERM):
        return _may_not_look(failed.host, target)
    if failed.error == errno.EBUSY:
        return Diagnosis(
            f"{_called(target)} has gone to another namespace since nsh looked at it, and only one"
            " that was made for a child may be changed",
            "reset join",
        )
    return None


def _files(target: Target) -> list[str]:
    return [f"/proc/{target.pid}/ns/{BY_NAME[kind].proc}" for kind in target.kinds]


def _may_not_look(host: Host, target: Target) -> Diagnosis:
    """Who may look at a process is said in ptrace(2), Ptrace access mode checking."""
    status = read_text(f"/proc/{target.pid}/status") or ""
    uids = status_field(status, "Uid").split()
    rights = int(status_field(status, "CapPrm") or "0", 16) & ~host.capabilities
    if uids and uids[0] != str(host.uid):
        why = f"it is uid {uids[0]}'s, and nsh runs as uid {host.uid}"
    elif rights:
        why = "it has rights that nsh does not have"
    else:
        why = (
            "it does not let itself be looked at (PR_SET_DUMPABLE), or a security module forbids it"
        )
    return Diagnosis(
        f"the namespaces of {_called(target)} are for those who may trace it, and {why}",
        "reset join",
    )


def _not_joined(failed: FailedCall, target: Target) -> Diagnosis | None:
    kinds = target.kinds
    if len(failed.call.args) > 1 and not target.by_pidfd:
        flag = failed.call.args[1]
        kinds = tuple([kind for kind in kinds if BY_NAME[kind].flag == flag]) or kinds
    match failed.error:
        case errno.ESRCH:
            return Diagnosis(f"{_called(target)} has ended meanwhile", "reset join")
        case errno.EINVAL:
            return _invalid(failed, target, kinds)
        case errno.EPERM:
            return _no_right(failed, target, kinds)
    return None


def _invalid(failed: FailedCall, target: Target, kinds: tuple[str, ...]) -> Diagnosis | None:
    links = dict(target.links)
    mine = own_links()
    if "user" in kinds and links.get("user") == mine.get("user"):
        left = [kind for kind in target.kinds if kind != "user"]
        return Diagnosis(
            f"the user namespace of {_called(target)} is nsh's own, and a process cannot join the one"
            " that it is in: it might get back rights that it has given up",
            *without(failed.state, target),
            *([join(["join", target.name, *left])] if left else []),
        )
    if "pid" in kinds:
        return Diagnosis(
            f"the pid namespace of {_called(target)} does not lie in nsh's own: a process can go down"
            " into pid namespaces, and never up or aside",
            *without(failed.state, target),
        )
    missing = [kind for kind in kinds if not link(f"/proc/self/ns/{BY_NAME[kind].proc}")]
    if missing and os.path.isdir("/proc/self/ns"):
        return Diagnosis(
            f"this kernel has no {missing[0]} namespaces", *without(failed.state, target)
        )
    return None


def _no_right(failed: FailedCall, target: Target, kinds: tuple[str, ...]) -> Diagnosis | None:
    host = failed.host
    mine = own_links()
    joined = {kind for each in targets(failed.state, host) for kind in each.kinds}
    pins = host.pins.get(target.name, {})
    if target.pid and not link(f"/proc/{target.pid}/ns/uts"):
        return _may_not_look(host, target)
    if "user" in kinds:
        return _no_right_of_user(failed, target, pins)
    for kind in kinds:
        owner, uid = owner_of(target, kind, pins)
        what = f"the {kind} namespace of {_called(target)}"
        if not owner:
            return Diagnosis(
                f"{what} belongs to a user namespace around nsh's own, so nsh has no rights over it",
                *without(failed.state, target),
            )
        if owner == mine.get("user") and "user" in joined:
            # A user joins that first of all, and so gives up what it had outside.
            return Diagnosis(
                f"{what} belongs to nsh's own user namespace, where the rights of the joined one do not"
                " hold",
                *without(failed.state, target),
            )
        if owner == mine.get("user") and not host.can(CAP_SYS_ADMIN):
            return Diagnosis(
                f"{what} belongs to nsh's own user namespace, and to join it takes CAP_SYS_ADMIN"
                f" there, which uid {host.uid} does not have; flags +user does not help: the joins come"
                " first, and a new user namespace has rights only over what is made in it",
                *without(failed.state, target),
            )
        by = "root" if uid == 0 else f"uid {uid}"
        if uid in (host.uid, None) and owner != mine.get("user") and "user" not in joined:
            return Diagnosis(
                f"{what} belongs to a user namespace that {by} made, and to join it takes CAP_SYS_ADMIN"
                " there: join that user namespace, too, and you have it",
                *without(failed.state, target),
                *_with_owner(target, owner),
            )
        if uid is not None and uid != host.uid and not host.is_privileged:
            return Diagnosis(
                f"{what} belongs to a user namespace that {by} made, and only that user and who"
                " has CAP_SYS_ADMIN there may join it",
                *without(failed.state, target),
            )
    return None


def _with_owner(target: Target, owner: str) -> tuple[str, ...]:
    """The lines that join the target and the user namespace that owns it."""
    if dict(target.links).get("user") == owner and not target.path:
        return (join(["join", target.name, "user", *target.kinds]),)
    again = join(["join", target.name, *([] if target.path else target.kinds)])
    for name in sorted(os.listdir("/proc"), key=len):
        if name.isdigit() and link(f"/proc/{name}/ns/user") == owner:
            return (f"join {name} user", again)
    return (again,)


def _no_right_of_user(failed: FailedCall, target: Target, pins: dict[str, int]) -> Diagnosis | None:
    host = failed.host
    owner, uid = owner_of(target, "user", pins)
    lines = without(failed.state, target)
    if not owner:
        return Diagnosis(
            f"the user namespace of {_called(target)} lies around nsh's own: a process can go down into"
            " user namespaces, and never up",
            *lines,
        )
    if uid is not None and uid != host.uid and not host.is_privileged:
        return Diagnosis(
            f"the user namespace of {_called(target)} was made by uid {uid}, and only that user and"
            f" root may join it; nsh runs as uid {host.uid}",
            *lines,
        )
    return Diagnosis(
        f"nsh has not all the rights in the user namespace of {_called(target)}, or in one that owns"
        " another namespace of it",
        *lines,
    )
