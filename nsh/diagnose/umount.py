"""Why a mount was not taken away. See umount2(2), mount_namespaces(7)."""

from __future__ import annotations

import errno
import posixpath

from nsh.call import Call, Plan
from nsh.diagnose.facts import Diagnosis, entry_of, in_first_userns, mount_points, requeue
from nsh.diagnose.unshare import without_user
from nsh.host import CAP_SYS_ADMIN, Host, real_path
from nsh.state import Umount
from nsh.words import join, quote


def umount(call: Call, number: int, plan: Plan, host: Host) -> Diagnosis | None:
    """Why the mount was not taken away."""
    target = str(call.args[0])
    index = entry_of(plan, call)
    entry = plan.state.mounts[index]
    assert isinstance(entry, Umount)
    points = [mount.point for mount in mount_points()]
    if number == errno.ENOENT:
        return Diagnosis(
            f"there is no {target}, so nothing is mounted on it", *requeue(plan, index)
        )
    if number == errno.EINVAL:
        if real_path(target) not in points:
            return Diagnosis(
                f"nothing is mounted on {target}, so there is nothing to take away",
                *requeue(plan, index),
            )
        if target == "/":
            return Diagnosis("the mount on / carries all others and stays", *requeue(plan, index))
        why = (
            f"the mount on {target} was made outside of the user namespace and is locked inside it,"
            " since what it covers may not be meant to be seen"
        )
        if plan.state.has("user") and host.can(CAP_SYS_ADMIN) and in_first_userns(host):
            return Diagnosis(why + "; as root you can do without +user", *without_user(plan.state))
        return Diagnosis(
            why + "; but it can be covered", *requeue(plan, index, f"mount tmpfs {quote(target)}")
        )
    if number == errno.EBUSY:
        below = [point for point in points if point.startswith(target.rstrip("/") + "/")]
        why = f"{below[0]} is mounted below it" if below else "a process is using it"
        return Diagnosis(
            f"{target} is busy: {why}; with -l it goes now, with all below, and ends when unused",
            *requeue(plan, index, join(["umount", target, "-l"])),
        )
    if number == errno.EPERM and posixpath.normpath(target) == "/":
        return Diagnosis("the mount on / carries all others and stays", *requeue(plan, index))
    return None
