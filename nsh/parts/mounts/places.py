"""Places: what a path inside leads to, and where that is on the host.

The one answer to that question, for the guard as for every diagnosis. The mounts are kept as the
kernel keeps them, each on a place in another one, and a path is walked as it walks one: over links,
into mounts and out of them. See path_resolution(7), mount_namespaces(7).

What is mounted on the host already counts as part of its files, and what a new file system holds
is not known. If a mount namespace is joined, what it has stands for the host.
"""

from __future__ import annotations

import os

from nsh.host import Host
from nsh.linux.mountflags import MS_BIND, MS_MOVE, MS_REC, MS_REMOUNT, parse_options
from nsh.state import Mount, Propagation, State, Umount
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.state import Entry

    Location = tuple["_Mounted", str]
    """A mount and a path in it: one of the host, or one in the new file system."""

_MOST_LINKS = 40
"""MAXSYMLINKS in the kernel: path_resolution(7)."""


class Place(Value):
    """What a path inside leads to.

    over      the mount of the queue that it lies on, None if there is none
    host      its path on the host, None if it lies in a file system that is mounted new
    straight  whether below the mounts no link was met on the way: then it leads there for certain
    """

    over: Mount | None
    host: str | None
    straight: bool = True


def binds(entry: Mount) -> bool:
    """Whether a mount shows a part of the host's files in a second place."""
    return entry.fstype in ("bind", "rbind") or bool(parse_options(entry.options)[0] & MS_BIND)


class _Mounted:
    """A mount that is made: what it shows, where it is mounted, and what is mounted on it.

    root    the path that is at its top: of the host, or if ``is_new`` of a new file system
    parent  the mount that it is on, None if it is on none; ``at`` is the path there
    on      the mounts on it, by their paths in it
    """

    __slots__ = ("at", "entry", "is_new", "on", "parent", "root")

    def __init__(self, entry: Mount | None, root: str, is_new: bool) -> None:
        self.entry = entry
        self.root = root
        self.is_new = is_new
        self.parent: _Mounted | None = None
        self.at = ""
        self.on: dict[str, _Mounted] = {}

    def attach(self, location: Location) -> None:
        """Mount it there, on top of what is mounted there already."""
        self.parent, self.at = _top(location)
        self.parent.on[self.at] = self

    def detach(self) -> None:
        """Take it away, with all that is mounted on it."""
        assert self.parent is not None
        del self.parent.on[self.at]
        self.parent = None

    def copy(self, entry: Mount, root: str, with_mounts: bool) -> _Mounted:
        """A bind of a path in it, and with the mounts below that path if they are asked for."""
        made = _Mounted(entry, root, self.is_new)
        for at, child in list(self.on.items()) if with_mounts else ():
            if _is_below(at, root):
                child.copy(entry, child.root, True).attach((made, at))
        return made


def _is_below(path: str, top: str) -> bool:
    return path.startswith(top.rstrip("/") + "/")


def _top(location: Location) -> Location:
    """The top of the last mount that is mounted there, the location itself if none is."""
    mounted, path = location
    while path in mounted.on:
        mounted = mounted.on[path]
        path = mounted.root
    return mounted, path


class Places:
    """Where paths lead after some mounts, which are added in their order.

    root  the directory of the host that is / inside
    top   where the host, or the joined mount namespace in its place, has its /: "" or /proc/PID/root
    """

    def __init__(
        self,
        host: Host,
        entries: Iterable[Entry] = (),
        root: str = "/",
        top: str = "",
    ) -> None:
        self.host = host
        self.top = top
        self._base = _Mounted(None, "/", is_new=False)
        self._host_root: Location = self._base, "/"
        self._root: Location = self._base, root if top else host.real_path(root)
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Make that mount, or take it away."""
        if isinstance(entry, Propagation):
            return  # it leads nowhere else
        target, _ = self._walk(entry.target, self._root)
        mounted, path = target
        if isinstance(entry, Umount):
            if mounted.parent is not None and path == mounted.root:
                mounted.detach()
            return
        flags = parse_options(entry.options)[0]
        if flags & MS_REMOUNT:
            return
        if flags & MS_MOVE:
            self._move(entry, target)
        elif binds(entry):
            # The sources of binds are the host's, whatever is / inside.
            (source, path), _ = self._walk(entry.source, self._host_root)
            recursive = entry.fstype == "rbind" or bool(flags & MS_REC)
            source.copy(entry, path, recursive).attach(target)
        else:
            _Mounted(entry, "/", is_new=True).attach(target)

    def _move(self, entry: Mount, target: Location) -> None:
        (moved, path), _ = self._walk(entry.source, self._host_root)
        if moved.parent is not None and path == moved.root:
            moved.detach()
            moved.attach(target)
            return
        # One of the host's: what it has covered there is not known.
        moved.copy(entry, path, True).attach(target)
        _Mounted(entry, "/", is_new=True).attach((moved, path))

    def is_certain(self, path: str) -> bool:
        """Whether the mounts above the path lead to where it leads on the host, past no link.

        What is mounted on the path itself plays no part.
        """
        return self.of(path, above=True).straight

    def of(self, path: str, *, above: bool = False) -> Place:
        """What the path leads to. Below a bind lies what its source holds.

        ``above``: leave out what is mounted on the path itself.
        """
        (mounted, place), straight = self._walk(path, self._root, above)
        if mounted.is_new:
            return Place(mounted.entry, None, False)
        return Place(mounted.entry, self.top + place, straight)

    @property
    def sees(self) -> str:
        """The process whose mounts these are, as /proc calls it."""
        return self.top.split("/")[2] if self.top else "self"

    def real_path(self, path: str) -> str:
        """The path inside with its links followed, as far as they can be."""
        if not self.top:
            return self.host.real_path(path)
        (_, place), _ = self._walk(path, self._root)
        return place

    def _walk(self, path: str, root: Location, above: bool = False) -> tuple[Location, bool]:
        """Where a path leads, and whether it met no link below the mounts.

        Where there is no file of that name, as far as the way goes.
        """
        if not path.startswith("/"):
            path = "/" + path if self.top else os.path.join(self.host.cwd, path)
        todo = path.split("/")[::-1]
        here = bottom = root
        straight = True
        links = 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            mounted, directory = here
            if part == "..":
                bottom = _above(here, root)
                here = _top(bottom)
                continue
            bottom = mounted, f"{directory.rstrip('/')}/{part}"
            here = _top(bottom)
            known = not mounted.is_new and here == bottom
            link = _link(self.top + bottom[1]) if known else None
            if mounted.is_new:
                straight = False
            if link is None or links == _MOST_LINKS:
                continue
            links += 1
            straight = straight and mounted is self._base
            here = root if link.startswith("/") else (mounted, directory)
            bottom = here
            todo += link.split("/")[::-1]
        return bottom if above else here, straight


def _link(path: str) -> str | None:
    """Where a symbolic link of the host points to, None if it is none."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def _above(location: Location, root: Location) -> Location:
    """The directory above one; the root is its own."""
    mounted, path = location
    while (mounted, path) != root and path == mounted.root and mounted.parent is not None:
        mounted, path = mounted.parent, mounted.at
    return (mounted, path) if (mounted, path) == root else (mounted, os.path.dirname(path))


def places_of(state: State, host: Host, entries: Iterable[Entry]) -> Places:
    """Where paths lead in a run of the state, after these of its mounts."""
    from nsh.parts.join.own import root

    return Places(host, entries, top=root(state, host))
