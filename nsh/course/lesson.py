"""Lesson: a Markdown file with goals, as data, and the check of a goal.

    ---
    title: What the lesson is about
    ---
    Introduction.

    ## A step
    The task. Then fences, in this order:

    nsh setup      commands that are typed when the step begins (may be missing): of the state, and
                   ``start`` and its kin, whose children are lent to the learner until the end
    nsh goal       a session, run on top of the learner's state; it passes when the goal is reached.
                   It can enter the learner's children, and what it starts itself ends with it.
                   It only looks, for the state may lack what would keep a change off the host
    hint           one for each stage, at least one
    nsh solution   lines that reach the goal

    What follows the solution is the explanation; an ``nsh`` fence in it is an example, true after
    the solution, and an ``nsh root`` fence one that is true for root alone. Fences of other kinds
    belong to the prose.

In setups, hints and solutions, ``{uid}`` and ``{gid}`` stand for the ids of the learner. How a goal
is judged is in goal.py.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from nsh.host import Host
from nsh.linux.constants import CAP_SYS_ADMIN
from nsh.show.markdown import filled
from nsh.state import START, State
from nsh.transcript.parse import (
    DEFAULT_TIMEOUT,
    Command,
    Fence,
    FormatError,
    check_names,
    commands_in,
    parse_transcript,
)
from nsh.words import PROMPT, visible

PLACE = Path(__file__).with_name("lessons")
COURSE = ("skeleton", "net", "mnt", "uts", "ipc", "pid", "user", "live")
"""The lessons that come with nsh, in the order in which they are meant."""

SUFFIX = ".nsh.md"

_WITHOUT_USER = "user"
"""The lesson that begins without a user namespace also where only that gives the right to others."""


@dataclass
class Step:
    """One step: what is to be done, how that is judged, and what is said about it.

    line  the number of its heading in the file
    """

    title: str
    line: int
    task: str = ""
    setup: tuple[str, ...] = ()
    goal: list[Command] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    solution: tuple[str, ...] = ()
    explanation: str = ""
    examples: list[list[Command]] = field(default_factory=list)


@dataclass
class Lesson:
    """A whole lesson. ``requires`` are requirements as in a transcript.

    timeout  the seconds that the check of a goal may take; the front matter can give others
    """

    name: str
    path: str
    title: str
    introduction: str
    steps: list[Step]
    requires: list[tuple[int, str]]
    timeout: float = 10.0


def read(path: str | Path) -> Lesson:
    """The lesson in a file. Raises OSError, and FormatError where it is none."""
    path = Path(path)
    try:
        found = parse_transcript(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise FormatError(str(path), 1, "this is not UTF-8") from None
    lines = [line.rstrip("\r\n") for line in found.lines]
    for at, line in enumerate(lines, 1):
        if not line.replace("\t", "").isprintable():
            raise FormatError(str(path), at, f"this has a control character: {visible(line)[:60]}")
    fences = {fence.line - 1: fence for fence in found.fences}
    lesson = Lesson(path.name.removesuffix(SUFFIX), str(path), found.title, "", [], found.requires)
    if found.timeout != DEFAULT_TIMEOUT:
        lesson.timeout = found.timeout
    prose: list[str] = []
    number = found.body
    while number <= len(lines):
        line = lines[number - 1]
        fence = fences.get(number)
        if fence is not None:
            prose += _fence(lesson, fence, prose)
            number = fence.line + len(fence.body) + 1
            continue
        if line.startswith("## "):
            _close(lesson, prose)
            lesson.steps.append(Step(line[3:].strip(), number))
        elif not line.startswith("# "):
            prose.append(line)
        number += 1
    _close(lesson, prose)
    if not lesson.title:
        raise FormatError(str(path), 1, "front matter: a lesson has a title")
    if not lesson.steps:
        raise FormatError(str(path), 1, "a lesson has steps: headings that begin with ##")
    for step in lesson.steps:
        for part in ("task", "goal", "hints", "solution", "explanation"):
            if not getattr(step, part):
                raise FormatError(str(path), step.line, f"the step {step.title!r} has no {part}")
    return lesson


def _fence(lesson: Lesson, fence: Fence, prose: list[str]) -> list[str]:
    """Take one fence into the last step; gives what of it belongs to the prose."""
    words = fence.info.split()
    special = words[:1] == ["hint"] or (words[:1] == ["nsh"] and len(words) > 1)
    if not lesson.steps:
        if special:
            raise FormatError(lesson.path, fence.line - 1, f"{fence.info}: this is before any step")
        return ["    " + line for line in fence.body]
    step = lesson.steps[-1]
    if special and not step.task:
        step.task = filled(prose)
        prose.clear()
    match words:
        case ["nsh", "setup"]:
            step.setup = _typed(fence)
        case ["nsh", "goal"]:
            step.goal = commands_in(fence.body, fence.line, lesson.path, fence.indent)
            check_names(step.goal, lesson.path)
        case ["hint"]:
            step.hints.append(filled([_ids(line) for line in fence.body]))
        case ["nsh", "solution"]:
            step.solution = _typed(fence)
        case ["nsh"] | ["nsh", "root"]:
            if not step.solution:
                raise FormatError(
                    lesson.path, fence.line - 1, "an example stands after the solution"
                )
            example = commands_in(fence.body, fence.line, lesson.path, fence.indent)
            if words == ["nsh"] or os.geteuid() == 0:
                step.examples.append(example)
            return ["    " + line for line in fence.body]
        case ["nsh", other, *_]:
            raise FormatError(
                lesson.path,
                fence.line - 1,
                f"nsh {other} is none of nsh setup, goal, solution, root",
            )
        case _:
            return ["    " + line for line in fence.body]
    return []


def _typed(fence: Fence) -> tuple[str, ...]:
    return tuple([_ids(line.removeprefix(PROMPT)) for line in fence.body if line.strip()])


def _ids(line: str) -> str:
    """A line with the learner's own ids in it."""
    return line.replace("{uid}", str(os.geteuid())).replace("{gid}", str(os.getegid()))


def _close(lesson: Lesson, prose: list[str]) -> None:
    if not lesson.steps:
        lesson.introduction = filled(prose)
    elif lesson.steps[-1].solution:
        lesson.steps[-1].explanation = filled(prose)
    prose.clear()


def path_of(name: str) -> Path | None:
    """The file of a lesson: one of the course by its name, any other by its path."""
    if name in COURSE:
        return PLACE / (name + SUFFIX)
    path = Path(name)
    return path if name.endswith(".md") or path.is_file() else None


def needs_user(lesson: Lesson, host: Host) -> bool:
    """Whether the learner may make no namespace but in a user namespace of their own."""
    return lesson.name != _WITHOUT_USER and not host.can(CAP_SYS_ADMIN)


def start(lesson: Lesson, host: Host) -> State:
    """The state that a lesson begins with."""
    if needs_user(lesson, host):
        return START.replace(flags=("user",), uidmap="root", gidmap="root")
    return START
