"""The commands that go back and forth: undo, redo, reset, save, source, history; and scripts."""

from __future__ import annotations

import os

from nsh import words
from nsh.base import BaseShell
from nsh.errors import Failure, Usage, no_such_word
from nsh.files import logical_lines, open_script, open_text, write_whole
from nsh.parts.table import RESETS, reset, state_commands
from nsh.state import START
from nsh.words import MORE, number, visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar

    from nsh.offers import Item
    from nsh.state import State

MAX_SOURCE_DEPTH = 50


class BackCommands(BaseShell):
    """undo, redo, reset, save, source and history."""

    group = "Going back"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"reset": tuple(RESETS)}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._saved: dict[str, str] = {}  # what save has written, by the path of the file

    def do_undo(self, line: str) -> None:
        """undo [N]

        Take back the last change of the state, or the last N. What runs did is not
        undone. The last thousand changes are kept; fewer with thousands of mounts.
        At the prompt one line says what it was; so do redo and reset.
        """
        before = self.state
        for _ in range(self._steps(line, "undo", len(self.past))):
            self.future.append(self.state)
            self.state = self.past.pop()
        self._say_done("undone", before, self.state, "back")

    def do_redo(self, line: str) -> None:
        """redo [N]

        Make the last change again that undo took back, or the last N.
        """
        before = self.state
        for _ in range(self._steps(line, "redo", len(self.future))):
            self.past.append(self.state)
            self.state = self.future.pop()
        self._say_done("redone", self.state, before, "gone")

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
        before = self.state
        match self.words(line, at_most=1):
            case []:
                self.become(reset(self.state, "all"))
            case [what] if what in RESETS:
                self.become(reset(self.state, what))
            case [what]:
                raise no_such_word("reset", what, RESETS)
        self._say_done("reset", before, self.state)

    def complete_reset(self, before: list[str], word: str) -> Iterable[Item]:
        """The parts of the state; which of them are changed."""
        if not before:
            for what, fields in RESETS.items():
                changed = [f for f in fields if getattr(self.state, f) != getattr(START, f)]
                yield what, "as changed by you" if changed else "as nsh starts"

    def _say_done(self, done: str, this: State, other: State, else_: str = "") -> None:
        """Say at the prompt what was done: what one state has and the other has not.

        What only the other has comes after ``else_``. A transcript has no such line: its replay is
        a script.
        """
        if not self.interactive or self.sourcing or self.recording is not None:
            return
        import shutil

        what, rest = changes(this, other)
        if else_ == "gone":  # not the old value of what has a new one now
            named = {line.split(" ", 1)[0] for line in what}
            rest = [line for line in rest if line.split(" ", 1)[0] not in named]
        parts = [f"{done}: {'; '.join(what)}"] if what else []
        parts += [f"{else_}: {'; '.join(rest)}"] if rest and else_ else []
        text = visible("; ".join(parts) or f"{done}: nothing was changed")
        width = shutil.get_terminal_size().columns
        self.message(text if len(text) <= width else text[: max(0, width - 3)] + "...")

    def do_save(self, line: str) -> None:
        """save [-f] FILE

        Write the state to FILE as the commands that rebuild it; `source FILE` reads it
        again. With -f, also onto a file that holds something else.
        """
        match self.words(line, at_least=1, at_most=2):
            case ["-f", path]:
                force = True
            case [path] if path != "-f":
                force = False
            case _:
                raise Usage
        if not path:
            raise Usage("the name of the file is empty")
        text = "\n".join(["#!/usr/bin/env nsh", *state_commands(self.state), ""])
        if not (force or self._is_own(path, text)):
            why = f"{path} is there already, and saving would replace it"
            raise Failure(why, words.join(["save", "-f", path]))
        self.flush()
        try:
            write_whole(path, text)
            self._saved[os.path.realpath(path)] = text
        except OSError as error:
            fixes = _other_path("save", path)
            if isinstance(error, FileNotFoundError) and "/" in path and not fixes:
                directory = os.path.dirname(path)
                fixes = ["!" + words.join(["mkdir", "-p", directory])]
            raise Failure(f"cannot write {path}: {error.strerror}", *fixes) from None

    def _is_own(self, path: str, text: str) -> bool:
        """Whether saving loses nothing: no regular file, an empty one, or what save itself wrote."""
        try:
            if not os.path.isfile(path) or not os.path.getsize(path):
                return True
            with open_text(path) as file:
                return file.read() in (text, self._saved.get(os.path.realpath(path)))
        except OSError:
            return False

    def complete_save(self, before: list[str], word: str) -> Iterable[Item]:
        """Paths on the host, and -f."""
        if not before and word.startswith("-"):
            yield "-f", "also onto a file that holds something else"
        if before in ([], ["-f"]):
            yield from self.complete_source([], word)

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


def changes(this: State, other: State) -> tuple[list[str], list[str]]:
    """What one state has and the other has not, and the other way round, as commands.

    Of the flags, only those that differ; they are all in the first of the two.

    >>> changes(START.replace(flags=("uts", "pid")), START.replace(flags=("uts",), hostname="a"))
    (['flags +pid'], ['hostname a'])
    """
    flags = [f"+{name}" for name in this.flags if name not in other.flags]
    flags += [f"-{name}" for name in other.flags if name not in this.flags]
    mine = state_commands(this.replace(flags=()))
    others = state_commands(other.replace(flags=()))
    found = [words.join(["flags", *flags])] if flags else []
    return found + _without(mine, others), _without(others, mine)


def _without(lines: list[str], others: list[str]) -> list[str]:
    from collections import Counter

    left = Counter(others)
    found = []
    for line in lines:
        if left[line]:
            left[line] -= 1
        else:
            found.append(line)
    return found


def _other_path(command: str, path: str) -> list[str]:
    """What to type instead of a path that begins with ~, which nothing expands here."""
    if path.startswith("~"):
        return [words.join([command, os.path.expanduser(path)])]
    return []
