"""Shell: all commands together. One method, one command; its docstring is its manual page."""

from __future__ import annotations

import os

from nsh import words
from nsh.core import MORE, Core, Failure, Usage
from nsh.lesson_commands import LessonCommands
from nsh.record_commands import RecordCommands
from nsh.state import RESETS, reset
from nsh.state_commands import StateCommands

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    ("The rest", ("record", "help", "quit")),
)
"""The commands in the order in which they are taught."""

MAX_SOURCE_DEPTH = 50


class Shell(StateCommands, LessonCommands, RecordCommands):
    """The shell: state commands, running, looking, learning, recording, going back."""

    def do_undo(self, line: str) -> None:
        """undo [N]

        Take back the last change of the state, or the last N. What runs did is not undone.
        """
        for _ in range(self._count(line)):
            if not self.past:
                raise Failure("there is nothing to undo", "show")
            self.future.append(self.state)
            self.state = self.past.pop()

    def do_redo(self, line: str) -> None:
        """redo [N]

        Make the last change again that undo took back, or the last N.
        """
        for _ in range(self._count(line)):
            if not self.future:
                raise Failure("there is nothing to redo", "show")
            self.past.append(self.state)
            self.state = self.future.pop()

    def _count(self, line: str) -> int:
        match words.split(line):
            case []:
                return 1
            case [word] if word.isascii() and word.isdigit() and 0 < int(word) <= 10**9:
                return int(word)
            case _:
                raise Usage("the number of steps is a whole number from 1 on", "help undo")

    def do_reset(self, line: str) -> None:
        """reset [WHAT]

        Put the state, or one part of it, back to how nsh starts. WHAT is flags, hostname,
        domainname, mounts, propagation, map, cd, env or all. undo takes it back.
        """
        match self.words(line, at_most=1):
            case []:
                self.become(reset(self.state, "all"))
            case [what] if what in RESETS:
                self.become(reset(self.state, what))
            case [what]:
                raise Usage(f"reset: {what!r} is none of {', '.join(RESETS)}", "help reset")

    def do_save(self, line: str) -> None:
        """save FILE

        Write the state to FILE as the commands that rebuild it; `source FILE` reads it again.
        """
        from nsh.render import state_commands

        [path] = self.words(line, at_least=1, at_most=1)
        text = "".join([command + "\n" for command in state_commands(self.state)])
        temporary = f"{path}.{os.getpid()}~"
        try:
            with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write("#!/usr/bin/env nsh\n" + text)
            os.replace(temporary, path)
        except OSError as error:
            try:
                os.unlink(temporary)
            except OSError:
                pass
            raise Failure(f"cannot write {path}: {error.strerror}", "help save") from None

    def do_source(self, line: str) -> None:
        """source FILE

        Run the lines of FILE here, as if they were typed.
        """
        [path] = self.words(line, at_least=1, at_most=1)
        if len(self.sourcing) >= MAX_SOURCE_DEPTH:
            raise Failure(
                f"{path} is sourced {MAX_SOURCE_DEPTH} deep: does it source itself?", "quit"
            )
        lines = open_script(path)
        before = self.where
        self.sourcing.append(path)
        try:
            self.run_script(lines, path)
        finally:
            self.sourcing.pop()
            self.where = before

    def do_history(self, line: str) -> None:
        """history

        The lines so far, numbered; at most the last thousand.
        """
        self.words(line, at_most=0)
        for number, text in enumerate(self.lines, 1):
            self.message(f"{number:5}  {text}")

    def do_help(self, line: str) -> None:
        """help [COMMAND]

        The commands in the order in which to learn them, or the manual of one.
        """
        match self.words(line, at_most=1):
            case []:
                self._overview()
            case ["!"]:
                self.message(manual(self, "host"))
            case [name] if name in self.command_names():
                self.message(manual(self, name))
            case [name]:
                close = self.close_command(name)
                raise Usage(f"help: there is no command {name}", f"help {close}".rstrip())

    def _overview(self) -> None:
        for group, names in GROUPS:
            self.message(group)
            for name in names:
                synopsis, summary = synopsis_of(self, name)
                self.message(
                    f"  {synopsis:<44}{summary}"
                    if len(synopsis) < 44
                    else f"  {synopsis}\n  {'':<44}{summary}"
                )
        self.message(
            "A # starts a comment, a ; separates commands, a \\ at the end continues the line."
        )
        self.message("help COMMAND says more.")

    def do_quit(self, line: str) -> bool:
        """quit [STATUS]  (or exit, or end of file)

        Leave nsh, with the status of the last command or with STATUS.
        """
        match self.words(line, at_most=1):
            case []:
                self.status = self.last_status
            case [word] if word.isascii() and word.isdigit() and int(word) < 256:
                self.status = int(word)
            case [word]:
                raise self.usage(f"{word!r} is no status: a number from 0 to 255")
        return True

    do_exit = do_quit

    def run_script(self, lines: Iterable[str], name: str) -> bool:
        """Run lines as a script with that name in its messages. True if a command ended it."""
        for number, line, parts in logical_lines(lines):
            self.where = f"{name}:{number}: "
            if self.echo and line.strip() and not self.sourcing:
                self.message(self.prompt + ("\n" + MORE).join(parts))
            if self.run_line(line):
                return True
        return False


def logical_lines(lines: Iterable[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Lines joined where a backslash continues them: first line's number, whole line, its parts."""
    parts: list[str] = []
    whole = ""
    start = 0
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\n").removesuffix("\r")
        if not parts:
            start = number
        parts.append(line)
        whole += line
        if words.continues(whole):
            whole = whole[:-1]
            continue
        yield start, whole, parts
        parts, whole = [], ""
    if parts:
        yield start, whole, parts


def open_script(path: str) -> list[str]:
    """The lines of a script file. Raises Failure if it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            return file.readlines()
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}", "!ls", status=1) from None


def manual(shell: Core, name: str) -> str:
    """The manual page of a command: its docstring."""
    import inspect

    return inspect.cleandoc(getattr(shell, "do_" + name).__doc__ or name)


def synopsis_of(shell: Core, name: str) -> tuple[str, str]:
    """The usage line of a command and the first sentence about it."""
    synopsis, _, rest = manual(shell, name).partition("\n\n")
    sentence = " ".join(rest.partition("\n\n")[0].split())
    end = min(
        [at for at in (sentence.find(". "), sentence.find("; "), sentence.find(": ")) if at > 0]
        or [len(sentence)]
    )
    return synopsis, sentence[:end].rstrip(".")
