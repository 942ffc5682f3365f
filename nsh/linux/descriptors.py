"""Descriptors: closing what nsh has opened, and the three that a program starts with."""

from __future__ import annotations

import io
import os
import sys


def close(fd: int) -> None:
    """Close a descriptor; it is closed even if close(2) says that it failed. See its NOTES."""
    try:
        os.close(fd)
    except OSError:
        pass


class _ClosedOutput(io.TextIOBase):
    """Standard output that was closed when nsh started: to write is what fails, nothing else."""

    def write(self, _: str) -> int:
        raise ValueError("standard output is closed")


def repair_standard() -> None:
    """Make sure that 0, 1 and 2 are taken, and that all bytes pass through Python's streams."""
    # With 0, 1 or 2 closed, the next descriptor that is opened would take its place and a child
    # would write into it. /dev/null holds the place here, and closes on execve, so that a child
    # finds it closed as nsh did.
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open("/dev/null", os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _ClosedOutput()
    # What is not valid text passes through: out as the bytes that came in.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=sys.getfilesystemencoding(), errors="surrogateescape")
