"""Why a mount was not taken away. See umount2(2), mount_namespaces(7)."""

from __future__ import annotations

import errno
import posixpath

from nsh.linux.constants import CAP_SYS_ADMIN
from nsh.linux.mountinfo import mount_points
from nsh.parts.facts import without_user
from nsh.parts.ids.nested import above_joined
from nsh.parts.mounts.places import places_of
from nsh.parts.mounts.queue import requeue
from nsh.parts.part import Diagnosis, FailedCall
from nsh.words import join, quote


def not_unmounted(failed: FailedCall) -> Diagnosis | None:
    """Why the mount was not taken away."""
    target = str(failed.call.args[0])
    error, state, host = failed.error, failed.state, failed.host

    def instead(*lines: str) -> tuple[str, ...]:
        return requeue(state.mounts, failed.call.entry, *lines)

    places = places_of(state, host, ())
    points = [mount.point for mount in mount_points(places.sees)]
    if error == errno.ENOENT:
        return Diagnosis(f"there is no {target}, so nothing is mounted on it", *instead())
    if error == errno.EINVAL:
        if places.real_path(target) not in points:
            return Diagnosis(
                f"nothing is mounted on {target}, so there is nothing to take away",
                *instead(),
            )
        if target == "/":
            return Diagnosis("the mount on / carries all others and stays", *instead())
        why = (
            f"the mount on {target} was made outside of the user namespace and is locked inside it,"
            " since what it covers may not be meant to be seen"
        )
        if state.has("user") and host.can(CAP_SYS_ADMIN) and host.in_first_userns:
            return Diagnosis(why + "; as root you can do without +user", *without_user(state))
        return Diagnosis(why + "; but it can be covered", *instead(f"mount tmpfs {quote(target)}"))
    if error == errno.EBUSY:
        below = [point for point in points if point.startswith(target.rstrip("/") + "/")]
        why = f"{below[0]} is mounted below it" if below else "a process is using it"
        return Diagnosis(
            f"{target} is busy: {why}; with -l it goes now, with all below, and ends when unused",
            *instead(join(["umount", target, "-l"])),
        )
    if error == errno.EPERM and (found := above_joined("mnt", state, host)):
        return found
    if error == errno.EPERM and posixpath.normpath(target) == "/":
        return Diagnosis("the mount on / carries all others and stays", *instead())
    return None
