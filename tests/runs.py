"""What tests of runs share: states, waiting for something to happen, and finding processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.needs import rights

ROOT = Path(__file__).resolve().parent.parent
NSH = [sys.executable, "-I", str(ROOT / "nsh" / "__main__.py")]

STATES = {
    "host": "",
    "pid": "flags +pid",
    "user": "flags +user; map root",
    "nobody": "flags +user",
    "time": "flags +time",
    "all": "flags +all; map root",
}
"""One state for each way in which a run forks and is mapped."""


def states(*names: str) -> list[Any]:
    """The names of these states, all without a name, as parameters: some are for root alone."""
    return [pytest.param(name, marks=rights(STATES[name])) for name in names or STATES]


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Wait for a condition. Fails if it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def processes(name: str) -> dict[int, str]:
    """A file of /proc/PID, such as stat, by process; without those that have just gone."""
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = Path(f"/proc/{entry}/{name}").read_text(errors="replace")
            except OSError:
                continue
    return found


def marked(mark: str) -> dict[int, str]:
    """The command lines (joined by NUL) of the processes that hold the mark; zombies have none."""
    return {pid: words for pid, words in processes("cmdline").items() if mark in words}


def children(parent: int) -> dict[int, str]:
    """The state of each child of that process, Z for a zombie. See proc_pid_stat(5)."""
    fields = {pid: stat.rpartition(")")[2].split() for pid, stat in processes("stat").items()}
    return {pid: words[0] for pid, words in fields.items() if words[1] == str(parent)}


def sh(setup: str) -> list[str]:
    """A shell that runs the setup and becomes the command that follows."""
    return ["sh", "-ec", f'{setup}\nexec "$@"', "sh"]
