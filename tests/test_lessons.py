"""The course and the machinery of lessons."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsh import lesson
from nsh.shell import Shell
from nsh.transcript.environment import first_unmet
from nsh.transcript.parse import FormatError
from tests.conftest import nsh

LESSON = """\
---
title: small
---
Welcome.

## First
Say hello.

```nsh goal
nsh> run printenv WORD
hello
```

```hint
One.
```

```hint
Two.
```

```nsh solution
env WORD=hello
run true
```

Because.

## Second
Say good bye.

```nsh setup
cd /
```

```nsh goal
nsh> run pwd
/
nsh> run printenv WORD
bye
```

```hint
Only one.
```

```nsh solution
env WORD=bye
run true
```

That was all.
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.nsh.md"
    path.write_text(LESSON)
    return path


@pytest.fixture
def learn(small: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Types lines at nsh in the small lesson, with a progress file of its own."""
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}

    def typed(*lines: str, path: str = str(small)):  # type: ignore[no-untyped-def]
        return nsh("--lesson", path, stdin="\n".join(lines) + "\n", env=environ, merged=True)

    typed.progress = tmp_path / "state/nsh/progress"  # type: ignore[attr-defined]
    return typed


@pytest.mark.parametrize("name", lesson.COURSE)
def test_each_goal_fails_at_first_and_is_reached_by_its_solution(name: str) -> None:
    found = lesson.read(lesson.path_of(name) or "")
    unmet = first_unmet(found.requires)
    if unmet:
        pytest.skip(unmet[1])
    assert 2 <= len(found.steps) <= 5
    assert lesson.problems(found) == []
    if name != "skeleton":
        assert any("Wait, what?" in step.title for step in found.steps)
    for step in found.steps:
        assert len(step.hints) >= 2
        assert step.explanation
        for text in (found.introduction, step.task, step.explanation, *step.hints):
            assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", lesson.COURSE)
def test_the_whole_lesson_by_typing_the_solutions(name: str, tmp_path: Path) -> None:
    found = lesson.read(lesson.path_of(name) or "")
    unmet = first_unmet(found.requires)
    if unmet:
        pytest.skip(unmet[1])
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    lines = [line for step in found.steps for line in step.solution]
    result = nsh("--lesson", name, stdin="\n".join(lines) + "\n", env=environ)
    for step in found.steps:
        assert result.stdout.count(f"Reached: {step.title}\n") == 1
    assert f"That was the lesson {name}." in result.stdout
    progress = (tmp_path / "nsh/progress").read_text()
    assert progress == "".join(
        f"{name} {number} solved\n" for number in range(1, len(found.steps) + 1)
    )


def test_the_list_shows_how_far_one_is(learn) -> None:  # type: ignore[no-untyped-def]
    learn("env ROLE=child", "run true", "skip", path="skeleton")
    lines = learn("lesson quit", "lesson", path="uts").stdout.splitlines()
    [row] = [line for line in lines if line.startswith("  skeleton")]
    assert row.endswith("1 of 3 steps, 1 skipped")
    assert [line.split()[0] for line in lines[-8:-1]] == list(lesson.COURSE)
    assert max(map(len, lines[-8:])) <= 80


def test_a_wrong_try_says_which_probe_failed_and_what_it_saw(learn) -> None:  # type: ignore[no-untyped-def]
    result = learn("env WORD=hallo", "run true")
    assert "not yet: run printenv WORD: expected `hello`, saw `hallo`" in result.stdout
    assert "Reached" not in result.stdout


def test_the_goal_is_judged_by_the_state_and_not_by_the_words(learn) -> None:  # type: ignore[no-untyped-def]
    assert "Reached" not in learn("run echo hello", "sh WORD=hello printenv WORD").stdout
    assert "Reached: First" in learn("env WORD=hello", "diff true").stdout


def test_hints_come_in_stages_and_a_shown_solution_counts_as_shown(learn) -> None:  # type: ignore[no-untyped-def]
    result = learn("hint", "hint", "hint", "solution", "env WORD=hello", "run true")
    assert "Hint 1 of 2:\nOne." in result.stdout
    assert result.stdout.count("Hint 2 of 2:\nTwo.") == 2
    assert "    env WORD=hello\n" in result.stdout
    assert learn.progress.read_text() == "small 1 shown\n"


def test_success_is_followed_by_the_explanation_and_the_next_step(learn) -> None:  # type: ignore[no-untyped-def]
    text = learn("env WORD=hello", "run true").stdout
    places = [text.index(word) for word in ("Welcome", "Say hello", "Because", "Say good bye")]
    assert places == sorted(places)


def test_a_lesson_goes_on_where_it_was_left(learn) -> None:  # type: ignore[no-untyped-def]
    learn("env WORD=hello", "run true")
    result = learn("show")
    assert "Step 2 of 2: Second" in result.stdout
    assert "Welcome" not in result.stdout
    assert result.stdout.endswith("cd /\nenv WORD=hello\n")


def test_skip_leaves_the_state_that_the_step_would_have_left(learn) -> None:  # type: ignore[no-untyped-def]
    assert learn("skip", "show").stdout.endswith("cd /\nenv WORD=hello\n")
    assert learn.progress.read_text() == "small 1 skipped\n"


def test_a_solved_step_stays_solved(learn) -> None:  # type: ignore[no-untyped-def]
    learn("env WORD=hello", "run true", "env WORD=bye", "run true")
    learn("skip")
    assert learn.progress.read_text() == "small 1 solved\nsmall 2 solved\n"


def test_reset_and_quit(learn) -> None:  # type: ignore[no-untyped-def]
    learn("skip")
    assert "Step 1 of 2" in learn("lesson reset").stdout
    assert learn.progress.read_text() == ""
    result = learn("lesson quit", "env WORD=hello", "run true", "goal")
    assert "Reached" not in result.stdout
    assert result.returncode == 1


def test_progress_that_cannot_be_kept_is_said_once_and_stops_nothing(learn, tmp_path) -> None:  # type: ignore[no-untyped-def]
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
    shell.run_line("lesson quit")
    assert shell.lesson_goal == ""


def test_an_unknown_lesson_proposes_a_close_one(learn) -> None:  # type: ignore[no-untyped-def]
    result = learn("run true", path="skelton")
    assert result.returncode == 1
    assert "try: lesson skeleton" in result.stdout


def test_the_checks_leave_no_descriptor(small: Path) -> None:
    found = lesson.read(small)
    before = os.listdir("/proc/self/fd")
    lesson.problems(found)
    assert len(os.listdir("/proc/self/fd")) == len(before)


# nsh --check


def test_check_says_that_a_lesson_is_all_right(small: Path) -> None:
    result = nsh("--check", str(small))
    assert (result.stdout, result.returncode) == (f"{small}: all right, 2 steps\n", 0)


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
