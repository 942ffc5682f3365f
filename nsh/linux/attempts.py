"""Attempts: what the kernel says to a call, found out in a process that ends right after it."""

from __future__ import annotations

import os

from nsh.linux.descriptors import close
from nsh.linux.procfs import read_text
from nsh.linux.syscalls import setns, unshare


def unshare_error(flags: int) -> int:
    """The errno that unshare(2) gives for these flags here, 0 if it works. Raises OSError."""
    pid = os.fork()
    if pid == 0:
        error = 255
        try:
            unshare(flags)
            error = 0
        except OSError as failure:
            error = failure.errno or 255
        finally:
            os._exit(error)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def maps_inside(namespace: int | str, files: tuple[str, ...]) -> dict[str, str]:
    """These files of /proc/PID of a process in a user namespace where there may be none.

    ``namespace`` is a descriptor of it or a path. Empty if it cannot be joined. Raises OSError.
    """
    ends, inside = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            os.close(ends[1])
            own = namespace if isinstance(namespace, int) else os.open(namespace, os.O_RDONLY)
            setns(own, 0)
            os.write(inside[1], b"\n")
            os.read(ends[0], 1)
        finally:
            os._exit(0)
    try:
        close(inside[1])
        there = bool(os.read(inside[0], 1))
        return {name: read_text(f"/proc/{pid}/{name}") or "" for name in files if there}
    finally:
        for fd in (*ends, inside[0]):
            close(fd)
        os.waitpid(pid, 0)
