"""Owners: which user namespace a namespace belongs to, and who made that. See ioctl_nsfs(2)."""

from __future__ import annotations

import os

from nsh.linux.constants import NS_GET_OWNER_UID, NS_GET_USERNS
from nsh.linux.descriptors import close

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.parts.join.targets import Target


def owner_of(target: Target, kind: str, pins: dict[str, int]) -> tuple[str, int | None]:
    """The user namespace that owns the joined namespace of that kind, and the uid that made it.

    Of a user namespace it is that itself. The first as the text of its link in /proc/PID/ns, "" if it
    cannot be seen: then it is one around nsh's own. The second is None if it cannot be told. ``pins``
    are the descriptors of a target that has no process.
    """
    import array
    import fcntl

    path = target.path or (f"/proc/{target.pid}/ns/{kind}" if target.pid else "")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if path else os.dup(pins[kind])
    except (OSError, KeyError):
        return "", None
    found = fd
    try:
        found = fcntl.ioctl(fd, NS_GET_USERNS)  # of a user namespace: the one around it
        if kind == "user":
            close(found)
            found = fd
        uid = array.array("I", [0])
        fcntl.ioctl(found, NS_GET_OWNER_UID, uid)
        return f"user:[{os.fstat(found).st_ino}]", uid[0]
    except OSError:
        return "", None
    finally:
        for each in {fd, found}:
            close(each)
