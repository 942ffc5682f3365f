"""Why a mount was refused for want of rights: EPERM and EACCES.

See mount(2), user_namespaces(7), mount_namespaces(7) (restrictions on mount namespaces).
"""

from __future__ import annotations

import errno
import os

from nsh.host import Host
from nsh.linux.constants import CAP_SYS_ADMIN
from nsh.linux.mountflags import MS_BIND, MS_REMOUNT
from nsh.linux.procfs import owned_here
from nsh.parts.facts import closed, make, switched_off, without_user
from nsh.parts.ids.nested import above_joined
from nsh.parts.join.own import in_another
from nsh.parts.mounts.failed import FailedMount
from nsh.parts.part import Diagnosis
from nsh.state import State
from nsh.words import quote

OWN_NAMESPACE = {
    "proc": ("pid", "processes"),
    "sysfs": ("net", "network devices"),
    "mqueue": ("ipc", "message queues"),
    "cgroup": ("cgroup", "control groups"),
    "cgroup2": ("cgroup", "control groups"),
}
"""What a user namespace may mount only with a namespace of its own, and what it shows of that."""

USERNS_FILESYSTEMS = frozenset(
    [*OWN_NAMESPACE, "binfmt_misc", "bpf", "devpts", "fuse", "overlay", "ramfs", "tmpfs"]
)
"""The file systems with FS_USERNS_MOUNT in the kernel."""

EMPTY_FOR_MOUNTS = frozenset(
    [
        "/proc/fs/nfsd",
        "/proc/openprom",
        "/proc/sys/fs/binfmt_misc",
        "/sys/firmware/efi/efivars",
        "/sys/fs/bpf",
        "/sys/fs/cgroup",
        "/sys/fs/fuse/connections",
        "/sys/fs/pstore",
        "/sys/fs/resctrl",
        "/sys/fs/selinux",
        "/sys/fs/smackfs",
        "/sys/hypervisor/s390",
        "/sys/kernel/config",
        "/sys/kernel/debug",
        "/sys/kernel/security",
        "/sys/kernel/tracing",
    ]
)
"""Directories that the kernel makes empty, to be mounted on: mounts there cover nothing."""


def without_right(failed: FailedMount) -> Diagnosis | None:
    """Why the kernel did not let this mount be made."""
    state, host = failed.state, failed.host
    off = switched_off(host) if state.has("user") else None
    if off is not None:
        return off
    if failed.error == errno.EACCES:
        return _no_way(failed)
    if found := above_joined("mnt", state, host):
        return found
    another = in_another("user", state, host)
    if not (another or host.can(CAP_SYS_ADMIN)):
        return Diagnosis(
            f"mounting takes CAP_SYS_ADMIN, a right of root that uid {host.uid} does not have here; in"
            " a new user namespace every user has it",
            "flags +user",
            "map root",
        )
    if not another and host.in_first_userns:
        return None
    if failed.flags & MS_REMOUNT:
        return _locked_flags(failed)
    if failed.flags & MS_BIND:
        return None
    need = OWN_NAMESPACE.get(failed.fstype)
    ours = need and not another and owned_here(need[0])
    if need and (found := above_joined(need[0], state, host)):
        return found
    if need and not in_another(need[0], state, host) and not ours:
        article = "an" if need[0] == "ipc" else "a"
        return Diagnosis(
            f"{failed.fstype} shows the {need[1]} of {article} {need[0]} namespace, and here it is still"
            " that of the host; a user namespace may show only its own",
            f"flags +{need[0]}",
        )
    if failed.fstype in ("proc", "sysfs"):
        return _masked(failed, "/proc" if failed.fstype == "proc" else "/sys")
    if failed.fstype not in USERNS_FILESYSTEMS or failed.fstype in ("bpf", "cgroup"):
        return _not_trusted(failed)
    return None


def _as_first_root(state: State, host: Host) -> tuple[str, ...]:
    if state.has("user") and host.can(CAP_SYS_ADMIN) and host.in_first_userns:
        return without_user(state)
    return ()


def _not_trusted(failed: FailedMount) -> Diagnosis:
    why = f"the kernel lets no user namespace mount {failed.fstype}"
    as_root = _as_first_root(failed.state, failed.host)
    if as_root:
        return Diagnosis(f"{why}; as root you can do without +user", *as_root)
    return Diagnosis(
        f"{why}; tmpfs is one that it may", *failed.instead(f"mount tmpfs {quote(failed.target)}")
    )


