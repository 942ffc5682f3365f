"""Files: how the lines of a script are read, and how a file is written whole or not at all."""

from __future__ import annotations

import os
import sys

from nsh.errors import Failure
from nsh.lines import behind_more, behind_prompt, continuation
from nsh.value import Value
from nsh.words import PROMPT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

BYTE_ORDER_MARK = os.fsdecode(b"\xef\xbb\xbf")


class LogicalLine(Value):
    """One line of a script, or several that belong together.

    number  of its first line, from 1 on
    text    the whole line
    parts   the lines that it was typed on
    """

    number: int
    text: str
    parts: tuple[str, ...]


def logical_lines(lines: Iterable[str], session: bool | None = None) -> Iterator[LogicalLine]:
    """Lines joined where one continues the other: after a backslash, in a quote of a shell's line.

    The end of a line may be CR LF, and the first may begin with a byte order mark. ``session``:
    whether they are a copied session, in which only what stands behind a prompt was typed; if that
    is None, the first of them that is no comment tells. A single copied prompt is taken off.
    """
    parts: list[str] = []
    whole: list[str] = []
    context = ""
    for at, line in enumerate(lines, 1):
        line = line.removesuffix("\n").removesuffix("\r")
        if at == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        if session is not False or _SIGN in line:
            typed = behind_prompt(line)
            if parts and session:
                if typed is None and (more := behind_more(line)) is not None:
                    line = more
                else:
                    yield LogicalLine(at - len(parts), "".join(whole), tuple(parts))
                    parts, whole, context = [], [], ""
            if not parts:
                if session is None:
                    session = _tells(line)
                if typed is not None:
                    line = typed
                elif session:
                    continue
        parts.append(line)
        if more_follows := continuation(context + line):
            start, after = more_follows
            whole.append(start[len(context) :])
            context = after
            continue
        whole.append(line)
        yield LogicalLine(at - len(parts) + 1, "".join(whole), tuple(parts))
        parts, whole, context = [], [], ""
    if parts:
        yield LogicalLine(at - len(parts) + 1, "".join(whole), tuple(parts))


_SIGN = PROMPT.rstrip()


def _tells(line: str) -> bool | None:
    """Whether a line is of a copied session, the only one or its fence; None if it may be both."""
    if behind_prompt(line) is not None or line.startswith("```nsh"):
        return True
    return False if line.strip() and not line.startswith("#") else None


def open_script(path: str) -> list[str]:
    """The lines of a script file. Raises Failure if it cannot be read or is no text."""
    try:
        with open_text(path) as file:
            first = file.readline()
            if "\0" not in first:
                return [first, *file.readlines()] if first else []
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}") from None
    raise Failure(f"cannot read {path}: it is a binary file, not lines of text")


def open_text(file: str | int) -> TextIO:
    """Open a file of lines to read. What is not valid text passes through nsh unchanged."""
    return open(file, encoding=sys.getfilesystemencoding(), errors="surrogateescape", newline="\n")


def write_whole(path: str, text: str) -> None:
    """Write a file as a whole: a regular file changes at once or not at all. Raises OSError."""
    data = os.fsencode(text)
    real = os.path.realpath(path)
    if path.startswith(("/dev/", "/proc/")) or (os.path.exists(real) and not os.path.isfile(real)):
        # A device, a pipe or a descriptor is written to, never replaced; an open one goes on where
        # it stands.
        fd = {"/dev/stdout": 1, "/dev/stderr": 2}.get(path)
        with open(path if fd is None else os.dup(fd), "ab", buffering=0) as file:
            file.write(data)
        return
    replace(real, data)


def replace(path: str, data: bytes) -> None:
    """Put the data in the place of a regular file in one step; its owner and mode stay.

    ``path`` is no link. A file that is not there yet is made. Raises OSError, and then nothing
    has changed.
    """
    try:
        before = os.stat(path)
    except FileNotFoundError:
        before = None
    temporary = f"{path}.{os.getpid()}~"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    # Private until it is known for whom it is.
    fd = os.open(temporary, flags, 0o600 if before else 0o666)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()  # all of it, or an error: a disk may be full
            if before:
                _take_after(fd, before)
            os.fsync(fd)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _take_after(fd: int, before: os.stat_result) -> None:
    now = os.fstat(fd)
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        try:
            # Under sudo the file stays its author's; chown(2) clears setuid, so it is first.
            os.fchown(fd, before.st_uid, before.st_gid)
        except PermissionError:
            pass  # an ordinary user who may write here; the new file is theirs
    os.fchmod(fd, before.st_mode & 0o7777)


def own_file(environ: dict[str, str], variable: str, default: str, name: str) -> str:
    """A file of that name in nsh's own directory under an XDG base directory, "" if there is no place.

    A relative base counts as not set. Without HOME, the user database says where home is. See the
    XDG Base Directory Specification, and passwd(5).
    """
    base = environ.get(variable, "")
    if not base.startswith("/"):
        home = environ.get("HOME", "")
        if not home.startswith("/"):
            home = _home()
        if not home.startswith("/"):
            return ""
        base = os.path.join(home, default)
    return os.path.join(base, "nsh", name)


def _home() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""
