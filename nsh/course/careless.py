"""Careless: a goal that changes the host of a learner whose state has none of what the goal needs.

Found out in namespaces of its own: the host that is changed there is none.
"""

from __future__ import annotations

import os
import socket
import sys

from nsh.course.goal import first_miss
from nsh.course.trial import limited
from nsh.linux import syscalls
from nsh.linux.constants import CAP_SYS_ADMIN
from nsh.linux.idmaps import map_self
from nsh.linux.mountflags import MS_PRIVATE, MS_REC
from nsh.linux.mountinfo import mount_points
from nsh.linux.namespaces import BY_NAME
from nsh.linux.procfs import read_text, sysvipc
from nsh.state import START

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.host import Host
    from nsh.state import State
    from nsh.transcript.parse import Command

_PLACES = ("/mnt", "/tmp", "/var/tmp", "/dev/shm")
"""Where lessons write to; nsh itself or its python may be in one of them."""

_OBJECTS = {"msg": "queue", "sem": "semaphore", "shm": "shared memory"}


def changed(commands: list[Command], state: State, seconds: float, host: Host) -> list[str]:
    """What on the host a session changes in a state without namespaces: a few words each.

    Of ``state`` the environment and the directory are taken. Nothing is found where this process
    may not make the namespaces, or where the session takes longer than so many seconds.
    """
    bare = START.replace(env=state.env, cwd=state.cwd)
    return limited(lambda: _changed(commands, bare, host.can(CAP_SYS_ADMIN)), seconds) or []


def _changed(commands: list[Command], state: State, can: bool) -> list[str]:
    uid, gid = os.geteuid(), os.getegid()
    kinds = ("mnt", "net", "uts", "ipc") if can else ("user", "mnt", "net", "uts", "ipc")
    syscalls.unshare(sum(BY_NAME[kind].flag for kind in kinds))
    if not can:
        map_self(uid, gid)
    _mount("/", None, MS_REC | MS_PRIVATE)
    own = [os.path.realpath(path) for path in (__file__, sys.executable, sys.prefix)]
    places = [
        place
        for place in _PLACES
        if os.path.isdir(place) and not any(path.startswith(place + "/") for path in own)
    ]
    for place in places:
        _mount(place, b"tmpfs", 0)
    before = _host(places)
    first_miss(commands, state, [], {}, os.memfd_create("at"))
    after = _host(places)
    return [f"{what} {name}" for name, what in after.items() if before.get(name) != what]


def _mount(target: str, fstype: bytes | None, flags: int) -> None:
    function, args = syscalls.in_c("mount", (b"none", os.fsencode(target), fstype, flags, None))
    if function(*args) == -1:
        raise OSError(syscalls.last_errno(), target)


def _host(places: list[str]) -> dict[str, str]:
    """What is there to be changed: name to what it is."""
    found = {name: "an interface" for _, name in socket.if_nameindex()}
    found[os.uname().nodename] = "the host name"
    found[(read_text("/proc/sys/kernel/domainname") or "").strip()] = "the domain name"
    for mount in mount_points():
        point = f"on {mount.point}"
        found[point if point not in found else f"{point}, on top"] = "a mount"
    for kind, what in _OBJECTS.items():
        for fields in sysvipc(kind):
            found[f"{what} {fields[1]}"] = "a System V"
    for place in places:
        for name in os.listdir(place):
            found[f"{place}/{name}"] = "a file"
    return found
