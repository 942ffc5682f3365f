"""Descriptors: closing what nsh has opened."""

from __future__ import annotations

import os


def close(fd: int) -> None:
    """Close a descriptor; it is closed even if close(2) says that it failed. See its NOTES."""
    try:
        os.close(fd)
    except OSError:
        pass
