"""Why a mount was not made, other than for want of rights (that is refused.py).

See mount(2), mount_namespaces(7).
"""

from __future__ import annotations

import errno
import os
import stat

from nsh.errors import closest
from nsh.linux.mountflags import (
    MS_MOVE,
    MS_RDONLY,
    MS_REMOUNT,
    OPTIONS,
    PROPAGATION,
    default_source,
)
from nsh.linux.mountinfo import in_chroot, mount_of
from nsh.linux.procfs import filesystems
from nsh.parts.facts import make, may_make, not_made
from nsh.parts.join.own import in_another
from nsh.parts.mounts.failed import FailedMount
from nsh.parts.mounts.overlay import lacking
from nsh.parts.mounts.propagated import not_set
from nsh.parts.mounts.queue import mount_command, requeue
from nsh.parts.mounts.refused import without_right
from nsh.parts.part import Diagnosis, FailedCall
from nsh.state import Mount, Propagation
from nsh.words import join


def mount(failed_call: FailedCall) -> Diagnosis | None:
    """Why the mount was not made."""
    failed = FailedMount(failed_call)
    if failed.index < 0:
        return _propagation(failed.error)
    if failed.entry is None:
        return not_set(failed)
    if failed.fstype == "overlay" and os.path.isdir(failed.places.of(failed.target).host or ""):
        found = lacking(failed)
        if found is not None:
            return found
    match failed.error:
        case errno.ENOENT:
            return _missing(failed)
        case errno.ENOTDIR:
            return _not_a_directory(failed)
        case errno.ENODEV if failed.fstype:
            return _unknown_filesystem(failed)
        case errno.EBUSY:
            return _busy(failed)
        case errno.ENOTBLK if failed.fstype:
            return _no_device(failed)
        case errno.EINVAL:
            return _invalid(failed)
        case errno.EPERM | errno.EACCES:
            return without_right(failed)
    return None


def _propagation(error: int) -> Diagnosis | None:
    if error != errno.EINVAL:
        return None
    if in_chroot():
        return Diagnosis(
            "nsh runs in a chroot whose / is a plain directory and no mount point, so it has no"
            " propagation to set; unchanged, what is mounted inside shows outside the chroot too if"
            " the mount around it is shared",
            "propagation unchanged",
        )
    return Diagnosis(
        "/ is no mount point, so it has no propagation to set", "propagation unchanged"
    )


def _missing(failed: FailedMount) -> Diagnosis:
    source, target = failed.source, failed.target
    if failed.binds or failed.source.startswith("/dev/") or _wants_device(failed.fstype):
        at_source = failed.places.of(source)
        if at_source.host is None or not os.path.exists(at_source.host):
            return _missing_source(failed, at_source.over, at_source.host)
    at_target = failed.places.of(target)
    over, place = at_target.over, at_target.host
    directory = not _binds_a_file(failed)
    what = "directory" if directory else "file"
    if over is not None and place is None:
        why = f"there is no {what} {target} inside, because"
        return _inside_new(failed, why, over, target, directory)
    if over is None and os.path.islink(failed.top + target):
        leads = os.readlink(failed.top + target)
        return Diagnosis(
            f"{target} is a symbolic link to {leads}, which is not there",
            make(failed.top + failed.places.real_path(target), directory),
        )
    place = place or failed.top + target
    says = f"there is no {what} {target} to mount on"
    if place != failed.places.real_path(target):
        says += f" ({place} on the host)"
    if may_make(place):
        return Diagnosis(says, make(place, directory))
    other = failed.spare(target)
    return Diagnosis(
        f"{says}, and {not_made(place, failed.host)}; {os.path.dirname(other)} is open to all",
        make(failed.top + other, directory),
        *failed.instead(failed.with_(target=other)),
    )


def _binds_a_file(failed: FailedMount) -> bool:
    """Whether what is bound is no directory: a file, a device, a socket is bound on a file."""
    place = failed.place(failed.source)
    return failed.binds and os.path.exists(place) and not os.path.isdir(place)


def _wants_device(fstype: str) -> bool:
    """Whether a file system reads its data from a block device."""
    return fstype in filesystems()[1]


