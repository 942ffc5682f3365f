"""The pager: where a long answer is shown that would not fit on the screen."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

BELOW = 3
"""So many rows below a text are the next prompt's and its toolbar's."""

LEAVING = "q leaves, Space goes on, / searches"
"""What less says at its prompt, where it would show a bare colon."""


def is_dumb(environ: Mapping[str, str]) -> bool:
    """Whether the terminal cannot move its cursor, as TERM says."""
    return environ.get("TERM", "") in ("", "dumb", "unknown")


def page(text: str) -> bool:
    """Show a text in the pager, if the terminal is too small for it. False if it still is to show.

    $PAGER, or less. What has colours in it takes no more room with them. See less(1).
    """
    environ = os.environ
    if not (os.isatty(0) and os.isatty(1)) or is_dumb(environ):
        return False
    columns, rows = os.get_terminal_size(1)
    if fits(text, columns, rows):
        return False
    pager = environ.get("PAGER", "less")
    if not pager.strip():
        return False
    import shutil
    import signal
    import subprocess

    if shutil.which(pager.split()[0]) is None:
        return False
    # Ctrl-C is the pager's. A handler, and not SIG_IGN, which the pager would inherit.
    old = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen(
            ["/bin/sh", "-c", pager], stdin=subprocess.PIPE, env=for_less(dict(environ))
        ) as process:
            assert process.stdin is not None
            try:
                process.stdin.write(text.encode(errors="surrogateescape") + b"\n")
                process.stdin.close()
            except BrokenPipeError:
                pass  # left before the end
            process.wait()
    except OSError:
        return False
    finally:
        signal.signal(signal.SIGINT, old)
        sys.stdout.flush()
    return process.returncode not in (126, 127)


def fits(text: str, columns: int, rows: int) -> bool:
    """Whether a text and the prompt below it fit a terminal of that size."""
    return height(text, columns) + BELOW <= rows


def height(text: str, columns: int) -> int:
    """How many rows of a terminal a text takes; its SGR sequences take no room.

    >>> height("one\\ntwo", 80), height("\\x1b[1mfour\\x1b[0m", 4), height("fours", 4)
    (2, 1, 2)
    """
    import re

    lines = re.sub("\x1b\\[[0-9;]*m", "", text).split("\n")
    return sum([1 + max(0, len(line) - 1) // max(1, columns) for line in lines])


def for_less(environ: dict[str, str]) -> dict[str, str]:
    """The environment of a pager: less says how to leave, and writes no files and runs no commands.

    The user's own LESS comes first, up to a $, which ends also a +COMMAND or a text in it; without
    one, less leaves the text on the screen (X) and shows colours (R). See less(1), PROMPTS and
    SECURITY.
    """
    own = environ.get("LESS", "RX")
    prompts = f"-Ps{LEAVING}$-Pm{LEAVING}$"
    return {**environ, "LESS": f"{own}{'$ ' if own else ''}{prompts}", "LESSSECURE": "1"}
