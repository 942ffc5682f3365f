"""Goal: the check of a lesson's goals, by what the kernel shows in children of the learner's state.

What was typed plays no part. A goal is checked in a process of its own, because it may hang: that
process is then killed with all that it started, and nsh goes on. Since it runs in whatever state
the learner has, a goal only looks, or looks first whether it is where it may change something.
"""

from __future__ import annotations

import os
import re

from nsh.course.trial import Trial, limited
from nsh.course.trial import acts as acts
from nsh.course.trial import done as done
from nsh.transcript.align import alignment, matches
from nsh.transcript.encode import lines_of
from nsh.transcript.glob import Facts
from nsh.transcript.match import Bindings, Matcher
from nsh.transcript.parse import DEFAULT_TIMEOUT, Command
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from nsh.course.trial import Started
    from nsh.state import State

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
    found = limited(lambda: _first_miss(commands, state, args, dict(started or {})), seconds)
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
