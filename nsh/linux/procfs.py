"""What /proc tells of this process and of others. See proc(5), pid_namespaces(7)."""

from __future__ import annotations

import os

from nsh.linux.constants import NS_GET_USERNS
from nsh.linux.descriptors import close


def read_text(path: str) -> str | None:
    """The text of a (small, kernel-made) file, or None if it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return os.fsdecode(b"".join(parts))
    except OSError:
        return None
    finally:
        close(fd)


def sysvipc(kind: str) -> list[list[str]]:
    """The objects of a kind of System V IPC, msg, sem or shm, as their fields. See proc_sysvipc(5)."""
    text = read_text(f"/proc/sysvipc/{kind}") or ""
    return [line.split() for line in text.splitlines()[1:]]


def link(path: str) -> str:
    """Where a symbolic link leads, "" if it cannot be read."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def status_field(status: str, field: str) -> str:
    """One field of the text of /proc/PID/status, "" if it is not there. See proc_pid_status(5)."""
    for line in status.splitlines():
        if line.startswith(field + ":"):
            return line[len(field) + 1 :].strip()
    return ""


def own_status(field: str) -> str:
    """A field of /proc/self/status, "" without /proc."""
    return status_field(read_text("/proc/self/status") or "", field)


def has_proc() -> bool:
    """Whether a proc file system is mounted on /proc."""
    return os.path.exists("/proc/self/status")


def is_filtered() -> bool:
    """Whether this process runs under a seccomp(2) filter."""
    return own_status("Seccomp") == "2"


def is_foreign() -> bool:
    """Whether /proc shows another pid namespace than the one this process is in."""
    try:
        return os.readlink("/proc/self") != str(os.getpid())
    except OSError:  # no /proc at all, or one that this process is not in
        return os.path.islink("/proc/self")


def own_mounts() -> bool:
    """Under a foreign /proc: whether the mount namespace was made together with the pid namespace.

    Then a mount on /proc is seen by nobody who is not in both. Looked up is the parent of the
    process that made the pid namespace and waits for it outside, as unshare(1) with -f does.
    """
    mine, pid = link("/proc/self/ns/pid"), link("/proc/self")
    while pid not in ("", "0", "1") and link(f"/proc/{pid}/ns/pid") == mine:
        pid = _parent(pid)
    outside = link(f"/proc/{_parent(pid)}/ns/mnt")
    return outside not in ("", link("/proc/self/ns/mnt"))


def _parent(pid: str) -> str:
    return status_field(read_text(f"/proc/{pid}/status") or "", "PPid")


def owned_here(kind: str) -> bool:
    """Whether the own namespace of that kind belongs to the own user namespace. See ioctl_nsfs(2)."""
    import fcntl

    try:
        fd = os.open(f"/proc/self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        owner = fcntl.ioctl(fd, NS_GET_USERNS)
    except OSError:
        return False
    finally:
        close(fd)
    try:
        return os.fstat(owner).st_ino == os.stat("/proc/self/ns/user").st_ino
    finally:
        close(owner)


def filesystems() -> tuple[list[str], list[str]]:
    """The kernel's file systems: those without a block device, and those on one. See filesystems(5)."""
    without: list[str] = []
    with_device: list[str] = []
    for line in (read_text("/proc/filesystems") or "").splitlines():
        kind, _, name = line.partition("\t")
        (without if kind == "nodev" else with_device).append(name)
    return without, with_device


def hierarchies() -> list[set[str]]:
    """The cgroup hierarchies of version 1 that there are, by their mount options. See cgroups(7)."""
    lines = (read_text("/proc/self/cgroup") or "").splitlines()
    return [set(line.split(":")[1].split(",")) for line in lines if not line.startswith("0:")]
