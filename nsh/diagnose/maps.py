"""Why an id map was not taken: the files uid_map, gid_map and setgroups, and newuidmap.

See user_namespaces(7), newuidmap(1), subuid(5).
"""

from __future__ import annotations

import errno
import os

from nsh.call import Call
from nsh.diagnose.facts import (
    Diagnosis,
    as_root,
    has_proc,
    own_mounts,
    privileged,
    switched_off,
)
from nsh.host import CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, Host, parse_map, read_text
from nsh.plan import ranges
from nsh.state import Range, State

CAP_SETFCAP = 31
MAX_LINES = 340
NO_ID = 4294967295


def map_name(call: Call) -> str:
    """Which of the three files a write goes to, "" if to none."""
    text = str(call.args[0])
    return next((name for name in ("uid_map", "gid_map", "setgroups") if name in text), "")


def open_map(number: int, host: Host) -> Diagnosis | None:
    """Why the file was not opened."""
    if number == errno.ENOENT and not has_proc():
        return Diagnosis(
            "maps are written to files in /proc, and no proc file system is mounted there",
            as_root("mount -t proc proc /proc", host),
        )
    if number == errno.EROFS:
        mend = "!mount -o remount,bind,rw /proc" if privileged(host) else "reset map"
        return Diagnosis(
            "maps are written to files in /proc, and /proc is mounted read-only here", mend
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


def write_map(name: str, number: int, state: State, host: Host) -> Diagnosis | None:
    """Why the file did not take what was written."""
    if name == "setgroups":
        if number == errno.EPERM and (read_text("/proc/self/setgroups") or "").strip() == "deny":
            return Diagnosis(
                "setgroups is denied in the user namespace around this one already, and a namespace"
                " inside cannot allow it again",
                "setgroups deny",
            )
        return switched_off(host)
    kind = name[:3]
    wanted = ranges(kind, state.uidmap if kind == "uid" else state.gidmap, host)
    own = host.uid if kind == "uid" else host.gid
    mend = f"{kind}map 0 {own} 1"
    if number == errno.EINVAL:
        return _bad_map(kind, wanted, mend)
    if number != errno.EPERM:
        return None
    capability = CAP_SETUID if kind == "uid" else CAP_SETGID
    if kind == "gid" and state.setgroups == "allow" and not host.can(capability):
        return Diagnosis(
            "without CAP_SETGID a gid_map is taken only after setgroups is denied: who could leave"
            " a group might get at files that are closed to just that group",
            "setgroups deny",
        )
    outside = _not_outside(kind, wanted, mend)
    if outside is not None:
        return outside
    if kind == "uid" and not host.can(CAP_SETFCAP) and any(entry[1] == 0 for entry in wanted):
        return Diagnosis(
            "a map with uid 0 of outside takes CAP_SETFCAP, which nsh does not have; without a map"
            " you run as nobody inside",
            "map none",
        )
    return switched_off(host)


def _bad_map(kind: str, wanted: tuple[Range, ...], mend: str) -> Diagnosis | None:
    if len(wanted) > MAX_LINES:
        return Diagnosis(
            f"a map has at most {MAX_LINES} ranges, and this one has {len(wanted)}", mend
        )
    for at, one in enumerate(wanted):
        if one[2] == 0:
            return Diagnosis(
                f"the range {_typed(one)} maps 0 ids, and a range has at least 1", mend
            )
        for other in wanted[:at]:
            for side, where in ((0, "inside"), (1, "outside")):
                if one[side] < other[side] + other[2] and other[side] < one[side] + one[2]:
                    return Diagnosis(
                        f"the ranges {_typed(other)} and {_typed(one)} overlap {where}, and an id"
                        " can be mapped only once",
                        mend,
                    )
        for side, where in ((0, "inside"), (1, "outside")):
            if one[side] + one[2] > NO_ID:
                return Diagnosis(
                    f"the range {_typed(one)} goes past {NO_ID - 1} {where}, the largest id there is"
                    f" ({NO_ID} means no id)",
                    mend,
                )
    return _not_outside(kind, wanted, mend)


def _not_outside(kind: str, wanted: tuple[Range, ...], mend: str) -> Diagnosis | None:
    owned = parse_map(read_text(f"/proc/self/{kind}_map") or "")
    for _, outside, count in wanted:
        if not any(first <= outside and outside + count <= first + n for first, _, n in owned):
            what = f"{kind} {outside}" if count == 1 else f"{kind}s {_span(outside, count)}"
            known = ", ".join([_span(first, n) for first, _, n in owned]) or "none at all"
            return Diagnosis(
                f"{what} cannot be mapped, because the user namespace that nsh runs in has only"
                f" {kind} {known}",
                mend,
            )
    return None


def _span(first: int, count: int) -> str:
    return f"{first}" if count == 1 else f"{first} to {first + count - 1}"


def _typed(entry: Range) -> str:
    return " ".join([str(number) for number in entry])


def helper(program: str, number: int, host: Host) -> Diagnosis:
    """Why newuidmap or newgidmap wrote no map: not there (an errno), or it said no (0)."""
    kind = program[3:6]
    own = host.uid if kind == "uid" else host.gid
    mend = f"{kind}map 0 {own} 1"
    if number:
        place = next((p for p in ("/usr/bin", "/bin") if os.access(f"{p}/{program}", os.X_OK)), "")
        if number == errno.EACCES:
            why = "this user may not run it"
        elif place:
            why = f"it is in {place}, which is not in PATH"
        else:
            why = "it is not installed (Debian has it in the package uidmap)"
        return Diagnosis(
            f"without privileges only {program} may map more than your own id, and {why}", mend
        )
    given = host.subordinate(kind)
    if given:
        known = ", ".join([_span(first, n) for first, n in given])
        return Diagnosis(
            f"{program} maps only your own id and what /etc/sub{kind} gives you: {kind} {known}",
            "map auto" if host.subordinate("uid") and host.subordinate("gid") else mend,
        )
    return Diagnosis(
        f"{program} maps only your own id and what /etc/sub{kind} gives you, and it has no line for"
        f" {host.user or host.uid}",
        mend,
    )
