"""Lesson: a Markdown file with goals, as data, and the check of a goal.

    ---
    title: What the lesson is about
    ---
    Introduction.

    ## A step
    The task. Then fences, in this order:

    nsh setup      lines that are run when the step begins (may be missing)
    nsh goal       a session, run on top of the learner's state; it passes when the goal is reached
    hint           one for each stage, at least one
    nsh solution   lines that reach the goal

    What follows the solution is the explanation; an ``nsh`` fence in it is an example, true after
    the solution. Fences of other kinds belong to the prose.

A goal looks at what the kernel shows in children of the learner's own state, and never at what was
typed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from nsh.core import PROMPT
from nsh.files import logical_lines
from nsh.shell import Shell
from nsh.transcript.align import align, matches
from nsh.transcript.encode import lines_of
from nsh.transcript.environment import first_unmet
from nsh.transcript.match import Bindings, Facts, Matcher
from nsh.transcript.parse import Command, Fence, FormatError, check_names, parse, session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.core import Core
    from nsh.state import State

PLACE = Path(__file__).with_name("lessons")
COURSE = ("skeleton", "net", "mnt", "uts", "ipc", "pid", "user")
"""The lessons that come with nsh, in the order in which they are meant."""

SUFFIX = ".nsh.md"
WIDTH = 78


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
    """A whole lesson. ``requires`` are requirements as in a transcript."""

    name: str
    path: str
    title: str
    introduction: str
    steps: list[Step]
    requires: list[tuple[int, str]]


def read(path: str | Path) -> Lesson:
    """The lesson in a file. Raises OSError, and FormatError where it is none."""
    path = Path(path)
    try:
        found = parse(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise FormatError(str(path), 1, "this is not UTF-8") from None
    lines = [line.rstrip("\r\n") for line in found.lines]
    fences = {fence.line - 1: fence for fence in found.fences}
    lesson = Lesson(path.name.removesuffix(SUFFIX), str(path), found.title, "", [], found.requires)
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
        step.task = _text(prose)
        prose.clear()
    match words:
        case ["nsh", "setup"]:
            step.setup = _typed(fence)
        case ["nsh", "goal"]:
            step.goal = session(fence.body, fence.line, lesson.path, fence.indent)
            check_names(step.goal, lesson.path)
        case ["hint"]:
            step.hints.append(_text(list(fence.body)))
        case ["nsh", "solution"]:
            step.solution = _typed(fence)
        case ["nsh"]:
            if not step.solution:
                raise FormatError(
                    lesson.path, fence.line - 1, "an example stands after the solution"
                )
            step.examples.append(session(fence.body, fence.line, lesson.path, fence.indent))
            return ["    " + line for line in fence.body]
        case ["nsh", other, *_]:
            raise FormatError(
                lesson.path, fence.line - 1, f"nsh {other} is none of nsh setup, goal, solution"
            )
        case _:
            return ["    " + line for line in fence.body]
    return []


def _typed(fence: Fence) -> tuple[str, ...]:
    return tuple([line.removeprefix(PROMPT) for line in fence.body if line.strip()])


def _close(lesson: Lesson, prose: list[str]) -> None:
    if not lesson.steps:
        lesson.introduction = _text(prose)
    elif lesson.steps[-1].solution:
        lesson.steps[-1].explanation = _text(prose)
    prose.clear()


def _text(lines: list[str]) -> str:
    """Lines of Markdown as a terminal shows them: paragraphs filled, what is indented as it stands."""
    import textwrap
    from itertools import groupby

    blocks = []
    for kind, group in groupby(lines, _kind):
        if kind == "prose":
            text = " ".join([line.strip() for line in group])
            blocks.append(
                textwrap.fill(text, WIDTH, break_on_hyphens=False, break_long_words=False)
            )
        elif kind == "indented":
            blocks.append("\n".join([line.rstrip() for line in group]))
    return "\n\n".join(blocks)


def _kind(line: str) -> str:
    if not line.strip():
        return "empty"
    return "indented" if line.startswith("    ") else "prose"


def path_of(name: str) -> Path | None:
    """The file of a lesson: one of the course by its name, any other by its path."""
    if name in COURSE:
        return PLACE / (name + SUFFIX)
    path = Path(name)
    return path if name.endswith(".md") or path.is_file() else None


# Checking.


class Probe(Shell):
    """A shell whose runs and words go into a file in memory: for goals, setups and solutions."""

    def __init__(self, state: State, args: list[str]) -> None:
        super().__init__(args=args)
        self.state = state
        # Goals name what programs print, so those speak the language that the author saw.
        self.host.environ["LC_ALL"] = "C"
        self.output = os.memfd_create("probe")
        self.null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.streams = (self.null, self.output, self.output)

    def message(self, text: str) -> None:
        """Into the file, in its turn among what the commands write."""
        os.write(self.output, text.encode("utf-8", "surrogateescape") + b"\n")

    def error(self, *texts: str) -> None:
        """Likewise."""
        for text in texts:
            self.message(f"nsh: {text}")

    def flush(self) -> None:
        """Nothing is held back."""

    def answer(self, text: str) -> tuple[bytes, int]:
        """Run what was typed, as lines: what it printed, and the last status."""
        os.ftruncate(self.output, 0)
        os.lseek(self.output, 0, os.SEEK_SET)
        for _, line, _ in logical_lines(text.split("\n")):
            self.run_line(line)
        size = os.lseek(self.output, 0, os.SEEK_END)
        return os.pread(self.output, size, 0), self.status

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self.output)
        os.close(self.null)


class Miss:
    """Why a goal is not reached: the command that showed it, what was expected, what was seen."""

    __slots__ = ("command", "expected", "line", "seen")

    def __init__(self, command: Command, expected: str, seen: str) -> None:
        self.command = command.text
        self.line = command.line
        self.expected = expected
        self.seen = seen

    def __str__(self) -> str:
        return f"{self.command}: expected {self.expected}, saw {self.seen}"


def judge(commands: list[Command], shell: Core) -> Miss | None:
    """Run a session on top of a shell's state, which stays as it is; the first miss, or None."""
    probe = Probe(shell.state, shell.args)
    matcher = Matcher(Facts(tmp=(), host=os.uname().nodename))
    bindings: Bindings = {}
    try:
        for command in commands:
            output, status = probe.answer(command.text)
            lines = lines_of(output)
            steps, bindings = align(command.expects, lines, matcher, bindings)
            if not matches(steps):
                missing = [
                    _wanted(command.expects[s.at].raw, bindings)
                    for s in steps
                    if s.what == "missing"
                ]
                extra = [lines[s.line].text for s in steps if s.what == "extra"]
                return Miss(command, _first(missing, "no more lines"), _first(extra, "nothing"))
            if status != command.status:
                return Miss(command, f"status {command.status}", f"status {status}")
    finally:
        probe.close()
    return None


