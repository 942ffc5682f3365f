"""Why a mount was not made, other than for want of rights (that is refused.py).

See mount(2), mount_namespaces(7).
"""

from __future__ import annotations

import errno
import os
import stat

from nsh.call import Call, Plan
from nsh.diagnose import refused
from nsh.diagnose.facts import (
    Diagnosis,
    covering,
    entries_before,
    entry_of,
    in_chroot,
    make,
    may_make,
    mount_points,
    not_made,
    requeue,
    spare,
)
from nsh.diagnose.overlay import overlay
from nsh.host import Host, read_text, real_path
from nsh.mounts import MS_BIND, MS_MOVE, MS_RDONLY, MS_REMOUNT, OPTIONS, PROPAGATION, default_source
from nsh.render import mount_command
from nsh.state import Mount
from nsh.words import join


class Failed:
    """A mount call that failed, with what it came from.

    entry    the entry of the queue of mounts, None for the propagation of /
    before   the entries that were performed before it
    """

    def __init__(self, call: Call, number: int, plan: Plan, host: Host) -> None:
        source, target, fstype, flags, data = call.args
        assert isinstance(flags, int)
        self.source = str(source)
        self.target = str(target)
        self.fstype = "" if fstype is None else str(fstype)
        self.flags = flags
        self.data = "" if data is None else str(data)
        self.number = number
        self.plan = plan
        self.host = host
        self.index = entry_of(plan, call)
        entry = plan.state.mounts[self.index] if self.index >= 0 else None
        self.entry = entry if isinstance(entry, Mount) else None
        self.before = entries_before(plan, call)

    @property
    def binds(self) -> bool:
        """Whether it makes something that is there already visible at another place."""
        return bool(self.flags & (MS_BIND | MS_MOVE)) and not self.flags & MS_REMOUNT

    def instead(self, *lines: str) -> tuple[str, ...]:
        """What to type to have these lines in the place of this mount."""
        return requeue(self.plan, self.index, *lines)

    def with_(self, **changes: str) -> str:
        """The command of this mount with some of its words changed."""
        assert self.entry is not None
        fields = {name: getattr(self.entry, name) for name in Mount.__slots__}
        return mount_command(Mount(**{**fields, **changes}))


def mount(call: Call, number: int, plan: Plan, host: Host) -> Diagnosis | None:
    """Why the mount was not made."""
    failed = Failed(call, number, plan, host)
    if failed.entry is None:
        return _propagation(number)
    if failed.fstype == "overlay" and os.path.isdir(
        covering(failed.target, failed.before)[1] or ""
    ):
        found = overlay(failed)
        if found is not None:
            return found
    match number:
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
            return refused.refused(failed)
    return None


def _propagation(number: int) -> Diagnosis | None:
    if number != errno.EINVAL:
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


def _missing(failed: Failed) -> Diagnosis:
    source, target = failed.source, failed.target
    if failed.binds or failed.source.startswith("/dev/") or _wants_device(failed.fstype):
        over, place = covering(source, failed.before)
        if place is None or not os.path.exists(place):
            return _missing_source(failed, over, place)
    over, place = covering(target, failed.before)
    directory = not (failed.binds and os.path.isfile(covering(source, failed.before)[1] or source))
    what = "directory" if directory else "file"
    if over is not None and place is None:
        return _inside_new(failed, over, what)
    if over is None and os.path.islink(target):
        return Diagnosis(
            f"{target} is a symbolic link to {os.readlink(target)}, which is not there",
            make(real_path(target), directory),
        )
    place = place or target
    says = f"there is no {what} {target} to mount on"
    if place != real_path(target):
        says += f" ({place} on the host)"
    if may_make(place):
        return Diagnosis(says, make(place, directory))
    other = spare(target)
    return Diagnosis(
        f"{says}, and {not_made(place, failed.host)}; {os.path.dirname(other)} is open to all",
        make(other, directory),
        *failed.instead(failed.with_(target=other)),
    )


def _wants_device(fstype: str) -> bool:
    """Whether a file system reads its data from a block device. See filesystems(5)."""
    return f"\t{fstype}" in (read_text("/proc/filesystems") or "").splitlines()


def _missing_source(failed: Failed, over: Mount | None, place: str | None) -> Diagnosis:
    source = failed.source
    if not failed.binds:
        return Diagnosis(
            f"there is no device {source} here; a tmpfs needs none",
            *failed.instead(join(["mount", "tmpfs", failed.target])),
        )
    if over is not None and os.path.exists(source):
        # It was there before the mount that covers it: then the order of the two is wrong.
        queue = list(failed.plan.state.mounts)
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
    place = place or source
    if may_make(place):
        return Diagnosis(f"there is no {source} to bind", make(place))
    return Diagnosis(
        f"there is no {source} to bind, and {not_made(place, failed.host)}",
        *failed.instead(),
    )


