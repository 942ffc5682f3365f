"""Requirement: tries what a transcript requires, as a program of its own, since it unshares.

``requirement.py root|userns``: status 0 if it is there, else it says why not.
"""

from __future__ import annotations

import os
import sys

if not __package__:
    sys.path.insert(0, __file__.rpartition("/nsh/")[0])

from nsh.linux.idmaps import map_self
from nsh.linux.namespaces import BY_NAME
from nsh.linux.syscalls import unshare


def attempt(word: str) -> int:
    """Whether this process may have what a transcript requires. See unshare(2)."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        if word == "root":
            if uid:
                print(f"this is uid {uid}")
                return 1
        else:
            unshare(BY_NAME["user"].flag)
            map_self(uid, gid)
        unshare(BY_NAME["uts"].flag | BY_NAME["mnt"].flag)
    except OSError as error:
        print(f"unshare: {error.strerror}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(attempt(sys.argv[1]))
