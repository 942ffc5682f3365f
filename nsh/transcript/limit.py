"""Limit: an author's regular expression may not keep a replay for ever."""

from __future__ import annotations

import re
import signal
import threading
from types import FrameType

SECONDS = 1.0
"""What one expression may take for one line. Ordinary ones need microseconds."""


class _TooSlow(Exception):
    pass


def _stop(number: int, frame: FrameType | None) -> None:
    raise _TooSlow


def fullmatch(expression: re.Pattern[str], text: str, seconds: float = SECONDS) -> bool:
    """Whether the expression matches the whole text. Raises TimeoutError if that takes too long.

    The time is kept by setitimer(2), in the main thread only; another timer that runs goes on after.
    """
    if threading.current_thread() is not threading.main_thread():
        return expression.fullmatch(text) is not None
    handler = signal.signal(signal.SIGALRM, _stop)
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return expression.fullmatch(text) is not None
    except _TooSlow:
        raise TimeoutError(f"({expression.pattern}) needs more than {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        # What stands here if Python had no handler of its own is None.
        signal.signal(signal.SIGALRM, signal.SIG_DFL if handler is None else handler)
        signal.setitimer(signal.ITIMER_REAL, left, every)
