"""The commands that go back and forth: undo, redo, reset, save, source, history; and scripts."""

from __future__ import annotations

import os

from nsh import words
from nsh.base import BaseShell
from nsh.errors import Failure, Usage, no_such_word
from nsh.files import logical_lines, open_script, write_whole
from nsh.parts.table import RESETS, reset, state_commands
from nsh.state import START
from nsh.words import MORE, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

    from nsh.offers import Item

MAX_SOURCE_DEPTH = 50


class BackCommands(BaseShell):
    """undo, redo, reset, save, source and history."""

    group = "Going back"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"reset": tuple(RESETS)}

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

        WHAT is the name of the command that sets the part, or all. mount stands for all
        mounts and umounts; map for uidmap, gidmap and setgroups, each of which can
        stand alone.
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
        [path] = self.words(line, at_least=1, at_most=1)
        if not path:
            raise Usage("the name of the file is empty")
        lines = ["#!/usr/bin/env nsh", *state_commands(self.state), ""]
        self.flush()
        try:
            write_whole(path, "\n".join(lines))
        except OSError as error:
            fixes = _other_path("save", path)
            if isinstance(error, FileNotFoundError) and "/" in path and not fixes:
                directory = os.path.dirname(path)
                fixes = ["!" + words.join(["mkdir", "-p", directory])]
            raise Failure(f"cannot write {path}: {error.strerror}", *fixes) from None

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
        from nsh.offers import paths

        return () if before else paths(self.host.cwd, word)

    complete_save = complete_source

    def do_history(self, line: str) -> None:
        """history

        The lines so far, numbered; at most the last thousand.
        """
        self.words(line, at_most=0)
        lines = enumerate(self.lines, self.typed - len(self.lines) + 1)
        self.page("\n".join([f"{place:5}  {text}" for place, text in lines]))

    def run_script(self, lines: Iterable[str], name: str) -> bool:
        """Run lines as a script with that name in its messages. True if a command ended it."""
        for line in logical_lines(lines):
            self.where = f"{name}:{line.number}: "
            if self.echo and not self.sourcing and line.text.strip():
                self.message(self.prompt + ("\n" + MORE).join(line.parts))
            if self.run_line(line.text):
                return True
        return False


def _other_path(command: str, path: str) -> list[str]:
    """What to type instead of a path that begins with ~, which nothing expands here."""
    if path.startswith("~"):
        return [words.join([command, os.path.expanduser(path)])]
    return []
