"""Why an id map was not taken: the files uid_map, gid_map and setgroups, and newuidmap.

See user_namespaces(7), newuidmap(1), subuid(5).
"""

from __future__ import annotations

import errno
import os

from nsh.host import Host
from nsh.linux.constants import CAP_SETFCAP, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN
from nsh.linux.idmaps import Range
from nsh.linux.procfs import has_proc, own_mounts, read_text
from nsh.parts.facts import as_root, switched_off
from nsh.parts.ids.calls import ranges
from nsh.parts.part import Diagnosis, FailedCall

MAX_LINES = 340
NO_ID = 4294967295


def open_map(error: int, host: Host) -> Diagnosis | None:
    """Why the file was not opened."""
    if error == errno.ENOENT and not has_proc():
        return Diagnosis(
            "maps are written to files in /proc, and no proc file system is mounted there",
            as_root("mount -t proc proc /proc", host),
        )
    if error == errno.EROFS:
        fix = "!mount -o remount,bind,rw /proc" if host.is_privileged else "reset map"
        return Diagnosis(
            "maps are written to files in /proc, and /proc is mounted read-only here", fix
        )
    return None


def look_into_proc(host: Host) -> Diagnosis | None:
    """Why nsh does not find its child in /proc, None if it does."""
    if host.foreign_proc:
        return _foreign_proc(host)
    if not has_proc():
        return Diagnosis(
            "namespaces are looked up in /proc, and no proc file system is mounted there",
            as_root("mount -t proc proc /proc", host),
        )
    return None


def _foreign_proc(host: Host) -> Diagnosis:
    if not has_proc():
        return Diagnosis(
            "/proc shows another pid namespace than the one nsh is in: the number of the child means"
            " another process there, or none; leave, and start nsh where /proc is of its own",
            "quit",
        )
    apart = own_mounts() and host.can(CAP_SYS_ADMIN)
    return Diagnosis(
        "nsh is in a new pid namespace, but /proc still shows the one around it: the number of the"
        " child means another process there"
        + ("" if apart else "; leave, and start nsh with unshare --mount-proc"),
        "!mount -t proc proc /proc" if apart else "quit",
    )


def write_map(failed: FailedCall) -> Diagnosis | None:
    """Why the file did not take what was written."""
    name = getattr(failed.call.args[0], "name", "").removesuffix(" fd")
    error, state, host = failed.error, failed.state, failed.host
    if name == "setgroups":
        is_denied = (read_text("/proc/self/setgroups") or "").strip() == "deny"
        if error == errno.EPERM and getattr(host, "denied", is_denied):
            return Diagnosis(
                "setgroups is denied in the user namespace around this one already, and a namespace"
                " inside cannot allow it again",
                "setgroups deny",
            )
        return switched_off(host)
    kind = name[:3]
    wanted = ranges(kind, state.uidmap if kind == "uid" else state.gidmap, host)
    own = host.uid if kind == "uid" else host.gid
    fix = f"{kind}map 0 {own} 1"
    if error == errno.EINVAL:
        return _bad_map(kind, wanted, fix, host)
    if error != errno.EPERM:
        return None
    capability = CAP_SETUID if kind == "uid" else CAP_SETGID
    if kind == "gid" and state.setgroups == "allow" and not host.can(capability):
        return Diagnosis(
            "without CAP_SETGID a gid_map is taken only after setgroups is denied: who could leave"
            " a group might get at files that are closed to just that group",
            "setgroups deny",
        )
    outside = _not_outside(kind, wanted, fix, host)
    if outside is not None:
        return outside
    if kind == "uid" and not host.can(CAP_SETFCAP) and any(entry.outside == 0 for entry in wanted):
        return Diagnosis(
            "a map with uid 0 of outside takes CAP_SETFCAP, which nsh does not have; without a map"
            " you run as nobody inside",
            "map none",
        )
    return switched_off(host)


def _bad_map(kind: str, wanted: tuple[Range, ...], fix: str, host: Host) -> Diagnosis | None:
    if len(wanted) > MAX_LINES:
        return Diagnosis(
            f"a map has at most {MAX_LINES} ranges, and this one has {len(wanted)}", fix
        )
    for at, one in enumerate(wanted):
        if one.count == 0:
            return Diagnosis(f"the range {one} maps 0 ids, and a range has at least 1", fix)
        for other in wanted[:at]:
            for where in ("inside", "outside"):
                mine, theirs = getattr(one, where), getattr(other, where)
                if mine < theirs + other.count and theirs < mine + one.count:
                    return Diagnosis(
                        f"the ranges {other} and {one} overlap {where}, and an id can be mapped only"
                        " once",
                        fix,
                    )
        for where in ("inside", "outside"):
            if getattr(one, where) + one.count > NO_ID:
                return Diagnosis(
                    f"the range {one} goes past {NO_ID - 1} {where}, the largest id there is"
                    f" ({NO_ID} means no id)",
                    fix,
                )
    return _not_outside(kind, wanted, fix, host)


def _not_outside(kind: str, wanted: tuple[Range, ...], fix: str, host: Host) -> Diagnosis | None:
    owned = host.owned_ranges(kind)
    for entry in wanted:
        first, end = entry.outside, entry.outside + entry.count
        if not any(own.inside <= first and end <= own.inside + own.count for own in owned):
            what = f"{kind} {first}" if entry.count == 1 else f"{kind}s {_span(first, entry.count)}"
            known = ", ".join([_span(own.inside, own.count) for own in owned]) or "none at all"
            where = "is joined" if host.is_around else "nsh runs in"
            return Diagnosis(
                f"{what} cannot be mapped, because the user namespace that {where} has only"
                f" {kind} {known}",
                fix,
            )
    return None


def _span(first: int, count: int) -> str:
    return f"{first}" if count == 1 else f"{first} to {first + count - 1}"


def helper(program: str, error: int, host: Host) -> Diagnosis:
    """Why newuidmap or newgidmap wrote no map: not there (an errno), or it said no (0)."""
    kind = program[3:6]
    own = host.uid if kind == "uid" else host.gid
    fix = f"{kind}map 0 {own} 1"
    if error:
        place = next((p for p in ("/usr/bin", "/bin") if os.access(f"{p}/{program}", os.X_OK)), "")
        if error == errno.EACCES:
            why = "this user may not run it"
        elif place:
            why = f"it is in {place}, which is not in PATH"
        else:
            why = "it is not installed (Debian has it in the package uidmap)"
        return Diagnosis(
            f"without privileges only {program} may map more than your own id, and {why}", fix
        )
    given = host.subordinate(kind)
    if given:
        known = ", ".join([_span(each.first, each.count) for each in given])
        return Diagnosis(
            f"{program} maps only your own id and what /etc/sub{kind} gives you: {kind} {known}",
            "map auto" if host.subordinate("uid") and host.subordinate("gid") else fix,
        )
    return Diagnosis(
        f"{program} maps only your own id and what /etc/sub{kind} gives you, and it has no line for"
        f" {host.user or host.uid}",
        fix,
    )
