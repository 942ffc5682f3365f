"""Goal: the check of a lesson's goals, by what the kernel shows in children of the learner's state.

What was typed plays no part. A goal is checked in a process of its own, because it may hang: that
process is then killed with all that it started, and nsh goes on. Since it runs in whatever state
the learner has, a goal only looks, or looks first whether it is where it may change something.
"""

from __future__ import annotations

import os
import re
import time

from nsh.course.trial import Trial, limited
from nsh.state import START, State
from nsh.teach import looks
from nsh.teach.fresh import effects
from nsh.transcript.align import alignment, matches
from nsh.transcript.encode import lines_of
from nsh.transcript.glob import Facts
from nsh.transcript.match import Bindings, Matcher
from nsh.transcript.parse import DEFAULT_TIMEOUT, Command
from nsh.value import Value
from nsh.words import command_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from nsh.course.trial import Started

_LONGEST = 300
"""How much of a line that was seen is shown."""


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

    def lines(
        self, width: int, typed: str = "", argv: Sequence[str] = (), state: State = START
    ) -> list[str]:
        """The same for a reader, and what to do about it.

        In one line if that is no longer than ``width``, else in three. ``typed`` is the command
        after which the check was made, such as run, and ``argv`` its words, run in ``state``: what it
        has shown can be another thing than what the check has seen.

        >>> Miss("run id -u", 1, "`0`", "`65534`").lines(60)
        ['run id -u: expected `0`, saw `65534`', 'the check is a run of its own in your state; try: hint']
        >>> Miss("run id -u", 1, "`0`", "`65534`").lines(20)[:3]
        ['run id -u', '  expected `0`', '  saw      `65534`']
        """
        told = [str(self)]
        if len(told[0]) > width:
            told = [self.command, f"  expected {self.expected}", f"  saw      {self.seen}"]
        return told + self._advice(typed, list(argv), state)

    def _advice(self, typed: str, argv: list[str], state: State) -> list[str]:
        """What the check has to do with what was typed, and what to do next."""
        looked, rest = command_word(self.command)
        if looked == "enter" and typed in ("run", "sh"):
            name = command_word(rest)[0]
            return [f"the check looks into {name}, and your run was another child; try: hint"]
        if looked not in ("run", "sh"):
            return ["try: hint"]
        if typed in ("run", "sh") and argv:
            gone = "the check is a run of its own: what was done in yours is gone with it"
            if fixes := [made.line for made in effects(state, argv) if made.line]:
                return [gone, f"what is to stay belongs into the state; try: {fixes[0]}"]
            if looks.sits(argv):
                return [gone, "try: hint"]
        return ["the check is a run of its own in your state; try: hint"]


def missed(
    commands: list[Command],
    state: State,
    args: list[str],
    seconds: float = DEFAULT_TIMEOUT,
    started: Started | None = None,
    waiting: Callable[[bool], None] | None = None,
) -> Miss | None:
    """Run a session on top of a state; the first miss, or None. Raises KeyboardInterrupt.

    ``started`` are the children that stay. The session can enter them and send them signals; it
    takes nothing out of the table, and what it starts itself ends with it. ``waiting`` is called as
    ``limited`` does it.
    """
    at = os.memfd_create("at")
    begun = time.monotonic()
    try:
        found = limited(
            lambda: first_miss(commands, state, args, dict(started or {}), at), seconds, waiting
        )
        if found is None:
            command = commands[int(os.pread(at, 9, 0) or 0)]
            late = time.monotonic() - begun >= seconds
            seen = f"none in {seconds:g} s" if late else "none: the check has been ended"
            return Miss(command.text, command.line, "its end", seen)
        return Miss(*found) if found else None
    finally:
        os.close(at)


def first_miss(
    commands: list[Command], state: State, args: list[str], started: Started, at: int
) -> list[Any]:
    """The fields of the first miss, or nothing. ``at`` is the file for how far it has come."""
    trial = Trial(state, args, started)
    try:
        return _compared(commands, trial, at)
    finally:
        trial.end_children()


def _compared(commands: list[Command], trial: Trial, at: int) -> list[Any]:
    matcher = Matcher(Facts(tmp=(), host=os.uname().nodename))
    bindings: Bindings = {}
    for number, command in enumerate(commands):
        os.pwrite(at, b"%9d" % number, 0)
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
