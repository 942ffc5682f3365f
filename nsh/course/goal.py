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
from nsh.commands.children import ChildCommands
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
from nsh.words import RAW, WordError, command_word
from nsh.words import commands as word_commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from nsh.course.lesson import Lesson
    from nsh.run.living import Living
    from nsh.state import State

    Started = dict[str, Living]
    """The children that stay, by name, in the order of their start."""

_LONGEST = 300
"""How much of a line that was seen is shown."""

ACTS = frozenset(("start", "stop", "signal", "wait", "enter", "pin", "unpin"))
"""The commands that do something to a child that stays."""

_RUNS = frozenset(("run", "sh", "host", "diff"))
_WAITS = frozenset(("enter", "wait"))
"""What may take for ever, though it is about a child that stays."""


class Trial(StateCommands, LookCommands, ChildCommands, DiffCommands, TeachCommands, BackCommands):
    """A shell without course and recording, whose words and runs go into a file in memory.

    For goals. ``started`` are the children that stay; those of another process are looked at only.
    """

    def __init__(self, state: State, args: list[str], started: Started) -> None:
        super().__init__(args=args)
        self.state = state
        self.started = started
        # Goals name what programs print, so those speak the language that the author saw.
        self.host.environ["LC_ALL"] = "C"
        self.output = os.memfd_create("trial")
        self.null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self.streams = (self.null, self.output, self.output)
        self.said = self._keep
        self.tell_host()

    def _keep(self, text: str) -> None:
        """Put what is said into the file, in its turn among what the commands write."""
        os.write(self.output, text.encode("utf-8", "surrogateescape"))

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


class Doing(Trial):
    """A trial in the learner's own process, for setups and solutions: its children stay.

    What may take for ever is done in a process of its own. A child takes the place of one of its
    name.

    runs     whether run, sh, host and diff are done, which leave nothing behind in the state
    seconds  how long what may take for ever may take
    late     whether something took longer
    """

    def __init__(
        self, state: State, args: list[str], started: Started, seconds: float, runs: bool
    ) -> None:
        super().__init__(state, args, started)
        self.runs = runs
        self.seconds = seconds
        self.late = False

    def onecmd(self, line: str) -> bool:
        """Run one command of the line, as far as this trial does."""
        name = self.parseline(line)[0]
        if name in _RUNS and not self.runs:
            return False
        if name not in _RUNS | _WAITS:
            return super().onecmd(line)
        answer = _limited(lambda: [super(Doing, self).onecmd(line), self.status], self.seconds)
        if answer is None:
            self.late = True
            return True
        ended, self.status = answer
        return bool(ended)

    def _check_name(self, name: str, argv: list[str]) -> None:
        child = self.started.get(name)
        if child is not None and child.lives:
            child.end()
            child.wait()
        super()._check_name(name, argv)


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
    commands: list[Command],
    state: State,
    args: list[str],
    seconds: float = DEFAULT_TIMEOUT,
    started: Started | None = None,
) -> Miss | None:
    """Run a session on top of a state; the first miss, or None. Raises KeyboardInterrupt.

    ``started`` are the children that stay. The session can enter them and send them signals; it
    takes nothing out of the table, and what it starts itself ends with it.
    """
    found = _limited(lambda: _first_miss(commands, state, args, dict(started or {})), seconds)
    if found is None:
        return Miss(commands[0].text, commands[0].line, "an answer", f"none in {seconds:g} s")
    return Miss(*found) if found else None


def _first_miss(
    commands: list[Command], state: State, args: list[str], started: Started
) -> list[Any]:
    """The fields of the first miss, or nothing."""
    trial = Trial(state, args, started)
    try:
        return _compared(commands, trial)
    finally:
        trial.end_children()


def _compared(commands: list[Command], trial: Trial) -> list[Any]:
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
            if missing and not extra:
                extra = _likest(missing[0], [line.text for line in lines])
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


def _likest(wanted: str, lines: list[str]) -> list[str]:
    """The line that begins most as the wanted one does, where all lines may stand there.

    >>> _likest("box - ended", ["name here", "box 4711"]), _likest("box", ["web 1"])
    (['box 4711'], [])
    """
    alike = [len(os.path.commonprefix([wanted, line])) for line in lines]
    return [lines[alike.index(max(alike))]] if any(alike) else []


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


class Done(Value):
    """What came of typing lines: the state, what was printed, and whether all came to an end."""

    state: State
    printed: str
    ended: bool

    @property
    def errors(self) -> str:
        """What was printed, if an error is in it; else ""."""
        return self.printed.strip() if re.search("^nsh: ", self.printed, re.MULTILINE) else ""


def done(
    lines: Iterable[str],
    state: State,
    args: list[str],
    started: Started,
    seconds: float = DEFAULT_TIMEOUT,
    runs: bool = False,
) -> Done:
    """Type lines on top of a state, here: what they start comes into ``started``.

    Without ``runs`` the lines that only run something are left out. Raises KeyboardInterrupt.
    """
    trial = Doing(state, args, started, seconds, runs)
    try:
        printed = trial.answer(lines)[0].decode("utf-8", "replace")
        return Done(trial.state, printed, not trial.late)
    finally:
        trial.close()


def acts(lines: Iterable[str]) -> bool:
    """Whether some of the lines do something to children that stay, and not only to the state.

    >>> acts(["flags +uts", "start web"]), acts(["flags +uts", "run stop"])
    (True, False)
    """
    try:
        commands = [part for line in lines for part in word_commands(line, RAW)]
        return any(command_word(command)[0] in ACTS for command in commands)
    except WordError:
        return False


def problems(lesson: Lesson) -> list[tuple[int, str]]:
    """What is wrong with a lesson, as (line, why): each goal is tried before and after its solution."""
    started: Started = {}
    try:
        return list(_problems(lesson, started))
    finally:
        for child in started.values():
            child.end()
            child.wait()
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
