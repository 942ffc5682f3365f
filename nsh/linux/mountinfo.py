"""The mounts of this process's mount namespace: /proc/self/mountinfo. See proc_pid_mountinfo(5)."""

from __future__ import annotations

import os

from nsh.linux.constants import CAP_SYS_CHROOT
from nsh.linux.procfs import own_status, read_text, status_field
from nsh.value import Value


class MountPoint(Value):
    """One mount.

    root           the directory of the file system that is mounted
    point          where it is mounted
    options        of this mount, such as ``ro``
    optional       how it propagates, such as ``shared:1``
    super_options  of the file system
    device         its number, MAJOR:MINOR: the same for all mounts of one file system
    """

    root: str
    point: str
    options: tuple[str, ...]
    optional: tuple[str, ...]
    fstype: str
    source: str
    super_options: tuple[str, ...]
    device: str = ""

    @property
    def group(self) -> str:
        """Its peer group, as ``shared:1``, "" if it is not shared."""
        return next((field for field in self.optional if field.startswith("shared:")), "")

    @property
    def is_shared(self) -> bool:
        """Whether mounts below it propagate to peers. See mount_namespaces(7)."""
        return bool(self.group)


def parse(text: str) -> list[MountPoint]:
    r"""The mounts that a mountinfo lists, in mount order; lines of another form are left out.

    >>> [mount] = parse("7 1 0:4 / /a\\040\303\251 rw,nosuid shared:2 - tmpfs none rw,size=1k\n")
    >>> mount.point, mount.options, mount.is_shared, mount.fstype
    ('/a \xc3\xa9', ('rw', 'nosuid'), True, 'tmpfs')
    """
    found = []
    for line in text.split("\n"):
        before, dash, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if not dash or len(fields) < 6 or len(rest) < 2:
            continue
        found.append(
            MountPoint(
                unescape(fields[3]),
                unescape(fields[4]),
                tuple(fields[5].split(",")),
                tuple(fields[6:]),
                rest[0],
                unescape(rest[1]),
                tuple(rest[2].split(",")) if len(rest) > 2 else (),
                fields[2],
            )
        )
    return found


# The backslash is the last: what stands before it in a name is no escape.
_ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\043", "#"), ("\\134", "\\"))


def unescape(text: str) -> str:
    """A field of mountinfo with its octal escapes undone."""
    for code, char in _ESCAPES:
        text = text.replace(code, char)
    return text


def mount_points(pid: int | str = "self") -> list[MountPoint]:
    """The mounts that a process sees, this one or another, in mount order; empty without /proc."""
    return parse(read_text(f"/proc/{pid}/mountinfo") or "")


def mount_of(path: str, pid: int | str = "self") -> MountPoint | None:
    """The mount that a path is on, as that process sees it."""
    best = None
    for mount in mount_points(pid):
        inside = path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best


def in_chroot() -> bool:
    """Whether the root directory is not the root of the mount namespace. See chroot(2).

    Either no mount is listed on /, or a forked child that has CAP_SYS_CHROOT finds a way up: after
    a chroot into a directory below, its working directory is outside of its root, and .. leads to
    where the real root is. Without that capability the second way is closed, and the answer no.
    """
    points = mount_points()
    if points and not any(mount.point == "/" for mount in points):
        return True
    if not int(own_status("CapEff") or "0", 16) >> CAP_SYS_CHROOT & 1:
        return False
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(_root_is_below())
        except BaseException:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1


def _root_is_below() -> bool:
    proc = os.open("/proc/self", os.O_RDONLY)

    def here() -> str:
        fd = os.open(".", os.O_RDONLY)
        info = os.open(f"fdinfo/{fd}", os.O_RDONLY, dir_fd=proc)
        mount = status_field(os.read(info, 4096).decode(), "mnt_id")
        return f"{mount} {os.fstat(fd).st_ino}"

    os.chdir("/")
    root = here()
    os.chroot("/proc")
    os.chdir("..")
    return here() != root
