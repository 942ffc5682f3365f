"""Attempts: what the kernel says to a call, found out in a process that ends right after it."""

from __future__ import annotations

import os

from nsh.linux.syscalls import unshare


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
