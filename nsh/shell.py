"""Shell: all commands together. One method, one command; its docstring is its manual page."""

from __future__ import annotations

import os

from nsh import words
from nsh.core import MORE, Core, Failure, Usage, no_such_word, number
from nsh.files import logical_lines, open_script, write_whole
from nsh.lesson_commands import LessonCommands
from nsh.record_commands import RecordCommands
from nsh.state import RESETS, START, reset
from nsh.state_commands import StateCommands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.completion import Item

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Running", ("run", "sh", "host")),
    (
        "State",
        (
            "flags",
            "hostname",
            "domainname",
            "mount",
            "umount",
            "propagation",
            "map",
            "uidmap",
            "gidmap",
            "setgroups",
            "cd",
            "env",
        ),
    ),
    ("Looking", ("show", "plan", "trace", "ns", "diff")),
    ("Learning", ("explain", "hints", "lesson", "goal", "hint", "solution", "skip")),
    ("Going back", ("undo", "redo", "reset", "save", "source", "history")),
    ("The rest", ("record", "help", "set", "quit")),
)
"""The commands in the order in which they are taught."""

ALSO = {"host": "host or !", "quit": "quit or exit"}
"""What the list of commands says for those that have a second name."""

MAX_SOURCE_DEPTH = 50


class Shell(StateCommands, LessonCommands, RecordCommands):
    """The shell: state commands, running, looking, learning, recording, going back."""

    def do_undo(self, line: str) -> None:
        """undo [N]

        Take back the last change of the state, or the last N. What runs did is not
        undone. The last thousand changes are kept; fewer with thousands of mounts.
        """
        for _ in range(self._steps(line, "undo", len(self.past))):
            self.future.append(self.state)
            self.state = self.past.pop()

    def do_redo(self, line: str) -> None:
        """redo [N]

        Make the last change again that undo took back, or the last N.
        """
        for _ in range(self._steps(line, "redo", len(self.future))):
            self.past.append(self.state)
            self.state = self.future.pop()

    def _steps(self, line: str, command: str, most: int) -> int:
        """How many steps to go: all that were asked for, or none."""
        found = self.words(line, at_most=1)
        steps = number(found[0], 10**9) if found else 1
        if not steps:
            raise Usage(f"{found[0]!r} is no number of steps: a whole number from 1 on")
        if not most:
            raise Failure(f"there is nothing to {command}", "show")
        if steps > most:
            changes = "is 1 change" if most == 1 else f"are {most} changes"
            raise Failure(f"there {changes} to {command}, not {steps}", f"{command} {most}")
        return steps

    def do_reset(self, line: str) -> None:
        """reset [WHAT]

        Put the state, or one part of it, back to how nsh starts. undo takes it back.

        WHAT is the name of the command that sets the part: flags, hostname, domainname,
        mount (all mounts and umounts), propagation, map (with uidmap, gidmap and
        setgroups; each of these three can stand alone), cd, env; or all.
        """
        match self.words(line, at_most=1):
            case []:
                self.become(reset(self.state, "all"))
            case [what] if what in RESETS:
                self.become(reset(self.state, what))
            case [what]:
                raise no_such_word("reset", what, RESETS)

    def complete_reset(self, before: list[str], word: str) -> Iterable[Item]:
        """The parts of the state; which of them are changed."""
        if not before:
            for what, fields in RESETS.items():
                changed = [f for f in fields if getattr(self.state, f) != getattr(START, f)]
                yield what, "as changed by you" if changed else "as nsh starts"

    def do_save(self, line: str) -> None:
        """save FILE

        Write the state to FILE as the commands that rebuild it; `source FILE` reads it
        again.
        """
        from nsh.render import state_commands

        [path] = self.words(line, at_least=1, at_most=1)
        if not path:
            raise Usage("the name of the file is empty")
        lines = ["#!/usr/bin/env nsh", *state_commands(self.state), ""]
        self.flush()
        try:
            write_whole(path, "\n".join(lines))
        except OSError as error:
            mends = _other_path("save", path)
            if isinstance(error, FileNotFoundError) and "/" in path and not mends:
                directory = os.path.dirname(path)
                mends = ["!" + words.join(["mkdir", "-p", directory])]
            raise Failure(f"cannot write {path}: {error.strerror}", *mends) from None

    def do_source(self, line: str) -> bool:
        """source FILE

        Run the lines of FILE here, as if they were typed.
        """
        [path] = self.words(line, at_least=1, at_most=1)
        if not path:
            raise Usage("the name of the file is empty")
        real = self.host.real_path(path)
        if real in self.sourcing:
            raise Failure(f"{path} is being sourced already: it would never end")
        if len(self.sourcing) >= MAX_SOURCE_DEPTH:
            raise Failure(f"{path} would be sourced more than {MAX_SOURCE_DEPTH} files deep")
        try:
            lines = open_script(path)
        except Failure as failure:
            raise Failure(failure.why, *_other_path("source", path)) from None
        before = self.where
        self.sourcing.append(real)
        try:
            return self.run_script(lines, path)
        finally:
            self.sourcing.pop()
            self.where = before

    def complete_source(self, before: list[str], word: str) -> Iterable[Item]:
        """Paths on the host: the directory of the next run plays no part."""
        from nsh.completion import paths

        return () if before else paths(self, word, from_host=True)

    complete_save = complete_source

    def do_history(self, line: str) -> None:
        """history

        The lines so far, numbered; at most the last thousand.
        """
        self.words(line, at_most=0)
        lines = enumerate(self.lines, self.typed - len(self.lines) + 1)
        self.page("\n".join([f"{place:5}  {text}" for place, text in lines]))

    def do_help(self, line: str) -> None:
        """help [COMMAND]

        The commands in the order to learn them in, or the manual of one.
        """
        match self.words(line, at_most=1):
            case []:
                self._overview()
            case ["!"]:
                self.page(manual(self, "host"))
            case ["?"]:
                self.page(manual(self, "help"))
            case [name] if name in self.command_names():
                self.page(manual(self, name))
            case [name]:
                close = self.close_command(name)
                raise Usage(f"there is no command {name}", f"help {close}".rstrip())

    def complete_help(self, before: list[str], word: str) -> Iterable[Item]:  # type: ignore[override]
        """The commands."""
        from nsh.completion import commands

        return () if before else commands(self)

    def _overview(self) -> None:
        self.page(overview(self))

    def do_set(self, line: str) -> None:
        """set [editing-mode emacs|vi]

        How the prompt behaves. Without arguments, show it.

        To keep it, write the line into $XDG_CONFIG_HOME/nsh/nshrc, which is
        ~/.config/nsh/nshrc by default: its lines run when the prompt starts.
        """
        match self.words(line, at_most=2):
            case []:
                for name, value in self.settings.items():
                    self.message(f"set {name} {value}")
            case ["editing-mode", "emacs" | "vi" as mode]:
                self.settings["editing-mode"] = mode
            case ["editing-mode", word]:
                raise Usage(f"{word!r} is no editing mode", "set editing-mode vi")
            case ["editing-mode"]:
                raise Usage("editing-mode is followed by emacs or vi")
            case [name, *_]:
                raise Usage(f"there is nothing called {name!r} to set", "help set")

    def complete_set(self, before: list[str], word: str) -> Iterable[Item]:
        """What there is to set, and to what."""
        if not before:
            yield "editing-mode", f"the keys of the prompt; now {self.settings['editing-mode']}"
        elif before == ["editing-mode"]:
            yield "emacs", "Ctrl-A, Ctrl-E, Ctrl-R, Alt-F as in bash"
            yield "vi", "Escape, then the commands of vi"

    def do_quit(self, line: str) -> bool:
        """quit [STATUS]  (or exit, or end of file)

        Leave nsh, with the status of the last command or with STATUS.
        """
        match self.words(line, at_most=1):
            case []:
                self.status = self.last_status
            case [word]:
                status = number(word, 255)
                if status is None:
                    raise Usage(f"{word!r} is no status: a number from 0 to 255")
                self.status = status
        return True

    do_exit = do_quit

    def run_script(self, lines: Iterable[str], name: str) -> bool:
        """Run lines as a script with that name in its messages. True if a command ended it."""
        for at, line, parts in logical_lines(lines):
            self.where = f"{name}:{at}: "
            if self.echo and not self.sourcing and line.strip():
                self.message(self.prompt + ("\n" + MORE).join(parts))
            if self.run_line(line):
                return True
        return False


