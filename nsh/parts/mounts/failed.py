"""A mount call that failed, as its diagnoses look at it."""

from __future__ import annotations

from nsh.linux.mountflags import MS_BIND, MS_MOVE, MS_REMOUNT
from nsh.linux.mountinfo import MountPoint, mount_points
from nsh.parts.facts import spare
from nsh.parts.mounts.places import places_of
from nsh.parts.mounts.queue import mount_command, requeue
from nsh.parts.part import FailedCall
from nsh.state import Mount


class FailedMount:
    """A mount call that failed, with what it came from.

    entry    the mount of the queue, None for what sets propagation; ``index`` is its place there, -1
             for the propagation of /
    before   the entries that were performed before it; ``places`` is what paths lead to after them
    top      where the / that they start from is here: "" or, if a mnt namespace is joined, its root
    """

    def __init__(self, failed: FailedCall) -> None:
        source, target, fstype, flags, data = failed.call.args
        assert isinstance(flags, int)
        self.source = str(source)
        self.target = str(target)
        self.fstype = "" if fstype is None else str(fstype)
        self.flags = flags
        self.data = "" if data is None else str(data)
        self.error = failed.error
        self.state = failed.state
        self.host = failed.host
        self.index = failed.call.entry
        entry = self.state.mounts[self.index] if self.index >= 0 else None
        self.entry = entry if isinstance(entry, Mount) else None
        self.before = self.state.mounts[: max(0, self.index)]
        self.places = places_of(self.state, self.host, self.before)
        self.top = self.places.top

    def place(self, path: str) -> str:
        """Where a path of the mount is on the host; the path itself if it is nowhere there."""
        return self.places.of(path).host or self.top + path

    def points(self) -> list[MountPoint]:
        """The mounts that were there before: nsh's own, or those of the joined namespace."""
        return mount_points(self.places.sees)

    def spare(self, path: str) -> str:
        """A path of the same name that is not there yet, where all may write."""
        return spare(path, self.top)

    @property
    def binds(self) -> bool:
        """Whether it makes something that is there already visible at another place."""
        return bool(self.flags & (MS_BIND | MS_MOVE)) and not self.flags & MS_REMOUNT

    def instead(self, *lines: str) -> tuple[str, ...]:
        """What to type to have these lines in the place of this mount."""
        return requeue(self.state.mounts, self.index, *lines)

    def with_(self, **changes: str) -> str:
        """The command of this mount with some of its words changed."""
        assert self.entry is not None
        return mount_command(self.entry.replace(**changes))
