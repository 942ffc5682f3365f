"""A queue that the learner of the lesson ipc leaves on the host: it is named, with what removes it."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import nsh

OWN = ["unshare", "-i", *["-Ur"] * (os.geteuid() != 0)]
"""The host of these tests has an ipc namespace that ends with it."""

pytestmark = [needs.program("ipcmk"), needs.program("unshare"), needs.NAMESPACES]


def learn(state: Path, *lines: str, lesson: str = "ipc") -> tuple[list[str], str]:
    """What is said of queues, and the standard output."""
    environ = {**os.environ, "XDG_STATE_HOME": str(state)}
    result = nsh("--lesson", lesson, stdin="\n".join(lines) + "\n", env=environ, before=OWN)
    told = [re.sub(r"^nsh: \S+:\d+: ", "", line) for line in result.stderr.splitlines()]
    return [line for line in told if "queue" in line or "ipcrm" in line], result.stdout


@pytest.mark.parametrize(
    "line",
    [
        "run ipcmk -Q",
        "!ipcmk -Q",
        "sh ipcmk -Q; ipcs -q",
        "start own; enter own ipcmk -Q",
    ],
)
def test_a_queue_on_the_host_is_told_when_it_is_made(line: str, tmp_path: Path) -> None:
    told, printed = learn(tmp_path, line, "run true", "undo")
    [made] = set(re.findall(r"id: (\d+)", printed))
    assert told == [
        "a queue made on the host stays there until removed",
        f"try: !ipcrm -q {made}",
    ]


def test_the_line_that_is_told_removes_it_and_then_nothing_is_told(tmp_path: Path) -> None:
    told, _ = learn(tmp_path, "!ipcmk -Q; ipcmk -Q")
    fix = told[-1].partition("try: ")[2]
    assert fix == "!ipcrm -q 0 -q 1"
    told, printed = learn(
        tmp_path, "!ipcmk -Q; ipcmk -Q", fix, "!ipcs -q | grep -c 0x", "lesson quit"
    )
    assert len(told) == 2
    assert printed.endswith("\n0\n")


def test_what_is_left_is_told_once_more_at_the_end(tmp_path: Path) -> None:
    script = tmp_path / "made.nsh"
    script.write_text("!ipcmk -Q\nrun true\n")
    told, _ = learn(
        tmp_path, f"source {shlex.quote(str(script))}", "run true", "lesson quit", "run true"
    )
    assert (
        told
        == [
            "a queue made on the host stays there until removed",
            "try: !ipcrm -q 0",
        ]
        * 2
    )


def test_queues_elsewhere_and_in_other_lessons_are_not_told(tmp_path: Path) -> None:
    told, printed = learn(
        tmp_path, "flags +ipc", "run ipcmk -Q", "enter box ipcmk -Q", "lesson quit"
    )
    assert told == []
    assert printed.count("Message queue id") == 2
    assert learn(tmp_path, "!ipcmk -Q", lesson="uts")[0] == []
