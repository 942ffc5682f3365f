"""The children that stay as text: the table of `children`, and the words for an end."""

from __future__ import annotations

import signal
import time

from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nsh.run.living import Living

_LEAST = (0, 7, 0, 6, 0, 0)
"""The least widths of the columns of `children`: a process id and a time do not move the others."""


def lines(children: Iterable[Living]) -> Iterator[str]:
    """The table: none if there are no children."""
    rows = [("name", "here", "inside", "", "own", "command")]
    for child in children:
        argv = child.plan.argv
        rows.append(
            (
                child.name,
                str(child.pid) if child.lives else "-",
                str(child.inside) if child.lives else "-",
                _since(child.began) if child.lives else ended(child.status or 0),
                " ".join(child.plan.state.flags) or "none",
                join(list(argv)) if argv else "(a pause)",
            )
        )
    if len(rows) == 1:
        return
    widths = [max([least, *[len(row[at]) for row in rows]]) for at, least in enumerate(_LEAST)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()


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
