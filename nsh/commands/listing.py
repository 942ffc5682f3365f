"""The children that stay as text: the table of `children`, and the words for an end."""

from __future__ import annotations

import os
import signal
import time

from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nsh.run.living import Living
    from nsh.run.step import Stepping
    from nsh.voice.text import Fragment

_LEAST = (0, 7, 0, 6, 0, 0)
"""The least widths of the columns of `children`: a process id and a time do not move the others."""


_SHORTEST = 8
"""So much of a command is shown on a terminal, however narrow."""


def lines(
    children: Iterable[Living], stepped: Stepping | None = None, width: int = 0
) -> Iterator[list[Fragment]]:
    """The table: none if there are no children, and no run is being stepped through.

    A command that goes beyond ``width`` columns is cut, unless that is 0.
    """
    rows = [("name", "here", "inside", "", "own", "command")]
    for child in children:
        argv = child.plan.argv
        rows.append(
            (
                child.name,
                str(child.pid) if child.lives else "-",
                str(child.inside) if child.lives else "-",
                _since(child.began) if child.lives else ended(child.status or 0),
                (" ".join(child.plan.state.flags) or "none") + " (pinned)" * bool(child.pins),
                join(list(argv)) if argv else "(a pause)",
            )
        )
    if stepped is not None:
        rows.append(_of_step(stepped))
    if len(rows) == 1:
        return
    widths = [max([least, *[len(row[at]) for row in rows]]) for at, least in enumerate(_LEAST)]
    for number, row in enumerate(rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        text = _cut("  ".join(cells).rstrip(), width, sum(widths[:-1]) + 2 * len(widths[:-1]))
        if number == 0:
            yield [("heading", text)]
        elif row[1] == "-":
            yield [("ended", text)]
        else:
            yield [("new", text[: widths[0]]), ("", text[widths[0] :])]


def _cut(row: str, width: int, command: int) -> str:
    """A row that fits; at least a few characters of the command, which begins there, are left."""
    most = max(width, command + _SHORTEST)
    return row if not width or len(row) <= most else row[: most - 1] + "…"


def terminal_width() -> int:
    """The width of the terminal on standard output, 0 if there is none."""
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 0


def _of_step(stepped: Stepping) -> tuple[str, str, str, str, str, str]:
    from nsh.run.living import number_inside

    status = stepped.how_ended()
    pid = stepped.pid if status is None else 0
    return (
        "step",
        str(pid or "-"),
        str(number_inside(pid) if pid else "-"),
        f"at {stepped.place}" if status is None else ended(status),
        " ".join(stepped.plan.state.flags) or "none",
        join(list(stepped.plan.argv)),
    )


def ended(status: int) -> str:
    """A status in words."""
    if status > 128:
        try:
            return f"killed by {signal.Signals(status - 128).name}"
        except ValueError:
            pass
    return f"status {status}"


def _since(began: float) -> str:
    """How long ago that was, in words."""
    seconds = int(time.monotonic() - began)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
