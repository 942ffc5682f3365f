"""Where the learner was and how far: the progress file, the greeting, the list of lessons."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from nsh.course import lesson, listing
from nsh.course.progress import SHOWN, SKIPPED, SOLVED, Progress
from nsh.prompt.typed import greeting
from tests.conftest import nsh
from tests.course.at_prompt import REACH, AtPrompt
from tests.course.learner import LESSON


def test_after_a_restart_the_greeting_and_goal_lead_back(at_prompt: AtPrompt, small: Path) -> None:
    assert "works in a lesson only\n" in at_prompt("goal")
    at_prompt("lesson uts", "skip")
    assert at_prompt.progress.read_text() == "uts 1 skipped\nuts 2 here\n"
    shell = at_prompt.start()
    told = greeting(shell, keys=True)
    assert told[-1] == "You were in lesson uts, step 2: lesson uts goes on."
    assert shell.fixes == ("lesson uts",)
    for line in ("goal", "hint", "solution", "skip", "lesson quit", "lesson back"):
        text = at_prompt(line)
        assert "a lesson only; you were in lesson uts, step 2" in text
        assert shell.fixes == ("lesson uts",)
    assert at_prompt("lesson").endswith("You were in step 2. To go on: lesson uts\n")
    assert "Step 2 of 3" in at_prompt("lesson uts")
    assert greeting(shell, keys=True) == []
    at_prompt("lesson back")
    at_prompt.start()
    assert "Step 1 of 3" in at_prompt("lesson uts")
    at_prompt("lesson reset", "lesson quit", "lesson reset")
    assert at_prompt.progress.read_text() == ""
    assert "works in a lesson only\n" in at_prompt("goal")


def test_a_lesson_of_ones_own_is_found_again_by_its_path(
    at_prompt: AtPrompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my own.nsh.md"
    path.write_text(LESSON)
    at_prompt("lesson 'my own.nsh.md'", *REACH)
    at_prompt.start()
    line = f"lesson '{path}'"
    assert f"try: {line}\n" in at_prompt("goal")
    assert "Step 2 of 2" in at_prompt(line)
    path.unlink()
    at_prompt.start()
    assert "try: lesson\n" in at_prompt("goal")


def test_at_the_end_of_a_lesson_there_is_nowhere_to_go_back_to(
    at_prompt: AtPrompt, small: Path
) -> None:
    at_prompt(f"lesson {small}", "skip", "skip")
    assert at_prompt.progress.read_text() == "small 1 skipped\nsmall 2 skipped\n"


def test_a_script_does_not_move_where_one_was(at_prompt: AtPrompt) -> None:
    at_prompt("lesson uts")
    nsh("-c", "lesson net", "-c", "skip", env={**os.environ, **at_prompt.shell.own_environ})
    assert at_prompt.progress.read_text() == "net 1 skipped\nuts 1 here\n"


# The list.


def _all(how: str) -> str:
    names = {name: lesson.read(lesson.path_of(name) or "") for name in lesson.COURSE}
    return "".join(
        f"{name} {step} {how}\n"
        for name, found in names.items()
        for step in range(1, len(found.steps) + 1)
    )


def test_the_last_line_of_the_list_leads_on(at_prompt: AtPrompt) -> None:
    assert at_prompt("lesson").endswith("To start: lesson skeleton\n")
    at_prompt.progress.parent.mkdir(parents=True)
    at_prompt.progress.write_text("skeleton 1 solved\n")
    assert at_prompt("lesson").endswith("To go on: lesson skeleton\n")
    at_prompt.progress.write_text(_all(SOLVED).replace("uts 2 solved", "uts 2 shown"))
    text = at_prompt("lesson")
    assert text.endswith("You have been through all of it. Not solved yet: lesson uts 2\n")
    assert at_prompt.shell.following == "lesson uts 2"
    at_prompt.progress.write_text(_all(SOLVED))
    text = at_prompt("lesson")
    assert text.endswith("\nYou have solved every step; lesson NAME STEP goes through one again.\n")
    assert at_prompt.shell.following == ""


def test_the_list_has_a_sign_for_each_step_and_fits(at_prompt: AtPrompt) -> None:
    at_prompt.progress.parent.mkdir(parents=True)
    for ways in ((SOLVED, SHOWN, SKIPPED), (SKIPPED, SHOWN, SHOWN), (SOLVED, SOLVED, SOLVED)):
        text = _all(SOLVED)
        for number, how in enumerate(ways, 1):
            text = text.replace(f" {number} solved", f" {number} {how}")
        at_prompt.progress.write_text(text)
        rows = at_prompt("lesson").splitlines()
        assert len(rows) == len(lesson.COURSE) + 1
        assert max(map(len, rows)) <= 80
        signs = "".join([listing._SIGNS.get(how, "~") for how in ways])
        assert all(signs in row for row in rows[:-1])


def test_the_list_is_ascii_where_nothing_else_can_be_written(
    at_prompt: AtPrompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_prompt("lesson uts", "skip", "lesson quit")
    at_prompt.shell.said = None
    written = io.BytesIO()
    for encoding in ("ascii", "utf-8"):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
        at_prompt.shell.run_line("lesson")
        sys.stdout.flush()
    rows = [row for row in written.getvalue().decode().splitlines() if " uts " in row]
    assert ["~.." in rows[0], "~··" in rows[1]] == [True, True]


# In a replay.


@pytest.mark.parametrize("mine", ["skeleton 1 solved\nskeleton 2 here\n", None])
def test_a_replay_neither_reads_nor_writes_the_progress(mine: str | None, tmp_path: Path) -> None:
    path = tmp_path / "lesson.nsht"
    path.write_text(
        "nsh> lesson skeleton\n...\nStep 1 of 3: * (glob)\n...\nnsh> skip\n...\nStep 2 of 3: * (glob)\n...\n"
        "nsh> lesson quit\nnsh> lesson\n"
        "*skeleton *0 of 3 steps, 1 skipped (glob)\n...\nnsh> run printenv XDG_STATE_HOME\n[1]\n"
    )
    home = tmp_path / "home"
    progress = [home / ".local/state/nsh/progress", home / "state/nsh/progress"]
    for each in progress:
        each.parent.mkdir(parents=True)
        if mine is not None:
            each.write_text(mine)
    environ = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")}
    result = nsh("--test", str(path), env=environ)
    assert result.returncode == 0, result.stdout
    found = [each.read_text() if each.exists() else None for each in progress]
    assert found == [mine, mine]


def test_what_is_no_regular_file_holds_no_progress(tmp_path: Path) -> None:
    (tmp_path / "nsh").mkdir()
    os.mkfifo(tmp_path / "nsh/progress")
    progress = Progress({"XDG_STATE_HOME": str(tmp_path)})
    assert not progress.done
    assert progress.last is None