def _other_path(command: str, path: str) -> list[str]:
    """What to type instead of a path that begins with ~, which nothing expands here."""
    if path.startswith("~"):
        return [words.join([command, os.path.expanduser(path)])]
    return []


def manual(shell: Core, name: str) -> str:
    """The manual page of a command: its docstring."""
    import inspect

    return inspect.cleandoc(getattr(shell, "do_" + name).__doc__ or name)


def overview(shell: Shell) -> str:
    """All commands in the order in which they are taught, each with its first sentence."""
    import textwrap

    lines: list[str] = []
    for group, names in GROUPS:
        lines.append(group)
        for name in names:
            first = f"  {ALSO.get(name, name):<13}"
            summary = summary_of(shell, name)
            lines += textwrap.wrap(summary, 80, initial_indent=first, subsequent_indent=15 * " ")
    lines.append(
        "A # starts a comment, a ; separates commands, a \\ at the end continues the line."
    )
    lines.append("help COMMAND says more.")
    return "\n".join(lines)


def summary_of(shell: Core, name: str) -> str:
    """The first sentence of a command's manual, without what it adds after a colon or semicolon."""
    text = " ".join(manual(shell, name).partition("\n\n")[2].partition("\n\n")[0].split())
    ends = [at for at in (text.find(". "), text.find("; "), text.find(": ")) if at > 0]
    return text[: min(ends, default=len(text))].rstrip(".")