def _masked(failed: FailedMount, place: str) -> Diagnosis | None:
    fstype = failed.fstype
    points = failed.points()
    over = [
        mount.point
        for mount in points
        if mount.point.startswith(place + "/")
        and mount.point not in EMPTY_FOR_MOUNTS
        and not any(mount.point.startswith(empty + "/") for empty in EMPTY_FOR_MOUNTS)
    ]
    whole = [m for m in points if m.fstype == fstype and m.root == "/"]
    as_root = _as_first_root(failed.state, failed.host)
    aside = "; as root you can do without +user" if as_root else "; the old one can be kept"
    if over:
        shown = ", ".join(over[:3]) + (" and more" if len(over) > 3 else "")
        return Diagnosis(
            f"part of {place} is covered here ({shown}), as in a container, and a new {fstype} would"
            f" show it, so a user namespace may not mount one{aside}",
            *(as_root or failed.instead()),
        )
    if not whole:
        return Diagnosis(
            f"no {fstype} is mounted here, and a user namespace may mount only one that was to be"
            f" seen before{aside if as_root else ''}",
            *(as_root or failed.instead()),
        )
    flags = sorted({o for m in whole for o in m.options if o in ("ro", "noatime", "nodiratime")})
    if flags and not all(flag in failed.with_().split(" -o ")[-1].split(",") for flag in flags):
        return Diagnosis(
            f"{place} is mounted {','.join(flags)} here, and in a user namespace a new {fstype} may"
            " not be less strict",
            *failed.instead(failed.with_(options=_more(failed, flags))),
        )
    return None


def _more(failed: FailedMount, flags: list[str], without: tuple[str, ...] = ()) -> str:
    """The options of the mount with these flags more; what says the opposite is taken out."""
    had = [o for o in (failed.entry.options if failed.entry else "").split(",") if o]
    opposite = {"ro": "rw", "nosuid": "suid", "nodev": "dev", "noexec": "exec"}
    had = [o for o in had if o not in (*without, *[opposite.get(flag) for flag in flags])]
    return ",".join([*had, *[flag for flag in flags if flag not in had]])


_TIMES = ("noatime", "nodiratime", "relatime", "strictatime")


def _locked_flags(failed: FailedMount) -> Diagnosis | None:
    path = failed.target
    if failed.entry is not None and failed.entry.fstype in ("bind", "rbind"):
        path = failed.entry.source
    place = failed.places.of(path).host
    known: int | None = None
    if place is not None:  # what is mounted new is not locked
        try:
            known = os.statvfs(place).f_flag
        except OSError:
            pass
    had = known or 0
    names = (
        (os.ST_RDONLY, "ro"),
        (os.ST_NOSUID, "nosuid"),
        (os.ST_NODEV, "nodev"),
        (os.ST_NOEXEC, "noexec"),
    )
    locked = [name for flag, name in names if had & flag]
    times = ((os.ST_NOATIME, "noatime"), (os.ST_NODIRATIME, "nodiratime"))
    locked += [name for flag, name in times if had & flag]
    if not failed.flags & MS_BIND:
        return Diagnosis(
            f"the file system on {failed.target} belongs to the user namespace outside, so only the"
            " flags of this one mount can be changed: that is -o remount,bind",
            *failed.instead(failed.with_(options=_more(failed, ["bind", *locked]))),
        )
    # Without a word about them a remount keeps the times as they are.
    options = (failed.entry.options if failed.entry else "").split(",")
    others = tuple([o for o in options if o in _TIMES and o not in locked])
    if others and not had & os.ST_NOATIME:
        locked.append("relatime" if had & os.ST_RELATIME else "strictatime")
    if not locked or place is None or known is None:
        return None
    return Diagnosis(
        f"{place.removeprefix(failed.top)} is mounted {','.join(locked)} outside, and inside a user"
        " namespace these flags are locked: a remount must name them again",
        *failed.instead(failed.with_(options=_more(failed, locked, without=others))),
    )


def _no_way(failed: FailedMount) -> Diagnosis | None:
    for path in (failed.target, failed.source):
        found = closed(failed.places.of(path).host, failed.state, failed.host)
        if found is not None and path == failed.target and not found.fixes:
            other = failed.spare(path)
            return Diagnosis(
                found.cause, make(failed.top + other), *failed.instead(failed.with_(target=other))
            )
        if found is not None:
            return Diagnosis(found.cause, *(found.fixes or failed.instead()))
    return Diagnosis(
        f"the device {failed.source} is read-only, so it can be mounted with -o ro only",
        *failed.instead(failed.with_(options=_more(failed, ["ro"]))),
    )
