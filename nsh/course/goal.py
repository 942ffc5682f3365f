"""Goal: the check of a lesson's goals, by what the kernel shows in children of the learner's state.

What was typed plays no part. A goal is checked in a process of its own, because it may hang: that
process is then killed with all that it started, and nsh goes on.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import time

from nsh.commands.back import BackCommands
from nsh.commands.looking import LookCommands
from nsh.course import lesson as lessons
from nsh.files import logical_lines
from nsh.host import Host
from nsh.linux.constants import PR_SET_PDEATHSIG
from nsh.linux.syscalls import prctl
from nsh.parts.table import StateCommands
from nsh.teach.commands import TeachCommands
from nsh.teach.compare import DiffCommands
from nsh.transcript.align import alignment, matches
from nsh.transcript.encode import lines_of
from nsh.transcript.environment import first_unmet
from nsh.transcript.glob import Facts
from nsh.transcript.match import Bindings, Matcher
from nsh.transcript.parse import DEFAULT_TIMEOUT, Command, FormatError
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from nsh.course.lesson import Lesson
    from nsh.state import State

_LONGEST = 300
"""How much of a line that was seen is shown."""


class Trial(StateCommands, LookCommands, DiffCommands, TeachCommands, BackCommands):
    """A shell without course and recording, whose words and runs go into a file in memory.

    For goals, setups and solutions. ``runs``: otherwise nothing is run, and only the state changes.
    """

    def __init__(self, state: State, args: list[str], runs: bool = True) -> None:
        super().__init__(args=args)
        self.state = state
        self.runs = runs
        # Goals name what programs print, so those speak the language that the author saw.
        self.host.environ["LC_ALL"] = "C"
        self.output = os.memfd_create("trial")
        self.null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.streams = (self.null, self.output, self.output)
        self.said = self._keep

    def _keep(self, text: str) -> None:
        """Put what is said into the file, in its turn among what the commands write."""
        os.write(self.output, text.encode("utf-8", "surrogateescape"))

    def onecmd(self, line: str) -> bool:
        """Run one command, or where nothing is to run leave it out if it runs something."""
        if not self.runs and self.parseline(line)[0] in ("run", "sh", "host", "diff"):
            return False
        return super().onecmd(line)

    def answer(self, lines: Iterable[str]) -> tuple[bytes, int]:
        """Run what was typed: what it printed, and the last status."""
        os.ftruncate(self.output, 0)
        os.lseek(self.output, 0, os.SEEK_SET)
        for line in logical_lines(lines):
            self.run_line(line.text)
        size = os.lseek(self.output, 0, os.SEEK_END)
        return os.pread(self.output, size, 0), self.status

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self.output)
        os.close(self.null)


class Miss(Value):
    """Why a goal is not reached: the command that showed it, what was expected, what was seen.

    line  the command's line in the file
    """

    command: str
    line: int
    expected: str
    seen: str

    def __str__(self) -> str:
        return f"{self.command}: expected {self.expected}, saw {self.seen}"

    def lines(self, width: int) -> list[str]:
        """The same for a reader: in one line if that is no longer than ``width``, else in three.

        >>> Miss("run id -u", 1, "`0`", "`65534`").lines(60)
        ['run id -u: expected `0`, saw `65534`']
        >>> Miss("run id -u", 1, "`0`", "`65534`").lines(20)
        ['run id -u', '  expected `0`', '  saw      `65534`']
        """
        if len(str(self)) <= width:
            return [str(self)]
        return [self.command, f"  expected {self.expected}", f"  saw      {self.seen}"]


def missed(
    commands: list[Command], state: State, args: list[str], seconds: float = DEFAULT_TIMEOUT
) -> Miss | None:
    """Run a session on top of a state; the first miss, or None. Raises KeyboardInterrupt."""
    found = _limited(lambda: _first_miss(commands, state, args), seconds)
    if found is None:
        return Miss(commands[0].text, commands[0].line, "an answer", f"none in {seconds:g} s")
    return Miss(*found) if found else None


def _first_miss(commands: list[Command], state: State, args: list[str]) -> list[Any]:
    """The fields of the first miss, or nothing."""
    trial = Trial(state, args)
    matcher = Matcher(Facts(tmp=(), host=os.uname().nodename))
    bindings: Bindings = {}
    for command in commands:
        output, status = trial.answer(command.text.split("\n"))
        lines = lines_of(output)
        steps, bindings = alignment(command.expects, lines, matcher, bindings)
        if not matches(steps):
            wanted = [command.expects[s.at].raw for s in steps if s.what == "missing"]
            missing = [_wanted(raw, bindings) for raw in wanted]
            extra = [lines[s.line].text for s in steps if s.what == "extra"]
            seen = _first(extra, "nothing")
            return [command.text, command.line, _first(missing, "no more lines"), seen]
        if status != command.status:
            return [command.text, command.line, f"status {command.status}", f"status {status}"]
    return []


def _limited(work: Callable[[], list[Any]], seconds: float) -> list[Any] | None:
    """What a function gives in a forked process, None if it takes too long or does not end well.

    That process leads a group of its own, so that all it has started can be killed with it, and
    Ctrl-C comes to nsh alone. Raises KeyboardInterrupt.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == parent:
                os.dup2(os.open("/dev/null", os.O_RDONLY), 0)  # no terminal to take
                os.write(writing, json.dumps(work()).encode())
                code = 0
        finally:
            os._exit(code)
    os.close(writing)
    answer = b""
    deadline = time.monotonic() + seconds
    try:
        while select.select([reading], [], [], max(0, deadline - time.monotonic()))[0]:
            part = os.read(reading, 65536)
            if not part:
                result: list[Any] | None = json.loads(answer) if answer else None
                return result
            answer += part
        return None
    finally:
        os.close(reading)
        for kill, target in ((os.killpg, pid), (os.kill, pid)):
            try:
                kill(target, signal.SIGKILL)
            except ProcessLookupError:
                pass  # no group yet, or it has ended
        os.waitpid(pid, 0)


