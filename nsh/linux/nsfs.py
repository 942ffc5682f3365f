"""nsfs: how namespaces are related, as the kernel tells: who owns one, and which one is around it.

The links in /proc/PID/ns say which namespace a process is in, and nothing of how they belong
together; ioctl(2) on a descriptor of a namespace does. See ioctl_nsfs(2), which older manuals call
ioctl_ns(2), and namespaces(7).
"""

from __future__ import annotations

import errno
import os
import sys

from nsh.linux.constants import NS_GET_NSTYPE, NS_GET_OWNER_UID, NS_GET_PARENT, NS_GET_USERNS
from nsh.linux.descriptors import close
from nsh.linux.namespaces import BY_NAME, NAMESPACES
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NESTED = ("pid", "user")
"""The kinds of which each namespace but the first has a parent."""

_SILENT = (errno.EPERM, errno.ENOTTY)
"""Out of view for the caller; not known to the kernel, which is older than 4.11."""


class Ns(Value):
    """One namespace.

    inode   its number, which stands in the links of /proc/PID/ns
    kind    as in nsh/linux/namespaces.py
    owner   the inode of the user namespace that owns it; None if that is out of view. Of a user
            namespace it is the parent
    parent  the inode of the pid or user namespace around it; None if there is none, or none in view
    uid     the uid of the one who made a user namespace, as it is here; None for other kinds
    pids    the processes that are in it, of those that were asked for, in their order
    """

    inode: int
    kind: str
    owner: int | None = None
    parent: int | None = None
    uid: int | None = None
    pids: tuple[int, ...] = ()

    @property
    def link(self) -> str:
        """What a link in /proc/PID/ns says.

        >>> Ns(4026531838, "uts").link
        'uts:[4026531838]'
        """
        return f"{BY_NAME[self.kind].proc}:[{self.inode}]"


class Survey(Value):
    """The namespaces of some processes.

    namespaces  those in which the processes are, and those that own them or are around them, in
                the order in which they were met
    unseen      how many of the processes are somebody else's, so that nothing is told of them
    """

    namespaces: tuple[Ns, ...]
    unseen: int = 0


def kind_of(fd: int) -> str:
    """The kind of the namespace behind a descriptor, "" if it is one that nsh does not know.

    Raises OSError, with ENOTTY if the descriptor is not of a namespace.
    """
    import fcntl

    flag = fcntl.ioctl(fd, NS_GET_NSTYPE)
    return next((kind.name for kind in NAMESPACES if kind.flag == flag), "")


def survey(pids: Iterable[int], kinds: Iterable[str] = tuple(BY_NAME)) -> Survey:
    """The namespaces of these kinds in which the processes are, with how they are related.

    A process that has ended is left out. Owners and parents are looked up as far as the kernel
    shows them, also where no process is in them. Raises OSError if nsh runs out of descriptors.
    """
    files = [BY_NAME[kind] for kind in kinds]
    files = [kind for kind in files if os.path.lexists(f"/proc/self/ns/{kind.proc}")]
    known: dict[int, Ns] = {}
    inside: dict[int, list[int]] = {}
    unseen = 0
    for pid in pids:
        try:
            found = [_inode(f"/proc/{pid}/ns/{kind.proc}", kind.name, known) for kind in files]
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        except PermissionError:
            unseen += 1
            continue
        for inode in found:
            inside.setdefault(inode, []).append(pid)
    kept: set[int] = set()
    for inode in inside:
        _keep(inode, known, kept)
    namespaces = [
        ns.replace(pids=tuple(inside.get(ns.inode, ())))
        for ns in known.values()
        if ns.inode in kept
    ]
    return Survey(tuple(namespaces), unseen)


def _inode(path: str, kind: str, known: dict[int, Ns]) -> int:
    """The inode behind a link of /proc/PID/ns; the namespace is among the known ones then."""
    inode = os.stat(path).st_ino
    if inode in known:
        return inode
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _ask(fd, kind, known)
    finally:
        close(fd)


def _ask(fd: int, kind: str, known: dict[int, Ns]) -> int:
    """Look a namespace up, and those that it belongs to. Gives its inode."""
    inode = os.fstat(fd).st_ino
    if inode not in known:
        known[inode] = Ns(inode, kind)  # it stands before those that it leads to
        owner = _related(fd, NS_GET_USERNS, "user", known)
        parent = _related(fd, NS_GET_PARENT, kind, known) if kind in NESTED else None
        uid = _owner_uid(fd) if kind == "user" else None
        known[inode] = Ns(inode, kind, owner, parent, uid)
    return inode


def _related(fd: int, request: int, kind: str, known: dict[int, Ns]) -> int | None:
    import fcntl

    try:
        other = fcntl.ioctl(fd, request)  # close-on-exec, as the kernel makes it
    except OSError as error:
        if error.errno in _SILENT:
            return None
        raise
    try:
        return _ask(other, kind, known)
    finally:
        close(other)


def _owner_uid(fd: int) -> int | None:
    import fcntl

    try:
        return int.from_bytes(fcntl.ioctl(fd, NS_GET_OWNER_UID, bytes(4)), sys.byteorder)
    except OSError as error:
        if error.errno in _SILENT:
            return None
        raise


def _keep(inode: int | None, known: dict[int, Ns], kept: set[int]) -> None:
    """Keep a namespace, and all that it belongs to."""
    if inode is not None and inode not in kept:
        kept.add(inode)
        _keep(known[inode].owner, known, kept)
        _keep(known[inode].parent, known, kept)
