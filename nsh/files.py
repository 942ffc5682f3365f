"""Files: how the lines of a script are read, and how a file is written whole or not at all."""

from __future__ import annotations

import os
import sys

from nsh import words
from nsh.core import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

BYTE_ORDER_MARK = os.fsdecode(b"\xef\xbb\xbf")


def logical_lines(lines: Iterable[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Lines joined where a backslash continues them: first line's number, whole line, its parts.

    The end of a line may be CR LF, and the first may begin with a byte order mark.
    """
    parts: list[str] = []
    whole: list[str] = []
    context = ""
    for at, line in enumerate(lines, 1):
        line = line.removesuffix("\n").removesuffix("\r")
        if at == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        parts.append(line)
        more = words.continuation(context + line)
        whole.append(line if more is None else line[:-1])
        if more is not None:
            context = more
            continue
        yield at - len(parts) + 1, "".join(whole), parts
        parts, whole, context = [], [], ""
    if parts:
        yield at - len(parts) + 1, "".join(whole), parts


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
    temporary = f"{real}.{os.getpid()}~"
    with open(temporary, "xb", buffering=0) as file:
        try:
            file.write(data)
            if os.path.exists(real):
                os.fchmod(file.fileno(), os.stat(real).st_mode & 0o7777)
            os.replace(temporary, real)
        except OSError:
            os.unlink(temporary)
            raise
