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
from nsh.guard import Refusal
from nsh.host import Host
from nsh.namespaces import find
from nsh.state import START, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

UNDO_STEPS = 1000
UNDO_ITEMS = 2_000_000
"""The most mounts and variables in all states that undo keeps: with thousands, fewer steps."""
HISTORY_LINES = 1000
PROMPT = "nsh> "
MORE = "> "

RAW = frozenset(("sh", "host"))
"""Commands that get the rest of the line as it is typed: a shell will read it. So does ``!``."""

# Control characters in a message would play tricks with the terminal or break its line.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_VISIBLE[ord("\n")] = "\\n"
_VISIBLE[ord("\r")] = "\\r"
_VISIBLE[ord("\t")] = "\t"


class Failure(Exception):
    """A command that could not do its work.

    why     one sentence
    mends   lines to type that mend it
    status  the exit status of the command
    """

    status = 1

    def __init__(self, why: str, *mends: str, status: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.mends = mends
        if status is not None:
            self.status = status


class Usage(Failure):
    """A command that was not typed right.

    ``onecmd`` puts the name of the command before the reason; without a reason it shows the usage
    line, without mends the command's ``help``.
    """

    status = 2

    def __init__(self, why: str = "", *mends: str) -> None:
        super().__init__(why, *mends)


def no_such_word(command: str, word: str, known: Iterable[str]) -> Usage:
    """The error of an argument that is none of the words which a command knows."""
    import difflib

    close = difflib.get_close_matches(word[:80].lower(), list(known), 1, 0.5)
    mends = [f"{command} {close[0]}"] if close else []
    return Usage(f"{word!r} is none of {', '.join(known)}", *mends)


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
    """Ctrl-C ended a command: what was to come after it, a whole script too, is not run."""


class Core(cmd.Cmd):
    """What every command uses: the state, the doors to the user, the dispatch of a line.

    state        what the next run will get
    status       the exit status of the last command
    interactive  whether a person types at a prompt
    echo         -v: lines are shown behind the prompt, and [STATUS] after a failure
    stop         -e: a script ends at the first failure
    args         the script's arguments: $1 and so on of sh, ! and host lines
    mends        the lines that the last error told to try
    following    the line that is a good one to type next, "" if there is none
    proposed     lines that the user finds typed at the next prompts, to send or change
    settings     what `set` has set, for the prompt
    trouble      the last error, None after a run that could be started
    hinting      whether hints are given; ``hinted`` are the names of those that were
    where        what stands before a message: "FILE:LINE: " in a script
    lines        the last lines typed, of ``typed`` in all
    sourcing     the files that are being sourced, the innermost last
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
        self.last_status = 0
        self.where = ""
        self.past: deque[State] = deque(maxlen=UNDO_STEPS)
        self.future: list[State] = []
        self.lines: deque[str] = deque(maxlen=HISTORY_LINES)
        self.typed = 0
        self.sourcing: list[str] = []
        self.mends: tuple[str, ...] = ()
        self.following = ""
        self.proposed: list[str] = []
        self.settings = {"editing-mode": "emacs"}
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

    def page(self, text: str) -> None:
        """A long answer: at the prompt through the pager if it is longer than the screen."""
        if self.interactive:
            from nsh.interactive import page

            self.flush()
            if page(text):
                return
        self.message(text)

    def flush(self) -> None:
        """Hand over what was written, so that what a child writes comes after it."""
        try:
            sys.stdout.flush()
        except (OSError, ValueError) as error:
            raise OutputFailed(_reason(error)) from None
        except AttributeError:
            pass

    def error(self, *texts: str) -> None:
        """One or more lines on standard error, each after ``nsh: `` and, in a script, its place."""
        self.flush()
        try:
            for text in texts:
                sys.stderr.write(f"nsh: {self.where}{text}".translate(_VISIBLE) + "\n")
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            pass  # there is no other place to say it

    def explain_failure(self, why: str, mends: Iterable[str], *before: str) -> None:
        """An error with its cause and what to type next."""
        self.mends = tuple(mends)
        lines = [*before, why, *[f"try: {mend}" for mend in self.mends]]
        self.trouble = Trouble(self.command, lines)
        self.error(*lines)

    # A line.

    def run_line(self, line: str) -> bool:
        """Run one whole line, its commands one after the other. True if the shell shall end.

        A line with an open quote is not run at all. Raises Interrupted in a script.
        """
        self.mends = ()
        self.following = ""
        if line.strip(words.BLANKS) and not self.sourcing:
            self.lines.append(line)
            self.typed += 1
        try:
            commands = words.commands(line, RAW)
        except words.WordError as error:
            self.status = 2
            self._not_words(line, error)
            self.after_command()
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
            self.after_command()
        return False

    def onecmd(self, line: str) -> bool:
        """Run one command, tell of its failure, and set ``status``. True if the shell shall end."""
        self.last_status = self.status
        self.status = 0
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
            self.explain_failure(why, usage.mends or (f"help {name}",))
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
        """Show the status of a command that failed, at a prompt and under -v.

        A sourced file is part of the command that sources it.
        """
        if self.status and (self.interactive or self.echo) and not self.sourcing:
            self.message(f"[{self.status}]")

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
        name, rest = words.command_word(line)
        why = f"there is no command {words.shorten(name)}"
        mend = "help"
        if self._is_program(name):
            mend = f"run {line}"
            try:
                words.split(line)
            except words.Operator:
                mend = f"sh {line}"
        elif close := self.close_command(name):
            why += f": did you mean {close}?"
            mend = f"{close} {rest}".rstrip()
        elif name[:1] in "+-" and find(name[1:]):
            mend = f"flags {line}"
        elif "=" in name[1:]:
            mend = f"env {line}"
        raise Failure(why, mend, status=2)

    def emptyline(self) -> bool:
        """cmd.Cmd's hook: an empty line does nothing."""
        return False

    def close_command(self, name: str) -> str:
        """The command that a mistyped name may have meant, "" if none is close."""
        import difflib

        close = difflib.get_close_matches(name[:80], self.command_names(), 1, 0.7)
        return close[0] if close else ""

    def _is_program(self, name: str) -> bool:
        if "/" in name:
            places = [name]
        else:
            path = self.host.environ.get("PATH", "").split(":")
            places = [f"{place}/{name}" for place in path if place and name]
        return any(os.path.isfile(place) and os.access(place, os.X_OK) for place in places)

    def _not_words(self, line: str, error: words.WordError) -> None:
        mended = line.strip(words.BLANKS) + error.lacks
        self.explain_failure(error.why, [mended] if error.lacks and len(mended) < 500 else [])

    def _operator(self, line: str, error: words.Operator) -> None:
        name, rest = words.command_word(line)
        self.status = 2
        if name in ("run", "plan", "diff"):
            why = (
                f"{name} takes words as they are, and {error.sign} needs a shell to mean something"
            )
            mend = f"sh {rest}" if name == "run" else f"{name} sh -c {words.quote(rest)}"
        else:
            why = f"{error.sign} means nothing to {name}; quote it if it is part of a word"
            mend = f"help {name}"
        self.explain_failure(why, [mend])

    def command_names(self) -> list[str]:
        """The names of all commands."""
        return sorted({name[3:] for name in dir(type(self)) if name.startswith("do_")})

    def synopsis(self, name: str) -> str:
        """The usage line of a command: the first of its docstring."""
        doc = getattr(self, "do_" + name).__doc__ or name
        return str(doc.strip().splitlines()[0])

    # For the commands.

    def words(self, line: str, *, at_least: int = 0, at_most: int | None = None) -> list[str]:
        """The words of a command's line. Raises Usage if there are too few or too many."""
        found = words.split(line)
        if len(found) < at_least or (at_most is not None and len(found) > at_most):
            raise Usage
        return found

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


def number(word: str, most: int) -> int | None:
    """A whole number from 0 to ``most`` as it is typed, None if the word is none."""
    if not (word.isascii() and word.isdigit()):
        return None
    word = word.lstrip("0") or "0"
    return int(word) if len(word) <= len(str(most)) and int(word) <= most else None


def _reason(error: BaseException) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is closed"
