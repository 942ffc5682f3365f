"""What lessons are made of: steps, hints, solutions, progress, checks."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from nsh.course import check, lesson
from nsh.shell import Shell
from nsh.transcript.parse import FormatError
from tests.conftest import nsh
from tests.course.learner import LESSON, Learner


def test_the_list_shows_how_far_one_is(learn: Learner) -> None:
    learn("env ROLE=child", "run true", "skip", path="skeleton")
    lines = learn("lesson quit", "lesson", path="uts").stdout.splitlines()
    [row] = [line for line in lines if line.startswith("  skeleton")]
    assert row.endswith("1 of 3 steps, 1 skipped")
    listed = lines[-len(lesson.COURSE) - 1 :]
    assert [line.split()[0] for line in listed[:-1]] == list(lesson.COURSE)
    assert max(map(len, listed)) <= 80


def test_a_wrong_try_says_which_probe_failed_and_what_it_saw(learn: Learner) -> None:
    result = learn("env WORD=hallo", "run true")
    assert "not yet: run printenv WORD: expected `hello`, saw `hallo`" in result.stdout
    assert "Reached" not in result.stdout


def test_the_goal_is_judged_by_the_state_and_not_by_the_words(learn: Learner) -> None:
    assert "Reached" not in learn("run echo hello", "sh WORD=hello printenv WORD").stdout
    assert "Reached: First" in learn("env WORD=hello", "diff true").stdout


def test_hints_come_in_stages_and_a_shown_solution_counts_as_shown(learn: Learner) -> None:
    result = learn("hint", "hint", "hint", "solution", "env WORD=hello", "run true")
    assert "Hint 1 of 2:\nOne." in result.stdout
    assert result.stdout.count("Hint 2 of 2:\nTwo.") == 2
    assert "    env WORD=hello\n" in result.stdout
    assert learn.progress.read_text() == "small 1 shown\n"


def test_success_is_followed_by_the_explanation_and_the_next_step(learn: Learner) -> None:
    text = learn("env WORD=hello", "run true").stdout
    places = [text.index(word) for word in ("Welcome", "Say hello", "Because", "Say good bye")]
    assert places == sorted(places)


def test_a_lesson_goes_on_where_it_was_left(learn: Learner) -> None:
    learn("env WORD=hello", "run true")
    result = learn("show")
    assert "Step 2 of 2: Second" in result.stdout
    assert "Welcome" not in result.stdout
    assert result.stdout.endswith("cd /\nenv WORD=hello\n")


def test_skip_leaves_the_state_that_the_step_would_have_left(learn: Learner) -> None:
    assert learn("skip", "show").stdout.endswith("cd /\nenv WORD=hello\n")
    assert learn.progress.read_text() == "small 1 skipped\n"


def test_a_solved_step_stays_solved(learn: Learner) -> None:
    learn("env WORD=hello", "run true", "env WORD=bye", "run true")
    learn("skip")
    assert learn.progress.read_text() == "small 1 solved\nsmall 2 solved\n"


def test_reset_and_quit(learn: Learner) -> None:
    learn("skip")
    assert "Step 1 of 2" in learn("lesson reset").stdout
    assert learn.progress.read_text() == ""
    result = learn("lesson quit", "env WORD=hello", "run true", "goal")
    assert "Reached" not in result.stdout
    assert result.returncode == 1


def test_progress_that_cannot_be_kept_is_said_once_and_stops_nothing(
    learn: Learner, tmp_path: Path
) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    result = learn("env WORD=hello", "run true", "env WORD=bye", "run true")
    assert "That was the lesson small." in result.stdout
    assert result.stdout.count("the progress is not kept") == 1


def test_the_goal_is_there_for_a_toolbar(small: Path, tmp_path: Path) -> None:
    shell = Shell()
    shell.host.environ["XDG_STATE_HOME"] = str(tmp_path)
    shell.run_line(f"lesson {small}")
    assert shell.lesson_goal == "small 1/2: First"
    assert shell.proposed == []
    shell.run_line("solution")
    assert shell.proposed == ["env WORD=hello", "run true"]
    shell.run_line("show")
    assert shell.proposed == []
    shell.run_line("lesson quit")
    assert shell.lesson_goal == ""


def test_an_unknown_lesson_proposes_a_close_one(learn: Learner) -> None:
    result = learn("run true", path="skelton")
    assert result.returncode == 2  # so the line is not offered again
    assert "try: lesson skeleton" in result.stdout


def test_the_checks_leave_no_descriptor(small: Path) -> None:
    found = lesson.read(small)
    before = os.listdir("/proc/self/fd")
    check.problems(found)
    assert len(os.listdir("/proc/self/fd")) == len(before)


# nsh --check


def test_check_says_that_a_lesson_is_all_right(small: Path) -> None:
    result = nsh("--check", str(small))
    assert (result.stdout, result.returncode) == (f"{small}: all right, 2 steps\n", 0)
    small.write_text(LESSON[: LESSON.rindex("## ")])
    assert nsh("--check", str(small)).stdout == f"{small}: all right, 1 step\n"


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("title: small\n", "", 1, "a lesson has a title"),
        ("env WORD=hello\n", "env WORD=hallo\n", 10, "expected `hello`, saw `hallo`"),
        ("run printenv WORD\nhello", "run echo hello\nhello", 10, "before anything is typed"),
        ("```hint\nOnly one.\n```\n", "", 29, "no hints"),
        ("Because.\n", "", 6, "no explanation"),
        ("nsh goal\nnsh> run pwd", "nsh gaol\nnsh> run pwd", 36, "none of nsh setup"),
        ("That was all.", "```nsh\nnsh> run echo a\nb\n```\nEnd.", 53, "the example"),
        ("env WORD=bye\nrun true", "env WORD=bye\nflag", 29, "the solution meets an error"),
    ],
)
def test_check_says_where_a_lesson_is_wrong(
    small: Path, old: str, new: str, line: int, why: str
) -> None:
    assert old in LESSON
    small.write_text(LESSON.replace(old, new))
    result = nsh("--check", str(small))
    assert result.returncode == 1
    assert f"{small}:{line}: " in result.stdout
    assert why in result.stdout


def test_check_of_what_is_not_there() -> None:
    assert nsh("--check").returncode == 2
    assert nsh("--check", "/no/such.nsh.md").returncode == 1
    assert nsh("--lesson").returncode == 2


def test_a_file_that_is_no_lesson_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "x.nsh.md"
    path.write_bytes(b"\xff")
    with pytest.raises(FormatError):
        lesson.read(path)
    path.write_text("---\ntitle: x\n---\n```hint\n```\n")
    with pytest.raises(FormatError):
        lesson.read(path)


def test_ten_seconds_are_what_a_goal_has(small: Path) -> None:
    assert lesson.read(small).timeout == 10


# skip and solution from a state that stands in the way.

BROKEN = "cd /no/such/directory"


def test_skip_shows_the_explanation(learn: Learner) -> None:
    text = learn("skip").stdout
    places = [text.index(w) for w in ("Say hello", "Skipped: First", "Because", "Say good bye")]
    assert places == sorted(places)


def test_skip_goes_on_from_where_the_step_began_if_the_state_is_spoilt(learn: Learner) -> None:
    result = learn("env OTHER=kept", "skip", "show", "lesson quit")
    assert "env OTHER=kept" in result.stdout
    learn("lesson reset")
    result = learn(BROKEN, "skip", "show", "env WORD=bye", "run true")
    assert BROKEN not in result.stdout
    assert "Reached: Second" in result.stdout


def test_a_solution_works_whatever_was_typed_before(learn: Learner) -> None:
    result = learn(BROKEN, "solution", "show", "undo", "show", "redo", "env WORD=hello", "run true")
    assert "put back to where the step began" in result.stdout
    assert result.stdout.count(f"{BROKEN}\n") == 1
    assert "Reached: First" in result.stdout
    assert "put back" not in learn("lesson reset", "solution").stdout


# The progress file, and what comes next.


def test_progress_that_is_no_progress_is_passed_over(learn: Learner) -> None:
    learn.progress.parent.mkdir(parents=True)
    learn.progress.write_bytes(
        b"\xff\0\nsmall 1\nsmall x solved\nsmall 1 won\nsmall \xc2\xb2 solved\n"
        b"small " + b"9" * 5000 + b" solved\nsmall 7 solved\nsmall 1 solved\n"
    )
    assert "Step 2 of 2: Second" in learn("show").stdout
    learn.progress.write_text("skeleton 1 solved\nskeleton 99 solved\n")
    assert re.search(r"skeleton .* 1 of 3 steps\n", learn("lesson").stdout)


def test_progress_in_two_shells_is_kept_from_both(small: Path, tmp_path: Path) -> None:
    shells = [Shell(), Shell()]
    other = tmp_path / "an other.nsh.md"
    other.write_text(LESSON)
    for shell, path in zip(shells, (small, other), strict=True):
        shell.host.environ["XDG_STATE_HOME"] = str(tmp_path)
        shell.run_line(f"lesson '{path}'")
    for shell in shells:
        shell.run_line("skip")
    assert (tmp_path / "nsh/progress").read_text() == "an other 1 skipped\nsmall 1 skipped\n"
    shells[1].run_line(f"lesson '{other}'")
    assert shells[1].lesson_goal == "an other 2/2: Second"


def test_what_comes_next_is_offered(tmp_path: Path) -> None:
    shell = Shell()
    shell.host.environ["XDG_STATE_HOME"] = str(tmp_path)
    shell.run_line("lesson")
    assert shell.following == "lesson skeleton"
    shell.run_line("lesson uts")
    assert shell.following == ""
    for _ in range(3):
        shell.run_line("skip")
    assert shell.following == "lesson ipc"
    shell.run_line("lesson")
    assert shell.following == "lesson skeleton"


def test_a_lesson_with_control_characters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.nsh.md"
    path.write_text(LESSON.replace("Welcome.", "Welcome \x1b]0;x\x07"))
    result = nsh("-c", f"lesson {path}")
    assert f"{path}:4: this has a control character" in result.stderr
    assert "\x1b" not in result.stdout + result.stderr
