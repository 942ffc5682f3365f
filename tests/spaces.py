"""How tests start processes in namespaces of their own, and end them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.runs import children

UNTIL_ENDED = ["sh", "-c", "echo ready; exec sleep 1000"]


@contextmanager
def inside(*before: str, command: list[str] = UNTIL_ENDED) -> Iterator[int]:
    """A command that stays, with words such as unshare(1)'s in front: its process id here.

    It writes a line when it is there. With ``--fork`` in front, ``--kill-child`` is needed too.
    """
    words = [*before, *command]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as started:
        assert started.stdout is not None
        assert started.stdout.readline()
        pid = started.pid
        while below := children(pid):
            [pid] = below
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGKILL)


def inode(pid: int | str, kind: str) -> int:
    """The inode of a process's namespace."""
    return os.stat(f"/proc/{pid}/ns/{kind}").st_ino