def _missing_source(failed: FailedMount, over: Mount | None, place: str | None) -> Diagnosis:
    source = failed.source
    if not failed.binds:
        return Diagnosis(
            f"there is no device {source} here; a tmpfs needs none",
            *failed.instead(join(["mount", "tmpfs", failed.target])),
        )
    if over is not None and os.path.exists(failed.top + source):
        # It was there before the mount that covers it: then the order of the two is wrong.
        queue = list(failed.state.mounts)
        queue.insert(queue.index(over), queue.pop(failed.index))
        return Diagnosis(
            f"{source} is there on the host, but mount {over.fstype} on {over.target} was made"
            " before and covers it: bind first, then cover",
            "reset mounts",
            *[mount_command(entry) for entry in queue],
        )
    if over is not None and place is None:
        return Diagnosis(
            f"there is no {source} to bind: your {over.fstype} on {over.target} is new and empty",
            *failed.instead(),
        )
    place = place or failed.top + source
    if may_make(place):
        return Diagnosis(f"there is no {source} to bind", make(place))
    return Diagnosis(
        f"there is no {source} to bind, and {not_made(place, failed.host)}",
        *failed.instead(),
    )


def _inside_new(
    failed: FailedMount, why: str, over: Mount, target: str, directory: bool
) -> Diagnosis:
    """What is to be mounted on must be made in a file system that is new with each run."""
    options = ["-o", failed.entry.options] if failed.entry and failed.entry.options else []
    kind = ["--bind"] if failed.binds else ["-t", failed.fstype]
    command = join(["mount", *kind, *options, failed.source, target])
    made = make(target, directory).removeprefix("!")
    if not made.startswith("mkdir -p"):
        made = made.replace("mkdir ", "mkdir -p ", 1)
    nobody = failed.state.has("user") and not failed.state.uidmap
    return Diagnosis(
        f"{why} your {over.fstype} on {over.target} is new and covers what was there; make it and"
        " mount on it in one run",
        *(["map root"] if nobody else []),
        *failed.instead(),
        f"sh {made} && {command}",
    )


def _not_a_directory(failed: FailedMount) -> Diagnosis:
    source, target = failed.source, failed.target
    over_target = failed.place(target)
    above = os.path.dirname(over_target)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if not os.path.isdir(above):
        new = failed.spare(target)
        return Diagnosis(
            f"{above} is a file, so there is nothing below it and no {target}",
            make(failed.top + new, directory=not _binds_a_file(failed)),
            *failed.instead(failed.with_(target=new)),
        )
    if failed.binds:
        place = failed.place(source)
        directory = os.path.isdir(place)
        if not directory and os.path.isdir(over_target):
            inner = os.path.join(target, os.path.basename(source))
            at = failed.places.of(target)
            if at.over is not None and at.host is None:
                why = f"{source} is a file and {target} a directory, and there is no file in it:"
                return _inside_new(failed, why, at.over, inner, directory=False)
            new = inner if may_make(failed.top + inner) else failed.spare(source)
            made = failed.top + new
            makes = (
                []
                if os.path.exists(made) and not os.path.isdir(made)
                else [make(made, directory=False)]
            )
            return Diagnosis(
                f"{source} is a file and {target} is a directory, and a file is bound on a file",
                *makes,
                *failed.instead(failed.with_(target=new)),
            )
        new = failed.spare(target)
        return Diagnosis(
            f"{source} is a directory and {target} is not, and a directory is bound on a directory",
            make(failed.top + new),
            *failed.instead(failed.with_(target=new)),
        )
    new = failed.spare(target)
    return Diagnosis(
        f"{target} is not a directory, and {failed.fstype or 'this'} can be mounted on a directory only",
        make(failed.top + new),
        *failed.instead(failed.with_(target=new)),
    )


def _unknown_filesystem(failed: FailedMount) -> Diagnosis:
    close = closest(failed.fstype, [name for names in filesystems() for name in names], 0.75)
    fstype = close or "tmpfs"
    source = _source(failed, fstype) if close else default_source(fstype)
    return Diagnosis(
        f"this kernel knows no file system {failed.fstype}: it is not in /proc/filesystems",
        *failed.instead(failed.with_(fstype=fstype, options="", source=source)),
    )


def _source(failed: FailedMount, fstype: str) -> str:
    assert failed.entry is not None
    named = failed.entry.source != failed.entry.fstype
    return failed.entry.source if named else default_source(fstype)


_NEW_WITH = {"sysfs": "net", "mqueue": "ipc"}


