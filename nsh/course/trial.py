"""Trial: lines typed for a lesson, here or in a process of their own that may not take for ever.

For goals, setups and solutions. What hangs is killed with all that it started, and nsh goes on.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import sys
import time

from nsh.commands.back import BackCommands
from nsh.commands.children import ChildCommands
from nsh.commands.looking import LookCommands
from nsh.files import logical_lines
from nsh.linux.constants import PR_SET_PDEATHSIG
from nsh.linux.syscalls import prctl
from nsh.parts.table import StateCommands
from nsh.teach.commands import TeachCommands
from nsh.teach.compare import DiffCommands
from nsh.transcript.parse import DEFAULT_TIMEOUT
from nsh.value import Value
from nsh.words import RAW, WordError, command_word
from nsh.words import commands as word_commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from nsh.run.living import Living
    from nsh.state import State

    Started = dict[str, Living]
    """The children that stay, by name, in the order of their start."""

ACTS = frozenset(("start", "stop", "signal", "wait", "enter", "pin", "unpin"))
"""The commands that do something to a child that stays."""

_PATIENCE = 1.0
"""The seconds after which it is said that something takes its time."""

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
        answer = limited(lambda: [super(Doing, self).onecmd(line), self.status], self.seconds)
        if answer is None:
            self.late = True
            return True
        ended, self.status = answer
        return bool(ended)

    def _check_name(self, name: str, argv: list[str]) -> None:
        child = self.started.get(name)
        if child is not None and child.lives:
            child.stop(0)
        super()._check_name(name, argv)


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


def limited(
    work: Callable[[], list[Any]],
    seconds: float,
    waiting: Callable[[bool], None] | None = None,
) -> list[Any] | None:
    """What a function gives in a forked process, None if it takes too long or does not end well.

    That process leads a group of its own, so that all it has started can be killed with it, and
    Ctrl-C comes to nsh alone. If it takes more than a second, ``waiting`` is called with True then,
    and with False at the end. Raises KeyboardInterrupt.
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
    told = False
    begun = time.monotonic()
    try:
        while True:
            pause = seconds if told or not waiting else min(seconds, _PATIENCE)
            left = max(0.0, begun + pause - time.monotonic())
            if select.select([reading], [], [], left)[0]:
                part = os.read(reading, 65536)
                if not part:
                    result: list[Any] | None = json.loads(answer) if answer else None
                    return result
                answer += part
            elif pause == seconds or not waiting:
                return None
            else:
                told = True
                waiting(True)
    finally:
        os.close(reading)
        for kill, target in ((os.killpg, pid), (os.kill, pid)):
            try:
                kill(target, signal.SIGKILL)
            except ProcessLookupError:
                pass  # no group yet, or it has ended
        os.waitpid(pid, 0)
        if told and waiting:
            waiting(False)


def checking(on: bool) -> None:
    """Say on standard error that a check takes its time; with False, take that off the line."""
    text = "checking ..."
    try:
        sys.stderr.write(text if on else f"\r{' ' * (len(text) + len('^C'))}\r")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass  # nobody is there to wait
