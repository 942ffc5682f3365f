"""Lessons whose steps have children that stay: who starts them, who looks into them, who ends them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from nsh.course import trial
from nsh.shell import Shell
from tests import needs
from tests.conftest import nsh
from tests.course.learner import Learner

WITH_CHILDREN = """\
---
title: live
timeout: 5s
---
Welcome.

## First
Look into box.

```nsh setup
env A=one
start box sleep 1000
env -u A
```

```nsh goal
nsh> enter box printenv A
one
nsh> run printenv B
two
```

```hint
One.
```

```nsh solution
env B=two
run true
```

Because.

## Second
End box, and start another.

```nsh goal
nsh> children
...
box *- *- *status 3 *exit 3' (glob)
...
nsh> enter other true
```

```hint
One.
```

```nsh solution
stop box
start box sh -c 'exit 3'
wait box
start other sleep 1000
```

That was all.

```nsh
nsh> log other
nsh> start third sleep 1000
nsh> stop third
nsh> children
name *here *inside *own *command (glob)
box *- *- *status 3 *sh -c 'exit 3' (glob)
other *{pid} *{int} *sleep 1000 (glob)
third *- *- *SIGTERM *sleep 1000 (glob)
```
"""


@pytest.fixture
def learn(living: Path, tmp_path: Path) -> Learner:
    return Learner(living, tmp_path / "state")


@pytest.fixture
def living(tmp_path: Path) -> Path:
    path = tmp_path / "living.nsh.md"
    path.write_text(WITH_CHILDREN)
    return path


def test_a_lesson_with_children_is_checked_for_real(living: Path) -> None:
    result = nsh("--check", str(living))
    assert result.stdout == f"{living}: all right, 2 steps\n"

    def told(*changes: tuple[str, str]) -> str:
        text = WITH_CHILDREN
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        living.write_text(text)
        return nsh("--check", str(living)).stdout

    without = told(("start box sleep 1000", "start box sleeep"))
    assert "the setup meets an error: nsh: execve" in without
    assert "enter box printenv A: expected `one`, saw `nsh: enter: there is no child" in without
    assert "there is no child other" in told(("start other sleep 1000\n", ""))
    hangs = told(("timeout: 5s", "timeout: 1s"), ("stop box\n", "enter box sleep 99\n"))
    assert "the solution does not end within 1 s" in hangs


def test_the_learner_looks_into_a_child_of_the_lesson(living: Path, learn: Learner) -> None:
    result = learn("children", "env B=two", "enter box printenv A", path=str(living))
    assert "Done for you: env A=one; start box sleep 1000; env -u A\n" in result.stdout
    assert re.search(r"^box +\d+ +\d+ +0 s +(none|user) +sleep 1000$", result.stdout, re.MULTILINE)
    assert "Reached: First" in result.stdout


def test_a_check_ends_no_child_and_takes_no_status(living: Path, learn: Learner) -> None:
    lines = ["start mine sh -c 'sleep 0.2; exit 3'", "run true", "run true", "wait mine"]
    result = learn(*lines, "enter box true", "children", "!exit 0", path=str(living))
    assert result.stdout.count("not yet: ") == 5
    assert "ended" not in result.stdout
    rows = result.stdout.splitlines()[-2:]
    assert re.fullmatch(r"box +\d+ +\d+ .* sleep 1000", rows[0])
    assert re.fullmatch(r"mine +- +- +status 3 .*", rows[1])


def test_what_a_goal_starts_itself_ends_with_the_check(living: Path, learn: Learner) -> None:
    probe = f"sleep 1000.{os.getpid()}"
    asks = f"nsh> start probe {probe}\nnsh> enter probe printenv B\ntwo"
    living.write_text(WITH_CHILDREN.replace("nsh> run printenv B\ntwo", asks))
    lines = ["run true", "children", f"!pgrep -xf '{probe}'", "env B=two", "run true"]
    result = learn(*lines, path=str(living))
    assert "not yet: enter probe printenv B: expected `two`, saw nothing" in result.stdout
    assert "Reached: First" in result.stdout
    assert not re.search(r"^probe|^\d+$", result.stdout, re.MULTILINE)


def test_a_child_that_the_step_needs_can_be_had_again(living: Path, learn: Learner) -> None:
    result = learn("stop box", "goal", "env B=two", "run true", path=str(living))
    assert "box has ended, and is started again by: goal" in result.stdout
    assert result.stdout.count("Step 1 of 2") == 2
    assert "Reached: First" in result.stdout
    result = learn(
        "lesson reset", "stop box", "solution", "env B=two", "run true", path=str(living)
    )
    assert "Reached: First" in result.stdout


def test_children_of_a_lesson_end_with_it_and_others_do_not(living: Path, learn: Learner) -> None:
    for line in ("lesson quit", "lesson uts"):
        result = learn("start mine sleep 1000", line, "children", path=str(living))
        last = result.stdout.splitlines()[-1]
        assert re.fullmatch(r"mine +\d+ .* sleep 1000", last), line
        assert "\nbox " not in result.stdout
    result = learn("lesson reset", "children", "goal", path=str(living))
    assert len(re.findall(r"^box +\d+", result.stdout, re.MULTILINE)) == 1


def test_skipped_steps_have_their_children_and_a_lesson_that_goes_on_has_them(
    living: Path, learn: Learner
) -> None:
    result = learn("skip", "children", path=str(living))
    assert re.search(r"^box +\d+ ", result.stdout, re.MULTILINE)
    result = learn("show", "enter box printenv A", "solution", "skip", "children", path=str(living))
    assert "Step 2 of 2" in result.stdout
    assert "env B=two\n" in result.stdout
    assert "\none\n" in result.stdout
    assert "That was the lesson living." in result.stdout
    assert "\nbox " not in result.stdout  # it has ended with the lesson


@needs.NAMESPACES
@pytest.mark.parametrize("last", ["run uname -n", "skip", "lesson quit"])
def test_after_the_lesson_no_join_of_its_children_is_left(learn: Learner, last: str) -> None:
    lines = ["pin kept", "stop kept", "join kept"]
    after = ["children", "run sh -c 'echo works'"]
    result = learn("skip", "skip", "skip", *lines, last, *after, path="live")
    assert "Your join of kept is taken back: it ended with the lesson.\n" in result.stdout
    assert "there is no child kept" not in result.stdout
    assert result.stdout.endswith("\nworks\n")
    assert result.returncode == 0


def test_a_child_of_the_learner_that_has_the_name_gives_way(living: Path, learn: Learner) -> None:
    lines = ["start box sleep 1000", f"lesson '{living}'", "children"]
    result = learn(*lines, path="uts")
    assert "The box that was there has ended: the lesson needs the name." in result.stdout
    assert len(re.findall(r"^box +\d+", result.stdout, re.MULTILINE)) == 1


def test_the_status_that_another_process_sees(tmp_path: Path) -> None:
    shell = Shell()
    for name, line in (("a", "exit 3"), ("b", "kill -9 $$"), ("c", "sleep 1000")):
        shell.run_line(
            f"start {name} sh -c 'until [ -e {tmp_path}/go ]; do sleep 0.02; done; {line}'"
        )
    found = list(shell.started.values())
    try:
        assert trial.limited(lambda: [[each.lives, each.is_own] for each in found], 10) == (
            [[True, False]] * 3
        )
        (tmp_path / "go").write_text("")
        for child in found[:2]:
            os.waitid(os.P_PID, child.keeper, os.WEXITED | os.WNOWAIT)
        ended = [[False, 3], [False, 137], [True, None]]
        assert trial.limited(lambda: [[each.lives, each.status] for each in found], 10) == ended
        assert [[each.lives, each.status] for each in found] == ended
    finally:
        shell.end_children()
        for child in found:
            child.close()


def test_what_acts_are_commands() -> None:
    assert set(Shell().command_names()) >= trial.ACTS | trial._RUNS | trial._WAITS