def _busy(failed: FailedMount) -> Diagnosis:
    here = [mount for mount in failed.points() if mount.point == failed.target]
    device = next((m for m in failed.points() if m.source == failed.source and m.root == "/"), None)
    twice = [m for m in failed.before if isinstance(m, Mount) and m.target == failed.target]
    if twice and twice[-1].fstype == failed.fstype:
        return Diagnosis(
            f"you mount the same {failed.fstype} on {failed.target} twice, and the second cannot be",
            *failed.instead(),
        )
    if here and here[-1].fstype == failed.fstype:
        kind = _NEW_WITH.get(failed.fstype)
        if kind and not in_another(kind, failed.state, failed.host):
            return Diagnosis(
                f"the {failed.fstype} of this {kind} namespace is mounted on {failed.target} already,"
                f" and twice the same in one place cannot be; a new {kind} namespace has its own",
                f"flags +{kind}",
            )
        return Diagnosis(
            f"just this {failed.fstype} is mounted on {failed.target} already, and twice the same in"
            " one place cannot be; leave the mount away",
            *failed.instead(),
        )
    if device is not None and ("ro" in device.super_options) != bool(failed.flags & MS_RDONLY):
        now = "read-only" if "ro" in device.super_options else "writable"
        options = "ro" if failed.flags & MS_RDONLY else ""
        line = mount_command(Mount("bind", device.point, failed.target, options))
        return Diagnosis(
            f"{failed.source} is mounted on {device.point} already, {now}, and a file system is one"
            " or the other as a whole; a bind mount can differ",
            *failed.instead(line),
        )
    return Diagnosis(
        f"{failed.target}, or what is to be mounted there, is in use in a way that forbids this,"
        " such as by a file open for writing; without this mount the run works",
        *failed.instead(),
    )


def _no_device(failed: FailedMount) -> Diagnosis:
    place = failed.place(failed.source)
    mode = os.stat(place).st_mode if os.path.exists(place) else 0
    why = f"{failed.fstype} reads its data from a block device, such as a disk, and {failed.source}"
    if stat.S_ISDIR(mode):
        return Diagnosis(
            f"{why} is a directory; a bind mount shows a directory in another place",
            *failed.instead(join(["mount", "bind", failed.source, failed.target])),
        )
    return Diagnosis(
        f"{why} is none; a tmpfs needs no device",
        *failed.instead(join(["mount", "tmpfs", failed.target])),
    )


def _invalid(failed: FailedMount) -> Diagnosis:
    target, flags = failed.target, failed.flags
    command = failed.with_()
    if flags & (MS_REMOUNT | PROPAGATION | MS_MOVE):
        point = failed.source if flags & MS_MOVE else target
        queued = [entry.target for entry in failed.before]
        if not any(mount.point == point for mount in failed.points()) and point not in queued:
            return Diagnosis(
                f"{point} is no mount point, and this changes a mount; bound on itself it is one",
                *failed.instead(join(["mount", "bind", point, point]), command),
            )
    if flags & MS_MOVE:
        return Diagnosis(
            f"the mount on {failed.source} may not be moved: it is locked to its place (made outside"
            " of the user namespace), or the mount around it is shared; bound it can be seen on"
            f" {target} too",
            *failed.instead(join(["mount", "rbind", failed.source, target])),
        )
    if failed.binds:
        return _not_bound(failed)
    if failed.data:
        kept = ",".join(
            [o for o in (failed.entry.options if failed.entry else "").split(",") if o in OPTIONS]
        )
        return Diagnosis(
            f"{failed.fstype} does not understand its options, or a value in them: {failed.data}",
            *failed.instead(failed.with_(options=kept)),
        )
    return Diagnosis(
        f"{failed.fstype or 'the kernel'} does not take {failed.source} like this: it may need options,"
        " or finds nothing of its own on it; a tmpfs needs nothing",
        *failed.instead(join(["mount", "tmpfs", target])),
    )


def _not_bound(failed: FailedMount) -> Diagnosis:
    source = failed.source
    points = failed.points()
    on = mount_of(source, failed.places.sees)
    for index, entry in enumerate(failed.before):
        if isinstance(entry, Propagation) and "unbindable" in entry.kind and entry.target == source:
            return Diagnosis(
                f"you made the mount on {source} unbindable, so it can be seen in one place only",
                *requeue(failed.state.mounts, index),
            )
        if isinstance(entry, Mount) and "unbindable" in entry.options and entry.target == source:
            options = [o for o in entry.options.split(",") if "unbindable" not in o]
            kept = Mount(entry.fstype, entry.source, entry.target, ",".join(options))
            return Diagnosis(
                f"you made the mount on {source} unbindable, so it can be seen in one place only",
                *requeue(failed.state.mounts, index, mount_command(kept)),
            )
    if on and "unbindable" in on.optional:
        return Diagnosis(
            f"the mount on {on.point} is unbindable, and with propagation private it is not inside",
            "propagation private",
        )
    below = [m.point for m in points if m.point.startswith(source.rstrip("/") + "/")]
    shown = f" ({below[0]})" if below else ""
    return Diagnosis(
        f"there are mounts below {source}{shown}, and in a user namespace they may not be left out,"
        " because that would show what they cover; rbind takes them along",
        *failed.instead(failed.with_(fstype="rbind")),
    )
