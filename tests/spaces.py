"""How tests start processes in namespaces of their own, and end them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.runs import children, until

UNTIL_ENDED = ["sh", "-c", "echo ready; exec sleep 1000"]
_IN_FRONT = ("unshare", "nsenter", "setpriv")


@contextmanager
def inside(*before: str, command: list[str] = UNTIL_ENDED) -> Iterator[int]:
    """A command that stays, with words such as unshare(1)'s in front: its process id here.

    It writes a line when it is there. Where it starts others, it is to be the first of a pid
    namespace, so that they end with it.
    """
    words = [*before, *command]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as started:
        assert started.stdout is not None
        assert started.stdout.readline()
        pid = started.pid
        while name(pid) in _IN_FRONT:  # it has forked
            [pid] = children(pid)
        if command is UNTIL_ENDED:
            until(lambda: name(pid) == "sleep", "the command")
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGKILL)


def inode(pid: int | str, kind: str) -> int:
    """The inode of a process's namespace."""
    return os.stat(f"/proc/{pid}/ns/{kind}").st_ino


def name(pid: int) -> str:
    """The name of the program that a process runs."""
    return Path(f"/proc/{pid}/comm").read_text().strip()
