"""Check: whether a lesson is all right: each goal is tried before and after its solution."""

from __future__ import annotations

from nsh.course import lesson as lessons
from nsh.course.careless import changed
from nsh.course.goal import missed
from nsh.course.trial import done
from nsh.host import Host
from nsh.transcript.environment import first_unmet
from nsh.transcript.parse import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nsh.course.lesson import Lesson
    from nsh.course.trial import Started


def problems(lesson: Lesson) -> list[tuple[int, str]]:
    """What is wrong with a lesson, as (line, why): each goal is tried before and after its solution."""
    started: Started = {}
    try:
        return list(_problems(lesson, started))
    finally:
        for child in started.values():
            child.stop(0)
            child.close()


def _problems(lesson: Lesson, started: Started) -> Iterator[tuple[int, str]]:
    state = lessons.start(lesson, Host())
    for step in lesson.steps:
        for lines, what in ((step.setup, "setup"), (step.solution, "solution")):
            ran = done(lines, state, [], started, lesson.timeout, runs=True)
            state = ran.state
            if not ran.ended:
                yield step.line, f"the {what} does not end within {lesson.timeout:g} s"
            elif ran.errors:
                yield step.line, f"the {what} meets an error: {ran.errors}"
            if what == "setup" and missed(step.goal, state, [], lesson.timeout, started) is None:
                yield step.goal[0].line, "the goal is reached before anything is typed"
        for commands, what in (
            (step.goal, "after the solution"),
            *[(e, "the example") for e in step.examples],
        ):
            miss = missed(commands, state, [], lesson.timeout, started)
            if miss is not None:
                yield miss.line, f"{what}: {miss}"
        for what in changed(step.goal, state, lesson.timeout, Host()):
            yield (
                step.goal[0].line,
                f"without the learner's namespaces the goal changes the host: {what}",
            )


def check_files(paths: list[str]) -> int:
    """Print what is wrong with lessons, as FILE:LINE: WHY; 0 if nothing is, 1 otherwise."""
    status = 0
    for path in paths:
        try:
            lesson = lessons.read(path)
        except FormatError as error:
            print(error)
            status = 1
            continue
        except OSError as error:
            print(f"{path}: {error.strerror}")
            status = 1
            continue
        unmet = first_unmet(lesson.requires)
        found = [unmet] if unmet else problems(lesson)
        for line, why in found:
            print(f"{path}:{line}: {why}")
            status = 1
        if not found:
            steps = len(lesson.steps)
            print(f"{path}: all right, {steps} step{'s' if steps > 1 else ''}")
    return status