def _first(lines: list[str], nothing: str) -> str:
    if not lines:
        return nothing
    more = len(lines) - 1
    text = f"`{lines[0]}`"
    return text + (f" and {more} more line{'s' if more > 1 else ''}" if more else "")


def _wanted(raw: str, bindings: Bindings) -> str:
    """An expected line for the learner: without its mark, its captures as the values they stand for.

    ``uts:[{inode:child!=host}] (glob)`` becomes ``uts:[not 4026531838]``.
    """
    import re

    pattern, mark, _ = raw.partition(" (glob)")
    if not mark:
        return raw

    def value(found: re.Match[str]) -> str:
        name, differs, other = found[2], found[3], found[4]
        if name in bindings:
            return str(bindings[name])
        return f"not {bindings[other]}" if differs and other in bindings else f"any {found[1]}"

    return re.sub(r"\{(\w+)(?::(\w+))?(!=)?(\w+)?\}", value, pattern).replace(" *", " ").strip()


def after(lines: tuple[str, ...], shell: Core) -> tuple[State, str]:
    """The state after typing the lines in a copy of the shell, and what that printed."""
    probe = Probe(shell.state, shell.args)
    try:
        output, _ = probe.answer("\n".join(lines))
        return probe.state, output.decode("utf-8", "replace")
    finally:
        probe.close()


def problems(lesson: Lesson) -> list[tuple[int, str]]:
    """What is wrong with a lesson, as (line, why): each goal is tried before and after its solution."""
    found: list[tuple[int, str]] = []
    shell = Shell()
    for step in lesson.steps:
        shell.state, _ = after(step.setup, shell)
        if judge(step.goal, shell) is None:
            found.append((step.goal[0].line, "the goal is reached before anything is typed"))
        shell.state, printed = after(step.solution, shell)
        missed = judge(step.goal, shell)
        if missed is not None:
            found.append((missed.line, f"after the solution: {missed}"))
        if "nsh: " in printed:
            found.append((step.line, "the solution meets an error: " + printed.strip()))
        for example in step.examples:
            missed = judge(example, shell)
            if missed is not None:
                found.append((missed.line, f"the example: {missed}"))
    return found


def check_files(paths: list[str]) -> int:
    """Print what is wrong with lessons, as FILE:LINE: WHY; 0 if nothing is, 1 otherwise."""
    status = 0
    for path in paths:
        try:
            lesson = read(path)
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
            print(f"{path}: all right, {len(lesson.steps)} steps")
    return status


# Progress.

SOLVED, SHOWN, SKIPPED = "solved", "shown", "skipped"


class Progress:
    """How far the learner has come: a plain file with lines ``LESSON STEP HOW``.

    ``done`` maps (lesson, number of the step from 1 on) to solved, shown or skipped.
    """

    def __init__(self, environ: dict[str, str]) -> None:
        home = environ.get("XDG_STATE_HOME", "")
        if not home.startswith("/"):  # the specification says: a relative one is to be ignored
            home = os.path.join(environ.get("HOME", ""), ".local/state")
        self.path = os.path.join(home, "nsh", "progress")
        self.done: dict[tuple[str, int], str] = {}
        self.load()

    def load(self) -> None:
        """Read the file; lines that are not understood count for nothing."""
        try:
            with open(self.path, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            return
        for line in text.splitlines():
            words = line.split()
            if len(words) == 3 and words[1].isdigit() and words[2] in (SOLVED, SHOWN, SKIPPED):
                self.done[words[0], int(words[1])] = words[2]

    def save(self) -> None:
        """Write the file, whole or not at all. Raises OSError."""
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        temporary = f"{self.path}.{os.getpid()}~"
        with open(temporary, "w", encoding="utf-8") as file:
            for (name, step), how in sorted(self.done.items()):
                file.write(f"{name} {step} {how}\n")
        os.replace(temporary, self.path)

    def count(self, name: str, how: str) -> int:
        """How many steps of a lesson were solved, shown or skipped."""
        return sum(lesson == name and done == how for (lesson, _), done in self.done.items())