def _first(lines: list[str], nothing: str) -> str:
    if not lines:
        return nothing
    more = len(lines) - 1
    shown = lines[0] if len(lines[0]) <= _LONGEST else lines[0][:_LONGEST] + "..."
    return f"`{shown}`" + (f" and {more} more line{'s' if more > 1 else ''}" if more else "")


def _wanted(raw: str, bindings: Bindings) -> str:
    """An expected line for the learner: without its mark, its holes as the values they stand for.

    ``uts:[{inode:child!=host}] (glob)`` becomes ``uts:[not 4026531838]``.

    >>> _wanted("*refused (glob)", {}), _wanted(" *0 *{int} *1 (glob)", {})
    ('...refused', '0 any int 1')
    """
    pattern, mark, _ = raw.partition(" (glob)")
    if not mark:
        return raw

    def value(found: re.Match[str]) -> str:
        name, differs, other = found[2], found[3], found[4]
        if name in bindings:
            return str(bindings[name])
        return f"not {bindings[other]}" if differs and other in bindings else f"any {found[1]}"

    text = re.sub(r"\{(\w+)(?::(\w+))?(!=)?(\w+)?\}", value, pattern)
    # A star after a blank stands for more blanks, elsewhere for anything.
    return text.replace(" *", " ").strip().replace("*", "...")


def after(lines: Iterable[str], state: State, args: list[str]) -> State:
    """The state after typing the lines, of which none is run."""
    trial = Trial(state, args, runs=False)
    try:
        trial.answer(lines)
        return trial.state
    finally:
        trial.close()


def _printed(lines: Iterable[str], state: State) -> str:
    """What running the lines prints."""
    trial = Trial(state, [])
    try:
        return trial.answer(lines)[0].decode("utf-8", "replace")
    finally:
        trial.close()


def problems(lesson: Lesson) -> list[tuple[int, str]]:
    """What is wrong with a lesson, as (line, why): each goal is tried before and after its solution."""
    found: list[tuple[int, str]] = []
    state = lessons.start(lesson, Host())
    for step in lesson.steps:
        if "nsh: " in (printed := _printed(step.setup, state)):
            found.append((step.line, "the setup meets an error: " + printed.strip()))
        state = after(step.setup, state, [])
        if missed(step.goal, state, [], lesson.timeout) is None:
            found.append((step.goal[0].line, "the goal is reached before anything is typed"))
        ran = _limited(lambda: [_printed(step.solution, state)], lesson.timeout)  # noqa: B023
        if ran is None:
            found.append((step.line, f"the solution does not end within {lesson.timeout:g} s"))
        elif "nsh: " in str(ran[0]):
            found.append((step.line, "the solution meets an error: " + str(ran[0]).strip()))
        state = after(step.solution, state, [])
        for commands, what in (
            (step.goal, "after the solution"),
            *[(e, "the example") for e in step.examples],
        ):
            miss = missed(commands, state, [], lesson.timeout)
            if miss is not None:
                found.append((miss.line, f"{what}: {miss}"))
    return found


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
            print(f"{path}: all right, {len(lesson.steps)} steps")
    return status