def _inside_new(failed: Failed, over: Mount, what: str) -> Diagnosis:
    target = failed.target
    options = ["-o", failed.entry.options] if failed.entry and failed.entry.options else []
    kind = ["--bind"] if failed.binds else ["-t", failed.fstype]
    command = join(["mount", *kind, *options, failed.source, target])
    made = make(target, what == "directory").removeprefix("!")
    if not made.startswith("mkdir -p"):
        made = made.replace("mkdir ", "mkdir -p ", 1)
    nobody = failed.plan.state.has("user") and not failed.plan.state.uidmap
    return Diagnosis(
        f"there is no {what} {target} inside, because your {over.fstype} on {over.target} is new and"
        " covers what was there; make it and mount on it in one run",
        *(["map root"] if nobody else []),
        *failed.instead(),
        f"sh {made} && {command}",
    )


def _not_a_directory(failed: Failed) -> Diagnosis:
    source, target = failed.source, failed.target
    over_target = covering(target, failed.before)[1] or target
    above = os.path.dirname(over_target)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if not os.path.isdir(above):
        new = spare(target)
        is_file = failed.binds and os.path.isfile(failed.source)
        return Diagnosis(
            f"{above} is a file, so there is nothing below it and no {target}",
            make(new, directory=not is_file),
            *failed.instead(failed.with_(target=new)),
        )
    if failed.binds:
        place = covering(source, failed.before)[1] or source
        directory = os.path.isdir(place)
        if not directory and os.path.isdir(over_target):
            inner = os.path.join(target, os.path.basename(source))
            new = inner if may_make(inner) else spare(source)
            makes = [] if os.path.isfile(new) else [make(new, directory=False)]
            return Diagnosis(
                f"{source} is a file and {target} is a directory, and a file is bound on a file",
                *makes,
                *failed.instead(failed.with_(target=new)),
            )
        new = spare(target)
        return Diagnosis(
            f"{source} is a directory and {target} is not, and a directory is bound on a directory",
            make(new),
            *failed.instead(failed.with_(target=new)),
        )
    new = spare(target)
    return Diagnosis(
        f"{target} is not a directory, and {failed.fstype or 'this'} can be mounted on a directory only",
        make(new),
        *failed.instead(failed.with_(target=new)),
    )


def _unknown_filesystem(failed: Failed) -> Diagnosis:
    import difflib

    known = [line.split()[-1] for line in (read_text("/proc/filesystems") or "").splitlines()]
    close = difflib.get_close_matches(failed.fstype, known, 1, 0.75)
    fstype = close[0] if close else "tmpfs"
    source = _source(failed, fstype) if close else default_source(fstype)
    return Diagnosis(
        f"this kernel knows no file system {failed.fstype}: it is not in /proc/filesystems",
        *failed.instead(failed.with_(fstype=fstype, options="", source=source)),
    )


def _source(failed: Failed, fstype: str) -> str:
    assert failed.entry is not None
    named = failed.entry.source != failed.entry.fstype
    return failed.entry.source if named else default_source(fstype)


_NEW_WITH = {"sysfs": "net", "mqueue": "ipc"}


def _busy(failed: Failed) -> Diagnosis:
    here = [mount for mount in mount_points() if mount.point == failed.target]
    device = next((m for m in mount_points() if m.source == failed.source and m.root == "/"), None)
    twice = [m for m in failed.before if isinstance(m, Mount) and m.target == failed.target]
    if twice and twice[-1].fstype == failed.fstype:
        return Diagnosis(
            f"you mount the same {failed.fstype} on {failed.target} twice, and the second cannot be",
            *failed.instead(),
        )
    if here and here[-1].fstype == failed.fstype:
        kind = _NEW_WITH.get(failed.fstype)
        if kind and not failed.plan.state.has(kind):
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
        f"{failed.target}, or what shall be mounted there, is in use in a way that forbids this,"
        " such as by a file open for writing; without this mount the run works",
        *failed.instead(),
    )


def _no_device(failed: Failed) -> Diagnosis:
    place = covering(failed.source, failed.before)[1] or failed.source
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


def _invalid(failed: Failed) -> Diagnosis:
    target, flags = failed.target, failed.flags
    command = failed.with_()
    if flags & (MS_REMOUNT | PROPAGATION | MS_MOVE):
        point = failed.source if flags & MS_MOVE else target
        queued = [entry.target for entry in failed.before]
        if not any(mount.point == point for mount in mount_points()) and point not in queued:
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


def _not_bound(failed: Failed) -> Diagnosis:
    source = failed.source
    points = mount_points()
    on = max(
        (m for m in points if source == m.point or source.startswith(m.point.rstrip("/") + "/")),
        key=lambda m: len(m.point),
        default=None,
    )
    for index, entry in enumerate(failed.before):
        if isinstance(entry, Mount) and "unbindable" in entry.options and entry.target == source:
            options = [o for o in entry.options.split(",") if "unbindable" not in o]
            kept = Mount(entry.fstype, entry.source, entry.target, ",".join(options))
            return Diagnosis(
                f"you made the mount on {source} unbindable, so it can be seen in one place only",
                *requeue(failed.plan, index, mount_command(kept)),
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
