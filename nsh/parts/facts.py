"""Facts: what the diagnoses of several parts look at on the live machine: rights, and files.

They read /proc (see proc(5)) and files, and change nothing.
"""

from __future__ import annotations

import os
import shutil

from nsh.host import Host
from nsh.linux.constants import CAP_SETUID, CAP_SYS_ADMIN
from nsh.linux.procfs import read_text
from nsh.parts.join.own import in_another
from nsh.parts.part import Diagnosis
from nsh.state import State
from nsh.words import quote


def switched_off(host: Host) -> Diagnosis | None:
    """What a distribution has set to keep users from user namespaces, if it has."""
    if host.can(CAP_SYS_ADMIN):
        return None
    name = "kernel.unprivileged_userns_clone"
    value = read_text("/proc/sys/" + name.replace(".", "/"))
    if value is not None and value.strip() == "0":
        return Diagnosis(
            f"{name} is 0 on this machine: only root may make user namespaces; root can change that"
            " for all users",
            as_root(f"sysctl -w {name}=1", host),
        )
    return restricted(host)


def restricted(host: Host) -> Diagnosis | None:
    """That AppArmor takes an ordinary user's rights in a new user namespace, None if it does not."""
    from nsh.parts import apparmor

    if host.can(CAP_SYS_ADMIN):
        return None
    return apparmor.restricted(lambda line: as_root(line, host))


def as_root(line: str, host: Host) -> str:
    """A line for the host that needs root, as this user types it."""
    if host.is_privileged:
        return f"!{line}"
    if shutil.which("sudo", path=host.environ.get("PATH")):
        return f"!sudo {line}"
    return f"!su -c {quote(line)}"


def may_make(path: str) -> bool:
    """Whether this user may make a file or directory of that path on the host."""
    parent = _above(path)
    return os.path.isdir(parent) and os.access(parent, os.W_OK | os.X_OK)


def _above(path: str) -> str:
    """The lowest directory above a path that is there."""
    parent = os.path.dirname(path) or "."
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent) or "/"
    return parent


def not_made(path: str, host: Host) -> str:
    """Why this user cannot make a file or directory of that path on the host."""
    try:
        if os.statvfs(_above(path)).f_flag & os.ST_RDONLY:
            return "none can be made, because the file system there is read-only"
    except OSError:
        pass
    return f"uid {host.uid} may not make it"


def make(path: str, directory: bool = True) -> str:
    """The line that makes a directory, or an empty file, on the host."""
    parent = os.path.dirname(path) or "."
    deep = not os.path.isdir(parent)
    if directory:
        return f"!mkdir {'-p ' if deep else ''}{quote(path)}"
    return f"!{f'mkdir -p {quote(parent)} && ' if deep else ''}touch {quote(path)}"


def spare(path: str, top: str = "") -> str:
    """A path of the same name that is not there yet, under /tmp or where else all may write.

    ``top``: where the root directory is that paths are seen from.
    """
    places = ["/tmp", "/var/tmp", "/dev/shm"]
    place = next((place for place in places if os.access(top + place, os.W_OK | os.X_OK)), "/tmp")
    name = os.path.basename(path.rstrip("/")) or "new"
    found = f"{place}/{name}"
    number = 1
    while os.path.lexists(top + found):
        number += 1
        found = f"{place}/{name}{number}"
    return found


def acting(state: State, host: Host) -> tuple[int, set[int]]:
    """The uid and the groups by which the host's files judge the command, as far as they are known.

    In a user namespace the ids of `user` are others outside: then those of nsh stand for them.
    """
    if state.user is None or in_another("user", state, host):
        return host.uid, {host.gid, *os.getgroups()}
    if state.user.gid is None:
        return state.user.uid, {host.gid, *os.getgroups()}
    return state.user.uid, {state.user.gid, *state.user.groups}


def forbidden_by(path: str, state: State, host: Host) -> str:
    """The first directory on the way to the path that this user may not search by its permission
    bits alone, or the path itself if all may be searched."""
    uid, groups = acting(state, host)
    place = "/"
    for part in [*path.strip("/").split("/")]:
        try:
            status = os.stat(place)
        except OSError:
            return place
        shift = 6 if status.st_uid == uid else 3 if status.st_gid in groups else 0
        if not status.st_mode >> shift & 1:
            return place
        place = os.path.join(place, part)
    return place


def whole_map(host: Host) -> tuple[str, str]:
    """The lines that map every id of this user namespace to itself."""
    lines = []
    for kind in ("uid", "gid"):
        numbers = [f"{own.inside} {own.inside} {own.count}" for own in host.owned_ranges(kind)]
        lines.append(f"{kind}map " + " ".join(numbers))
    return lines[0], lines[1]


def without_user(state: State) -> tuple[str, ...]:
    """The lines that give up the user namespace, and the maps, which mean nothing without it."""
    return ("flags -user", *(["reset map"] if state.has_maps else []))


def closed(place: str | None, state: State, host: Host) -> Diagnosis | None:
    """Why the way to a place on the host is closed to the child, None if it is not.

    Without fixes if there are none. root's right to pass over permissions holds in a user namespace
    only for files whose owner and group are mapped there: see capabilities(7), user_namespaces(7).
    """
    if place is None or not place.startswith("/"):
        return None
    first = forbidden_by(place, state, host)
    if first == place:
        return None
    if in_another("user", state, host) and host.uid == 0:
        return Diagnosis(
            f"{first} is closed to others by its permissions, and in a user namespace root passes"
            " over these only for owners that are mapped",
            *(whole_map(host) if state.has("user") and host.can(CAP_SETUID) else ()),
        )
    uid = acting(state, host)[0]
    return Diagnosis(f"uid {uid} may not go through the directory {first} by its permissions")
