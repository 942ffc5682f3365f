"""Errors: what a command that could not do its work says, as values. base.py puts them into words."""

from __future__ import annotations

import os

from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class Failure(Exception):
    """A command that could not do its work.

    why     one sentence
    fixes   lines to type that mend it
    status  the exit status of the command
    """

    status = 1

    def __init__(self, why: str, *fixes: str, status: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.fixes = fixes
        if status is not None:
            self.status = status


class Refusal(Failure):
    """A plan that is not made: because it would reach the host, or because something it needs is not there."""


class Usage(Failure):
    """A command that was not typed right.

    ``onecmd`` puts the name of the command before the reason; without a reason it shows the usage
    line, without fixes the command's ``help``.
    """

    status = 2

    def __init__(self, why: str = "", *fixes: str) -> None:
        super().__init__(why, *fixes)


class OutputFailed(Exception):
    """Standard output takes no more: closed, a full disk, nobody reads.

    ``errno`` is what write(2) gave, 0 if there is no standard output.
    """

    def __init__(self, error: BaseException) -> None:
        is_os = isinstance(error, OSError)
        super().__init__(
            (error.strerror or str(error)) if isinstance(error, OSError) else "it is closed"
        )
        self.errno = (error.errno or 0) if is_os else 0  # type: ignore[attr-defined]


class Interrupted(Exception):
    """Ctrl-C ended a command: what was to come after it, a whole script too, is not run."""


class LastError(Value):
    """The last error, for ``explain``.

    command  the command that met it
    lines    what was said about it
    call     the system call that failed, "" if none was made
    errno    its errno's name, "" if there is none
    """

    command: str
    lines: tuple[str, ...]
    call: str = ""
    errno: str = ""


OWN_FAILURES = (OSError, ImportError, MemoryError)
"""What a system call of nsh itself raises that fails, such as to read a file of its own code."""


def own_failure(error: BaseException) -> str:
    """What to say of a system call of nsh itself that failed, or of its memory that ran out."""
    if isinstance(error, OSError):
        what = (
            f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, str | bytes) else ""
        )
        return f"a system call of nsh itself failed: {error.strerror or error}{what}"
    if isinstance(error, MemoryError):
        return "nsh has no memory left for this"
    return f"a part of nsh could not be loaded: {error}"


def closest(word: str, known: Iterable[str], cutoff: float = 0.7) -> str:
    """The known word that a mistyped one may have meant, "" if none is close.

    ``cutoff`` is how alike they must be, from 0 to 1: see difflib.get_close_matches.

    >>> closest("flag", ["flags", "run"]), closest("x", ["flags"])
    ('flags', '')
    """
    import difflib

    found = difflib.get_close_matches(word[:80], list(known), 1, cutoff)
    return found[0] if found else ""


def no_such_word(command: str, word: str, known: Iterable[str]) -> Usage:
    """The error of an argument that is none of the words which a command knows."""
    known = list(known)
    close = closest(word.lower(), known, 0.5)
    return Usage(
        f"{word!r} is none of {', '.join(known)}", *[f"{command} {close}"] if close else []
    )
