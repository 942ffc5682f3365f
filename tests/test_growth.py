"""Thousands of runs leave nsh as it was: memory, descriptors, children, threads, mounts."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import NSH
from tests.runs import children

WARM_UP = 500
PART = 500
KIB_ALLOWED = 1024


def resident(pid: int) -> int:
    """The resident memory in KiB, without what is in files."""
    found = re.search(r"^RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)
    assert found
    return int(found[1])


def left(pid: int) -> dict[str, object]:
    proc = Path(f"/proc/{pid}")
    return {
        "descriptors": sorted(os.readlink(entry) for entry in (proc / "fd").iterdir()),
        "children": children(pid),
        "threads": len(os.listdir(proc / "task")),
        "mounts": (proc / "mounts").read_text(),
        "namespaces": sorted(os.readlink(entry) for entry in (proc / "ns").iterdir()),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "runs"),
    [
        ("", 5000),
        ("flags +pid +mnt\nmount proc /proc\n", 3000),
        ("flags +user\nmap root\nenv A=b\n", 1000),
        ("flags +pid\nenv PATH=/nowhere\n", 1000),
    ],
    ids=["true", "pid and mnt", "maps", "not found"],
)
def test_runs_leave_nothing(state: str, runs: int, tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with open(errors, "wb") as err:
        shell = subprocess.Popen(
            NSH,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=err,
            env={"PATH": "/usr/bin:/bin"},
        )
    assert shell.stdin is not None

    def after(lines: str, mark: str) -> int:
        assert shell.stdin is not None
        shell.stdin.write(f"{lines}flags {mark}\n".encode())
        shell.stdin.flush()
        deadline = time.monotonic() + 120
        while mark.encode() not in errors.read_bytes()[-1000:]:
            assert shell.poll() is None, errors.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return resident(shell.pid)

    try:
        first = after(state + "run true\n" * WARM_UP, "warm")
        before = left(shell.pid)
        for number in range(0, runs, PART):
            last = after("run true\n" * PART, f"part{number}.")
        assert left(shell.pid) == before
        assert before["children"] == {}
        assert last - first < KIB_ALLOWED
    finally:
        shell.kill()
        shell.communicate()
