"""Plans, traces and namespaces as text. Calls look as strace(1) prints them."""

from __future__ import annotations

import errno
import os

from nsh.call import Call, Plan
from nsh.linux.namespaces import NAMESPACES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from nsh.voice.text import Fragment


FOLDED = 4
"""From how many directories of PATH on the tries of execve in them are not shown one by one."""


def result_text(call: Call, result: int, error: int) -> str:
    """The result of a call as strace prints it: ``0``, a pid, ``-1 ENOENT (No such file …)``."""
    if error:
        return f"-1 {errno.errorcode.get(error, error)} ({os.strerror(error)})"
    if call.name == "rt_sigtimedwait":
        return "?"
    if call.name == "poll" and result == 0:
        return "0 (Timeout)"
    return str(result)


def failed_text(call: Call, values: Mapping[str, int], error: int) -> str:
    """A call that failed, with its result; a helper program that said no has none."""
    if not error and call.name == "wait4":
        return call.text(values)
    return f"{call.text(values)} = {result_text(call, -1, error)}"


def trace_line(call: Call, values: Mapping[str, int], result: int, error: int) -> list[Fragment]:
    """One line of a trace: who makes the call, the call, and its result."""
    return [
        (f"actor {call.actor}", f"[{call.actor}]"),
        ("", " "),
        *_call(call.text(values)),
        ("error" if error else "why", f" = {result_text(call, result, error)}"),
    ]


class Folded:
    """Takes the calls of a trace and says each as a line; a program looked for in PATH is one line.

    ``say`` takes the lines. ``end`` is to be called at the end of the run.
    """

    def __init__(self, say: Callable[[list[Fragment]], None]) -> None:
        self.say = say
        self.tries: list[tuple[Call, Mapping[str, int]]] = []  # of execve, which found nothing

    def __call__(self, call: Call, values: Mapping[str, int], result: int, error: int) -> None:
        """A call was made, with that result, or that errno."""
        if call.name == "execve" and error == errno.ENOENT:
            self.tries.append((call, dict(values)))
            return
        self.end()
        self.say(trace_line(call, values, result, error))

    def end(self) -> None:
        """Say what is still to be said."""
        if not self.tries:
            return
        tries = self.tries.copy()
        self.tries.clear()
        for call, values in tries if len(tries) < FOLDED else tries[:1]:
            self.say(trace_line(call, values, -1, errno.ENOENT))
        if len(tries) >= FOLDED:
            text = f"execve(...) = {result_text(call, -1, errno.ENOENT)}"
            text = f"[{call.actor}] {text} in {len(tries) - 1} more directories of PATH"
            self.say([("why", text)])


def plan_lines(plan: Plan) -> Iterator[list[Fragment]]:
    """The plan as a table: number, actor, call, and under it why.

    The directories of PATH that execve is tried in are one row, which shows the one where the
    program is on this host.
    """
    rows: list[tuple[str, tuple[Call, ...]]] = []
    first = 1
    for tries in plan.rows():
        last = first + len(tries) - 1
        rows.append((str(first) if last == first else f"{first}-{last}", tries))
        first = last + 1
    wide = max([len(number) for number, _ in rows])
    actors = max([len(call.actor) for call in plan.calls])
    for number, tries in rows:
        shown, why = _explained(tries)
        yield [
            ("number", f"{number:>{wide}}  "),
            (f"actor {shown.actor}", f"{shown.actor:<{actors}}"),
            ("", "  "),
            *_call(shown.text()),
        ]
        yield from _why_lines(why, " " * (wide + actors + 8))


def step_lines(
    number: int, total: int, tries: tuple[Call, ...], values: Mapping[str, int]
) -> Iterator[list[Fragment]]:
    """The call that is the next one of a stepped run: its number of all, the call, and why."""
    shown, why = _explained(tries)
    yield [
        ("arrow", "-> "),
        ("number", f"{number}/{total} "),
        (f"actor {shown.actor}", f"{shown.actor}:"),
        ("", " "),
        *_call(shown.text(values)),
    ]
    yield from _why_lines(why, " " * 7)


def _call(text: str) -> list[Fragment]:
    """A call as strace prints it, with its name set off."""
    name, bracket, rest = text.partition("(")
    return [("title", name), ("", bracket + rest)]


def _explained(tries: tuple[Call, ...]) -> tuple[Call, str]:
    """The call that stands for a row, and why it is made: a row is one call, or tries of one execve."""
    first = tries[0]
    if len(tries) == 1:
        return first, first.why
    found = _found_in(tries)
    there = f"{found.args[0]} is the first there is" if found else "none is there"
    why = f"{first.why}; of the tries in {len(tries)} directories of PATH, {there} on this host"
    return (found if found and len(tries) >= FOLDED else first), why


def _found_in(tries: tuple[Call, ...]) -> Call | None:
    """Of several tries of execve the one whose program is there on this host, None if none is."""
    for call in tries:
        path = str(call.args[0])
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return call
    return None


def _why_lines(why: str, margin: str) -> Iterator[list[Fragment]]:
    """Why a call is made, below it."""
    import textwrap

    for line in textwrap.wrap(why, 80, initial_indent=margin, subsequent_indent=margin):
        yield [("why", line)]


def ns_lines(
    here: Mapping[str, str],
    there: Mapping[str, str],
    whose: str = "next run",
    other: str = "new",
    joined: Collection[str] = (),
) -> list[list[Fragment]]:
    """The table of ``ns``: each namespace, the inode here and the one there.

    ``whose`` is what stands above that column, ``other`` what is said of one that differs, unless
    it is of a kind that is ``joined``.
    """
    rows = [("ns", "flag", "this shell", whose, "")]
    for namespace in NAMESPACES:
        mine = here.get(namespace.name, "-")
        theirs = there.get(namespace.name, "-")
        word = "joined" if namespace.name in joined else other
        word = "-" if "-" in (mine, theirs) else "shared" if mine == theirs else word
        rows.append((namespace.name, namespace.constant, mine, theirs, word))
    widths = [max([len(row[column]) for row in rows]) for column in range(4)]
    return [_ns_line(row, widths) for row in rows]


def _ns_line(row: tuple[str, ...], widths: list[int]) -> list[Fragment]:
    """One row of the table of ``ns``. What it says of the namespace is how the inode there looks."""
    *cells, word = row
    if not word:
        cells = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        return [("heading", "  ".join(cells).rstrip())]
    look = {"shared": "shared", "joined": "joined", "-": ""}.get(word, "new")
    name, flag, mine, theirs = [
        f"{cell:<{width}}  " for cell, width in zip(cells, widths, strict=True)
    ]
    return [("title", name), ("why", flag), ("", mine), (look, theirs + word)]
