"""The course: every lesson for root and for an ordinary user, and what stands in its text."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from nsh.course import check, goal, lesson, trial
from nsh.shell import Shell
from nsh.transcript.environment import first_unmet
from tests import needs
from tests.conftest import nsh
from tests.unprivileged import unprivileged_command


@pytest.mark.parametrize("name", lesson.COURSE)
def test_each_goal_fails_at_first_and_is_reached_by_its_solution(name: str) -> None:
    found = lesson.read(lesson.path_of(name) or "")
    unmet = first_unmet(found.requires)
    if unmet:
        pytest.skip(unmet[1])
    assert 2 <= len(found.steps) <= 5
    assert check.problems(found) == []
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


# As an ordinary user.


@pytest.fixture
def home(place: Path) -> Path:
    """A directory in which anybody may write: the ordinary user's own."""
    place.chmod(0o777)
    return place


def _as_ordinary_user(home: Path, *args: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*unprivileged_command(), *args],
        input=typed,
        capture_output=True,
        text=True,
        cwd=home,
        env={**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home)},
        timeout=120,
        check=False,
    )


needs_userns = pytest.mark.skipif(
    bool(first_unmet([(0, "userns")])), reason="ordinary users may make no user namespaces here"
)


def _needs(found: lesson.Lesson) -> None:
    if unmet := first_unmet(found.requires):
        pytest.skip(unmet[1])


@needs_userns
@pytest.mark.parametrize("name", lesson.COURSE)
def test_an_ordinary_user_reaches_each_goal_and_no_goal_is_a_present(name: str, home: Path) -> None:
    _needs(lesson.read(lesson.path_of(name) or ""))
    copy = home / f"{name}.nsh.md"
    copy.write_text((lesson.path_of(name) or Path()).read_text())
    result = _as_ordinary_user(home, "--check", copy.name)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert "all right" in result.stdout


@needs_userns
@pytest.mark.parametrize("name", lesson.COURSE)
def test_an_ordinary_user_goes_through_the_lesson_with_wrong_tries(name: str, home: Path) -> None:
    found = lesson.read(lesson.path_of(name) or "")
    _needs(found)
    ids = str(os.geteuid() or 65534)
    lines = []
    for step in found.steps:
        lines += ["run true", "solution"]
        # Where the file names the ids of the learner, they are those of that user.
        lines += [re.sub(r"(map 1000) \d+ 1", rf"\1 {ids} 1", line) for line in step.solution]
    result = _as_ordinary_user(home, "--lesson", name, typed="\n".join(lines) + "\n")
    for step in found.steps:
        assert result.stdout.count(f"Reached: {step.title}\n") == 1
    assert f"That was the lesson {name}." in result.stdout
    told = result.stderr.count("not yet: ") + result.stderr.count("-1 EPERM")
    assert told >= len(found.steps)
    assert ("since you are not root" in result.stdout) == (name != "user")
    if name == "user":
        assert f"    uidmap 1000 {ids} 1\n    gidmap 1000 {ids} 1\n" in result.stdout
    progress = (home / "nsh/progress").read_text().splitlines()
    assert progress == [f"{name} {number} shown" for number, _ in enumerate(found.steps, 1)]


@pytest.mark.parametrize("name", lesson.COURSE)
def test_no_probe_speaks_in_marks(name: str) -> None:
    for step in lesson.read(lesson.path_of(name) or "").steps:
        for command in step.goal:
            for expect in command.expects:
                text = goal._wanted(expect.raw, {})
                assert not set("*{}") & set(text), text
                assert "(glob)" not in text


# What stands in the text.


TO_FILL = re.compile(r"\b(NAME|MSQID|INTERFACE|PID)\b")


def _lines_to_type(text: str) -> list[str]:
    """The lines of a text that are for nsh: indented ones, and those between backquotes.

    Without those that have a word in capitals where something is to be filled in.
    """
    names = {*Shell().command_names()} - {"goal", "hint"}
    named = trial.ACTS | {"log"}  # in a sentence alone, they are only named
    indented = [line.strip() for line in text.splitlines() if line.startswith("    ")]
    quoted = re.findall(r"`([^`]+)`", " ".join(text.split()))
    return [
        line
        for line in [*indented, *quoted]
        if line not in named
        and (line.startswith("!") or (line.split()[0] in names and not TO_FILL.search(line)))
    ]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "user" else needs.NAMESPACES)
        for name in lesson.COURSE
    ],
)
def test_every_line_in_the_text_can_be_typed(name: str, tmp_path: Path) -> None:
    found = lesson.read(lesson.path_of(name) or "")
    _needs(found)
    state: list[str] = []
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    tried = 0
    for step in found.steps:
        state += [*step.setup, *step.solution]
        for text in (step.task, step.explanation, *step.hints):
            for line in _lines_to_type(text):
                # Of the same name there can be one child only.
                begun = {at.split()[1] for at in state if at.startswith("start ")}
                stops = [f"stop {at}" for at in begun if line.startswith(f"start {at} ")]
                result = nsh(stdin="\n".join([*state, *stops, line]), env=environ)
                last = [at for at in result.stderr.splitlines() if at.startswith("nsh: ")]
                assert last == [], (line, last)
                tried += 1
    assert tried >= len(found.steps)
