"""Places: what a path inside leads to, and where that is on the host.

The one answer to that question, for the guard as for every diagnosis.
"""

from __future__ import annotations

import os

from nsh.host import Host
from nsh.linux.mountflags import MS_BIND, MS_REMOUNT, parse_options
from nsh.state import Mount, Umount
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LINKS = 40
"""MAXSYMLINKS in the kernel: path_resolution(7)."""


class Place(Value):
    """What a path inside leads to.

    over      the last mount over it, None if there is none
    host      its path on the host, None if it lies in a file system that is mounted new
    straight  whether below the mounts no link was met on the way: then it leads there for certain
    """

    over: Mount | None
    host: str | None
    straight: bool = True


def binds(entry: Mount) -> bool:
    """Whether a mount shows a part of the host's files in a second place."""
    return entry.fstype in ("bind", "rbind") or bool(parse_options(entry.options)[0] & MS_BIND)


def real_path(path: str, root: str, host: Host) -> str:
    """The path on the host of a path seen from ``root``, its links followed as in a chroot there.

    Without a file of that name, as far as the way goes. See path_resolution(7).
    """
    if root == "/":
        return host.real_path(path)
    top = host.real_path(root).rstrip("/")
    todo = path.split("/")[::-1]
    found: list[str] = []
    links = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            del found[-1:]  # and / is its own ..
            continue
        try:
            link = os.readlink("/".join([top, *found, part]))
        except OSError:
            found.append(part)
            continue
        links += 1
        if links > _MOST_LINKS:
            found.append(part)
            continue
        if link.startswith("/"):
            found.clear()
        todo += link.split("/")[::-1]
    return "/".join([top, *found]) or "/"


class Places:
    """Where paths lead after some mounts, which are added in their order.

    root  the directory of the host that is / inside
    """

    def __init__(self, host: Host, entries: Iterable[Mount | Umount] = (), root: str = "/") -> None:
        self.host = host
        self.root = root
        self._active: list[tuple[str, Mount]] = []
        for entry in entries:
            self.add(entry)

    def add(self, entry: Mount | Umount) -> None:
        """Make that mount, or take it away."""
        target = real_path(entry.target, self.root, self.host)
        if isinstance(entry, Umount):
            same = [mounted for mounted in self._active if mounted[0] == target]
            if same:
                self._active.remove(same[-1])
        elif not parse_options(entry.options)[0] & MS_REMOUNT:
            self._active.append((target, entry))

    def is_certain(self, path: str) -> bool:
        """Whether the mounts above the path lead to where it leads on the host, past no link.

        What is mounted on the path itself plays no part.
        """
        return self.of(path, above=True).straight

    def of(self, path: str, *, above: bool = False) -> Place:
        """What the path leads to. Below a bind lies what its source holds.

        ``above``: leave out what is mounted on the path itself.
        """
        place = real_path(path, self.root, self.host)
        last: Mount | None = None
        straight = True
        for target, entry in reversed(self._active):
            on_it = place == target and not above
            if not on_it and not place.startswith(target.rstrip("/") + "/"):
                continue
            last = last or entry
            if not binds(entry):
                return Place(last, None, False)
            # The sources of binds are the host's, whatever is / inside.
            direct = (
                self.host.real_path(entry.source).rstrip("/") + place[len(target.rstrip("/")) :]
            )
            place = self.host.real_path(direct or "/")
            straight = straight and place == (direct or "/")
        return Place(last, place, straight)
