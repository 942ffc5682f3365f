"""Base: how a line becomes a call of a command.

Built on cmd.Cmd: ``onecmd`` dispatches to ``do_NAME``. The commands are methods of classes derived
from BaseShell: those of the state in parts/, the others in commands/, teach/, course/ and
transcript/; shell.py puts them together.
"""

from __future__ import annotations

import cmd
import posixpath
from collections import deque

from nsh import errors, words
from nsh.errors import Failure, Interrupted, LastError, Usage
from nsh.host import Host
from nsh.state import START, State
from nsh.voice.doors import Doors
from nsh.words import PROMPT, RAW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from typing import Any, ClassVar, Protocol

    from nsh.call import Plan
    from nsh.run.living import Living

    class Recording(Protocol):
        """What is told of every typed line while a session is being recorded."""

        path: str
        about_itself: bool

        def begin(self, line: str) -> None:
            """A line is about to run."""

        def end(self, status: int) -> None:
            """It has run, with that status."""

        def interrupted(self) -> None:
            """Ctrl-C has ended a command of the line."""

        def around(self, wanted: Plan) -> AbstractContextManager[Plan]:
            """A run of that plan inside the line; gives the plan to perform."""

        def close(self) -> None:
            """The recording ends."""


UNDO_STEPS = 1000
UNDO_ITEMS = 2_000_000
"""The most mounts and variables in all states that undo keeps: with thousands, fewer steps."""
HISTORY_LINES = 1000


