"""The pager: where a long answer is shown that would not fit on the screen."""

from __future__ import annotations

import os
import sys


def is_dumb(environ: dict[str, str]) -> bool:
    """Whether the terminal cannot move its cursor, as TERM says."""
    return environ.get("TERM", "") in ("", "dumb", "unknown")


_BELOW = 3
"""The lines that come below a text: the prompt, and its toolbar in a lesson."""


def page(text: str) -> bool:
    """Show a text in the pager, if the terminal is too small for it. False if it still is to show.

    $PAGER, or less -RX, which leaves the text on the screen. See less(1).
    """
    environ = os.environ
    if not (os.isatty(0) and os.isatty(1)) or is_dumb(dict(environ)):
        return False
    columns, rows = os.get_terminal_size(1)
    height = sum([1 + max(0, len(line) - 1) // max(1, columns) for line in text.split("\n")])
    pager = environ.get("PAGER", "less -RX")
    if height + _BELOW < rows or not pager.strip():
        return False
    import shutil
    import signal
    import subprocess

    if shutil.which(pager.split()[0]) is None:
        return False
    # Ctrl-C is the pager's. A handler, and not SIG_IGN, which the pager would inherit.
    old = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen(["/bin/sh", "-c", pager], stdin=subprocess.PIPE) as process:
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
