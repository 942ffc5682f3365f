"""What /proc tells of processes, and what PID 1 does with them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.runs import ROOT

DRIVER = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from nsh.linux.processes import reap_orphans
def ended(status):
    pid = os.fork()
    if pid == 0:
        os._exit(status)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid
mine, orphan = ended(3), ended(4)
reap_orphans({{mine}} if sys.argv[1] == "keep" else set())
for pid in (mine, orphan):
    try:
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    except ChildProcessError:
        print("reaped")
"""


@pytest.mark.parametrize(
    ("pid_1", "word", "left"),
    [
        (True, "keep", ["3", "reaped"]),
        (True, "none", ["reaped", "reaped"]),
        (False, "none", ["3", "4"]),
    ],
)
def test_pid_1_reaps_what_others_left_and_not_what_is_waited_for(
    pid_1: bool, word: str, left: list[str]
) -> None:
    before = ["unshare", "-pf", "--mount-proc"] if pid_1 else []
    found = subprocess.run(
        [*before, sys.executable, "-I", "-c", DRIVER, word],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert found.stdout.split() == left
