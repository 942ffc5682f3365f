"""Plans, traces and namespaces as text. Calls look as strace(1) prints them."""

from __future__ import annotations

import errno
import os

from nsh.call import Call, Plan
from nsh.linux.namespaces import NAMESPACES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping


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


def trace_text(call: Call, values: Mapping[str, int], result: int, error: int) -> str:
    """One line of a trace: who makes the call, the call, and its result."""
    return f"[{call.actor}] {call.text(values)} = {result_text(call, result, error)}"


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan as a table: number, actor, call, and under it why.

    The directories of PATH that execve is tried in are one row.
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
        yield f"{number:>{wide}}  {tries[0].actor:<{actors}}  {tries[0].text()}"
        yield from _why(tries, " " * (wide + actors + 8))


def step_lines(
    number: int, total: int, tries: tuple[Call, ...], values: Mapping[str, int]
) -> Iterator[str]:
    """The call that is the next one of a stepped run: its number of all, the call, and why."""
    yield f"-> {number}/{total} {tries[0].actor}: {tries[0].text(values)}"
    yield from _why(tries, " " * 7)


def _why(tries: tuple[Call, ...], margin: str) -> list[str]:
    """Why a call is made; of several tries of execve, why there are several, too."""
    import textwrap

    why = tries[0].why
    if len(tries) > 1:
        why += f"; if it is not there, the next of the {len(tries)} directories of PATH is tried"
    return textwrap.wrap(why, 80, initial_indent=margin, subsequent_indent=margin)


def ns_lines(
    here: Mapping[str, str],
    there: Mapping[str, str],
    whose: str = "next run",
    other: str = "new",
    joined: Collection[str] = (),
) -> list[str]:
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
    widths = [max([len(row[column]) for row in rows]) for column in range(5)]
    return [
        "  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]).rstrip()
        for row in rows
    ]
