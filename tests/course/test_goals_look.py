"""A goal changes nothing on the host, whatever state the learner is in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nsh.course import careless, goal, lesson
from nsh.host import Host
from nsh.state import START
from nsh.transcript.environment import first_unmet
from tests import needs
from tests.conftest import nsh
from tests.runs import ROOT

OWN = ["unshare", "-m", "-n", "-u", "-i", *["-Ur"] * (os.geteuid() != 0)]

pytestmark = [
    needs.program("unshare"),
    pytest.mark.skipif(
        bool(os.geteuid() and first_unmet([(0, "userns")])),
        reason="ordinary users may make no user namespaces here",
    ),
]


def _changes(*paths: Path) -> tuple[list[str], int]:
    """What the goals of these lessons have changed, and how many sessions were run."""
    program = ROOT / "tests/course/hostile.py"
    result = subprocess.run(
        [*OWN, sys.executable, str(program), *map(str, paths)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd="/",
        timeout=280,
        check=True,
    )
    *told, tried = result.stdout.splitlines()
    return told, int(tried)


def test_no_goal_and_no_example_of_the_course_changes_the_host() -> None:
    found = [lesson.read(path) for name in lesson.COURSE if (path := lesson.path_of(name))]
    found = [each for each in found if not first_unmet(each.requires)]
    told, tried = _changes(*[Path(each.path) for each in found])
    assert told == []
    assert tried >= 20 * sum(len(each.steps) for each in found)


CARELESS = """\
---
title: careless
---
## {0}
Task.

```nsh goal
nsh> {0}
...
```

```hint
One.
```

```nsh solution
flags +net
```

Because.
"""


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (
            "sh test -e /mnt/passwd && touch /mnt/x",
            ": flags +mnt; mount bind /etc /mnt: /etc /etc/x",
        ),
        ("sh touch /dev/shm/x", ": : /dev/shm /dev/shm/x"),
        ("sh ip link add v8 type veth peer name v9", ": : interfaces"),
        ("enter box ip link set lo up", ": start box; start web; start pod; start kept: addresses"),
        ("sh ipcmk -Q", ": : objects"),
        ("!hostname elsewhere", ": : names"),
        ("!mount -t tmpfs nsh /mnt", ": : mounts"),
        pytest.param(
            "sh echo 7 > /proc/sys/kernel/msgmni",
            ": : limit",
            marks=needs.root("sets a limit, which older kernels let no other"),
        ),
    ],
)
def test_what_a_careless_goal_changes_is_seen(line: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "careless.nsh.md"
    path.write_text(CARELESS.format(line))
    told, _ = _changes(path)
    assert any(each.startswith(f"careless: {line}{what}") for each in told), told


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("sh touch /dev/shm/x", ["a file /dev/shm/x"]),
        ("sh ip link add v8 type veth peer name v9", ["an interface v8", "an interface v9"]),
        ("sh ipcmk -Q; ipcmk -S 1", ["a System V queue 0", "a System V semaphore 0"]),
        ("!hostname elsewhere", ["the host name elsewhere"]),
        (
            "!mount -t tmpfs nsh /mnt; mount -t tmpfs nsh /home",
            ["a mount on /home", "a mount on /mnt, on top"],
        ),
        ("enter box ip link add v8 type veth peer name v9", []),
    ],
)
def test_the_check_of_a_lesson_finds_out_what_is_careless(
    line: str, what: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "careless.nsh.md"
    path.write_text(CARELESS.format(line))
    [step] = lesson.read(path).steps
    assert sorted(careless.changed(step.goal, START.with_env("A", "1"), 30, Host())) == what


def test_the_check_of_a_lesson_tells_what_is_careless(tmp_path: Path) -> None:
    path = tmp_path / "careless.nsh.md"
    path.write_text(CARELESS.format("sh ipcmk -Q"))
    result = nsh("--check", str(path), before=OWN)
    why = "without the learner's namespaces the goal changes the host: a System V queue 0"
    assert f"{path}:8: {why}\n" in result.stdout
    assert result.returncode == 1


@pytest.mark.parametrize(("name", "at"), [("net", 2), ("mnt", 3)])
def test_a_goal_that_changes_something_looks_first_where_it_is(name: str, at: int) -> None:
    found = lesson.read(lesson.path_of(name) or "")
    if unmet := first_unmet(found.requires):
        pytest.skip(unmet[1])
    missed = goal.missed(found.steps[at].goal, START, [])
    assert missed is not None
    assert missed.command.startswith("run readlink")
