"""Core: how a line becomes a call of a command, and the doors through which words reach the user.

The commands themselves are in state_commands.py, run_commands.py and shell.py. Built on cmd.Cmd:
``onecmd`` dispatches to ``do_NAME``.
"""

from __future__ import annotations

import cmd
import os
import sys
from collections import deque

from nsh import words
from nsh.host import Host
from nsh.plan import Refusal
from nsh.state import START, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

UNDO_STEPS = 1000
HISTORY_LINES = 1000
PROMPT = "nsh> "
MORE = "> "

RAW = frozenset(("sh", "host", "!"))
"""Commands that get the rest of the line as it is typed: a shell will read it."""


class Failure(Exception):
    """A command that could not do its work: one sentence, the lines that mend it, the status."""

    status = 1

    def __init__(self, why: str, *mends: str, status: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.mends = mends
        if status is not None:
            self.status = status


class Usage(Failure):
    """A command that was not typed right."""

    status = 2


class OutputFailed(Exception):
    """Standard output takes no more: closed, a full disk, nobody reads."""


class Trouble:
    """The last error, for ``explain``.

    command  the command that met it
    lines    what was said about it
    call     the system call that failed, "" if none was made
    errno    its errno's name, "" if there is none
    """

    __slots__ = ("call", "command", "errno", "lines")

    def __init__(self, command: str, lines: Iterable[str]) -> None:
        self.command = command
        self.lines = tuple(lines)
        self.call = ""
        self.errno = ""


class Interrupted(Exception):
    """Ctrl-C ended a command in a script, so the script ends too."""


class Core(cmd.Cmd):
    """What every command uses: the state, the doors to the user, the dispatch of a line.

    state        what the next run will get
    status       the exit status of the last command
    interactive  whether a person types at a prompt
    echo         -v: lines are shown behind the prompt, and [STATUS] after a failure
    stop         -e: a script ends at the first failure
    args         the script's arguments: $1 and so on of sh, ! and host lines
    trouble      the last error, None after a run that could be started
    hinting      whether hints are given; ``hinted`` are the names of those that were
    """

    prompt = PROMPT
    name: str = "nsh"

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
        self.where = ""
        self.past: deque[State] = deque(maxlen=UNDO_STEPS)
        self.future: list[State] = []
        self.lines: deque[str] = deque(maxlen=HISTORY_LINES)
        self.sourcing: list[str] = []
        self.command = ""
        self.trouble: Trouble | None = None
        self.hinting = interactive
        self.hinted: set[str] = set()

    # The doors.

    def message(self, text: str) -> None:
        """What was asked for, on standard output. Raises OutputFailed."""
        try:
            sys.stdout.write(text + "\n")
        except (OSError, ValueError, AttributeError) as error:
            raise OutputFailed(_reason(error)) from None

    def flush(self) -> None:
        """Hand over what was written, so that what a child writes comes after it."""
        try:
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            raise OutputFailed(_reason(error)) from None
        except AttributeError:
            pass

    def page(self, text: str) -> None:
        """A long text that was asked for; a prompt may show it through a pager."""
        self.message(text)

    def error(self, *texts: str) -> None:
        """One or more lines on standard error, each after ``nsh: `` and, in a script, its place."""
        self.flush()
        try:
            for text in texts:
                sys.stderr.write(f"nsh: {self.where}{text}\n")
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass  # there is no other place to say it

    def explain_failure(self, why: str, mends: Iterable[str], *before: str) -> None:
        """An error with its cause and what to type next."""
        lines = [*before, why, *[f"try: {mend}" for mend in mends]]
        self.trouble = Trouble(self.command, lines)
        self.error(*lines)

    # A line.

    def run_line(self, line: str) -> bool:
        """Run one whole line, its commands one after the other. True if the shell shall end."""
        if line.strip():
            self.lines.append(line)
        rest = line
        while rest.strip(words.BLANKS):
            try:
                if words.first_word(rest)[0] in RAW or rest.lstrip().startswith("!"):
                    command, rest = rest.strip(words.BLANKS), ""
                else:
                    command, rest = words.next_command(rest)
            except words.WordError as error:
                self.status = 2
                self.explain_failure(error.why, ["close it, or write \\ before the quote"])
                self.after_command()
                break
            if command and self.onecmd(command):
                return True
            if command and self.status and self.stop and not self.interactive:
                return True
        return False

    def onecmd(self, line: str) -> bool:
        """Run one command, tell of its failure, and set ``status``. True if the shell shall end."""
        before = self.status
        self.status = 0
        self.command = words.first_word(line)[0]
        ended = False
        try:
            if words.first_word(line)[0].strip("?"):
                self.last_status = before
                ended = bool(super().onecmd(line))
            else:
                self.last_status = before
                ended = bool(super().onecmd("help" + line.replace("?", " ", 1)))
        except words.Operator as error:
            self._operator(line, error)
        except words.WordError as error:
            self.status = 2
            self.explain_failure(error.why, ["close it, or write \\ before the quote"])
        except Failure as failure:
            self.status = failure.status
            self.explain_failure(failure.why, failure.mends)
        except Refusal as refusal:
            self.status = 1
            self.explain_failure(refusal.why, refusal.mends)
        if not ended:
            self.after_command()
        return ended

    def after_command(self) -> None:
        """Show the status of a command that failed, at a prompt and under -v."""
        if self.status and (self.interactive or self.echo):
            self.message(f"[{self.status}]")

    def parseline(self, line: str) -> tuple[str | None, str | None, str]:
        """cmd.Cmd's hook: the name of the command, the rest, and the whole line."""
        line = line.strip(words.BLANKS)
        if line.startswith("!"):
            return "host", line[1:].strip(words.BLANKS), line
        if line.startswith("?"):
            return "help", line[1:].strip(words.BLANKS), line
        first, rest = words.first_word(line)
        if first in RAW:
            return first, rest, line
        names = words.split(first) if "'" in first or '"' in first or "\\" in first else [first]
        return names[0] if names else "", rest, line

    def default(self, line: str) -> None:
        """cmd.Cmd's hook for a command that there is not."""
        name, rest = words.first_word(line)
        close = self.close_command(name)
        if close:
            raise Usage(
                f"there is no command {name}: did you mean {close}?", f"{close} {rest}".rstrip()
            )
        mend = f"run {name} {rest}".rstrip() if self._is_program(name) else "help"
        raise Usage(f"there is no command {name}", mend)

    def emptyline(self) -> bool:
        """cmd.Cmd's hook: an empty line does nothing."""
        return False

    def close_command(self, name: str) -> str:
        """The command that a mistyped name may have meant, "" if none is close."""
        import difflib

        close = difflib.get_close_matches(name, self.command_names(), 1, 0.7)
        return close[0] if close else ""

    def _is_program(self, name: str) -> bool:
        places = self.host.environ.get("PATH", "").split(":")
        return any(os.access(f"{place}/{name}", os.X_OK) for place in places if place)

    def _operator(self, line: str, error: words.Operator) -> None:
        name, rest = words.first_word(line)
        self.status = 2
        if name in ("run", "plan", "diff"):
            why = (
                f"{name} takes words as they are, and {error.sign} needs a shell to mean something"
            )
            mend = f"sh {rest}" if name == "run" else f"{name} sh -c {words.quote(rest)}"
        else:
            why = f"{error.sign} means nothing to {name}; quote it if it is part of a word"
            mend = f"help {name}" if name in self.command_names() else "help"
        self.explain_failure(why, [mend])

    def command_names(self) -> list[str]:
        """The names of all commands."""
        return sorted({name[3:] for name in dir(type(self)) if name.startswith("do_")})

    # For the commands.

    def words(self, line: str, *, at_least: int = 0, at_most: int | None = None) -> list[str]:
        """The words of a command's line. Raises Usage if there are too few or too many."""
        found = words.split(line)
        if len(found) < at_least or (at_most is not None and len(found) > at_most):
            raise self.usage()
        return found

    def usage(self, why: str = "") -> Usage:
        """The error of a command typed wrong: why, and its usage line."""
        name = sys._getframe(1).f_code.co_name
        if name == "words":
            name = sys._getframe(2).f_code.co_name
        command = name.removeprefix("do_")
        doc = getattr(type(self), "do_" + command).__doc__ or command
        synopsis = doc.strip().splitlines()[0]
        return Usage(f"{command}: {why}" if why else f"usage: {synopsis}", f"help {command}")

    def change(self, **changes: Any) -> None:
        """Put a new state in the place of the old one, which undo finds again."""
        self.become(self.state.replace(**changes))

    def become(self, state: State) -> None:
        """Make that the state; undo goes back to the one before."""
        if state != self.state:
            self.past.append(self.state)
            self.future.clear()
            self.state = state


def _reason(error: BaseException) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is closed"