class BaseShell(Doors, cmd.Cmd):
    """What every command uses: the state, the doors to the user, the dispatch of a line.

    Two hooks tell others what happens here: ``run_ended`` and ``acted``.

    state        what the next run will get
    status       the exit status of the last command
    echo         -v: lines are shown behind the prompt, and [STATUS] after a failure
    stop         -e: a script ends at the first failure
    args         the script's arguments: $1 and so on of sh, ! and host lines
    fixes        the lines that the last error told to try
    following    the line that is a good one to type next, "" if there is none
    proposed     the same if it is several, each to be typed after the one before it
    settings     what `set` has set, for the prompt
    last_error   the last error, None after a run that could be started
    hinting      whether hints are given; ``hinted`` are the names of those that were
    lines        the last lines typed, of ``typed`` in all
    sourcing     the files that are being sourced, the innermost last
    in_line      whether a line is running
    pids         the processes that the runs of this line were made of
    recording    what writes the session down, None if nothing does
    run_ended    a hook: the functions that are called with the words of a run, sh or diff when its
                 command has ended by itself; ``status`` is its status
    acted        a hook: the functions that are called when something was done to a child that stays:
                 with the command's name, the child, and the words that came after its name
    """

    prompt = PROMPT
    group: ClassVar[str] = ""
    """Under which heading `help` lists the commands of a class."""
    choices: ClassVar[dict[str, tuple[str, ...]]] = {}
    """The commands of a class whose every word is one of a few, and these words."""

    def __init__(
        self,
        *,
        interactive: bool = False,
        echo: bool = False,
        stop: bool = False,
        trace: bool = False,
        args: Iterable[str] = (),
    ) -> None:
        super().__init__()
        self.interactive = interactive
        self.echo = echo
        self.stop = stop
        self.tracing = trace
        self.args = list(args)
        self.host = Host()
        self.state = START
        self.status = 0
        self.last_status = 0
        self.past: deque[State] = deque(maxlen=UNDO_STEPS)
        self.future: list[State] = []
        self.lines: deque[str] = deque(maxlen=HISTORY_LINES)
        self.typed = 0
        self.sourcing: list[str] = []
        self.fixes: tuple[str, ...] = ()
        self.following = ""
        self.proposed: list[str] = []
        self.settings = {"editing-mode": "emacs"}
        self.command = ""
        self.last_error: LastError | None = None
        self.hinting = interactive
        self.hinted: set[str] = set()
        self.in_line = False
        self.pids: list[int] = []
        self.recording: Recording | None = None
        self.run_ended: list[Callable[[list[str]], None]] = []
        self.acted: list[Callable[[str, Living, list[str]], None]] = []
        self._due = 0  # the status of the line's last command, which is still to be shown
        self._told = False  # whether that of the command was

    def explain_failure(self, why: str, fixes: Iterable[str], *before: str) -> None:
        """An error with its cause and what to type next."""
        self.fixes = tuple(fixes)
        lines = (*before, why, *[f"try: {fix}" for fix in self.fixes])
        self.last_error = LastError(self.command, lines)
        self.error(*[[("call", call)] for call in before], *lines[len(before) :])

    # A line.

    def run_line(self, line: str) -> bool:
        """Run one whole line, its commands one after the other. True if nsh is to end.

        A line with an open quote is not run at all. A typed one is recorded while a recording
        runs. Raises Interrupted in a script.
        """
        if self.in_line:  # of a sourced file, which is part of the command that sources it
            return self._run_commands(line)
        recording = self.recording
        if recording is None or not line.strip(words.BLANKS):
            ended, status = self.run_entry(line)
        else:
            recording.begin(line)
            where, self.where = self.where, ""  # a transcript says it as the prompt does
            ended, status = False, 130  # of a line that Ctrl-C ends
            try:
                ended, status = self.run_entry(line)
            finally:
                self.where = where
                recording.end(status)
        self.show_status(status)
        return ended

    def run_entry(self, line: str) -> tuple[bool, int]:
        """Run one whole line without showing the status of its last command.

        Gives whether nsh is to end, and that status, 0 if it is not to be shown.
        """
        self.in_line = True
        self._due = 0
        self.pids = []
        try:
            return self._run_commands(line), self._due
        finally:
            self.in_line = False
            self._due = 0

    def show_status(self, status: int) -> None:
        """Show the status of a command that failed, at a prompt and under -v."""
        if status and (self.interactive or self.echo):
            self._say_status(status)

    def _say_status(self, status: int) -> None:
        self.message([("status", f"[{status}]")])

    def _run_commands(self, line: str) -> bool:
        self.fixes = ()
        self.following, self.proposed = "", []
        if line.strip(words.BLANKS) and not self.sourcing:
            self.lines.append(line)
            self.typed += 1
        try:
            commands = words.commands(line, RAW)
        except words.WordError as error:
            self.status = 2
            self._not_words(line, error)
            self._command_ended()
            return self.stop and not self.interactive
        try:
            for command in commands:
                if self.onecmd(command):
                    return True
                if self.status and self.stop and not self.interactive:
                    return True
        except Interrupted:
            if not self.interactive or self.sourcing:
                raise
            self._command_ended()
        return False

    def status_now(self) -> None:
        """Show the status of the command that is running, directly below its output.

        Only where a person looks on: in a transcript it is the last line of all.
        """
        if self.interactive and self.recording is None and not self.sourcing:
            self.show_status(self.status)
            self._told = True

    def _command_ended(self) -> None:
        if not self.sourcing:
            self._due = 0 if self._told else self.status

    def onecmd(self, line: str) -> bool:
        """Run one command, tell of its failure, and set ``status``. True if nsh is to end.

        The status of the command before it on the line is shown first.
        """
        if self._due and not self.sourcing:
            if self.recording is not None:
                self._say_status(self._due)  # a transcript has it, whoever looks on
            else:
                self.show_status(self._due)
            self._due = 0
        self.last_status = self.status
        self.status = 0
        self._told = False
        self.command = ""
        ended = False
        try:
            self.command = words.command_word(line)[0]
            ended = bool(super().onecmd(line))
        except words.Operator as error:
            self._operator(line, error)
        except words.WordError as error:
            self.status = 2
            self._not_words(line, error)
        except Usage as usage:
            self.status = usage.status
            name = self.parseline(line)[0] or ""
            why = f"{name}: {usage.why}" if usage.why else f"usage: {self.synopsis(name)}"
            self.explain_failure(why, usage.fixes or (f"help {name}",))
        except Failure as failure:
            self.status = failure.status
            self.explain_failure(failure.why, failure.fixes)
        except errors.OWN_FAILURES as error:
            self.status = 1
            self.explain_failure(errors.own_failure(error), ["quit"])
        if not ended:
            self._command_ended()
        return ended

    def parseline(self, line: str) -> tuple[str | None, str | None, str]:
        """cmd.Cmd's hook: the name of the command, the rest, and the whole line."""
        line = line.lstrip(words.BLANKS)
        if line.startswith("!"):
            return "host", line[1:].lstrip(words.BLANKS), line
        if line.startswith("?"):
            return "help", line[1:].lstrip(words.BLANKS), line
        return *words.command_word(line), line

    def default(self, line: str) -> None:
        """cmd.Cmd's hook for a command that there is not."""
        name, _ = words.command_word(line)
        raise Failure(f"there is no command {words.shorten(name)}", "help", status=2)

    def emptyline(self) -> bool:
        """cmd.Cmd's hook: an empty line does nothing."""
        return False

    def _not_words(self, line: str, error: words.WordError) -> None:
        mended = line.strip(words.BLANKS) + error.lacks
        self.explain_failure(error.why, [mended] if error.lacks and len(mended) < 500 else [])

    def _operator(self, line: str, error: words.Operator) -> None:
        name, rest = words.command_word(line)
        self.status, sign = 2, error.sign
        if name in ("run", "step", "plan", "diff", "start", "enter"):
            why = f"{name} takes words as they are, and {sign} needs a shell to mean something"
            named = name in ("diff", "plan") and rest.startswith(("-c ", "start ", "enter "))
            *first, rest = rest.split(None, 1 if name in ("start", "enter") else 2 * named)
            start = " ".join([name, *first])  # with the name of a child
            fix = f"sh {rest}" if name == "run" else f"{start} sh -c {words.quote(rest)}"
        else:
            why = f"{sign} means nothing to {name}; quote it if it is part of a word"
            fix = f"help {name}"
        self.explain_failure(why, [fix])

    def command_names(self) -> list[str]:
        """The names of all commands."""
        return sorted({name[3:] for name in dir(type(self)) if name.startswith("do_")})

    def synopsis(self, name: str) -> str:
        """The usage line of a command: the first of its docstring."""
        doc = getattr(self, "do_" + name).__doc__ or name
        return str(doc.strip().splitlines()[0])

    def words(self, line: str, *, at_least: int = 0, at_most: int | None = None) -> list[str]:
        """The words of a command's line. Raises Usage if there are too few or too many."""
        found = words.split(line)
        if len(found) < at_least or (at_most is not None and len(found) > at_most):
            raise Usage
        return found

    def directory(self) -> str:
        """The directory of the next run."""
        return self.state.cwd or self.host.cwd

    def inside(self, path: str) -> str:
        """A path as it is seen from the directory of the next run, absolute."""
        return "/" + posixpath.normpath(posixpath.join(self.directory(), path)).lstrip("/")

    def change(self, **changes: Any) -> None:
        """Put a new state in the place of the old one, which undo finds again."""
        self.become(self.state.replace(**changes))

    def become(self, state: State) -> None:
        """Make that the state; undo goes back to the one before."""
        if state != self.state:
            self.past.append(self.state)
            self.future.clear()
            items = len(state.mounts) + len(state.env)
            while items * len(self.past) > UNDO_ITEMS and len(self.past) > 1:
                self.past.popleft()
            self.state = state
