"""History: one file of typed lines, shared by all sessions, or memory where there can be no file."""

from __future__ import annotations

import os

from prompt_toolkit.history import History

from nsh.files import joined, own_file, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable

READ_AT_MOST = 1 << 18
"""Bytes read from the end of the file."""

KEEP_AT_MOST = 4 * READ_AT_MOST
"""A larger file is cut to what is read of it, when a session starts."""


def history_path(environ: dict[str, str]) -> str:
    """Where the history is kept, "" if there is no place for it."""
    return own_file(environ, "XDG_STATE_HOME", ".local/state", "history")


class SharedHistory(History):
    """The lines of a file, one a line, appended one at a time and read again when it has changed.

    In the file the newlines within a line are carriage returns, and a line that ends in a blank
    says of the same one above it that it was typed wrong.

    ``trouble`` is why there is no file, "" if there is one. A line is appended by one write(2) to
    a descriptor opened with O_APPEND, so sessions at the same time do not mix their lines. The
    file is for its owner alone: lines may hold passwords.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.trouble = ""
        self._wrong: set[str] = set()
        self._read: tuple[int, int] | None = None
        if not path:
            self.trouble = "there is no home directory to keep it in"
            return
        try:
            os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
            os.close(self._open(os.O_RDWR))
        except OSError as error:
            self.trouble = error.strerror or str(error)
        else:
            self._trim()

    def _open(self, flags: int) -> int:
        fd = os.open(self.path, flags | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if os.fstat(fd).st_mode & 0o077:
            os.fchmod(fd, 0o600)
        return fd

    def _locked(self) -> int:
        """The file open for writing, with a lock that lasts until it is closed. See flock(2)."""
        import fcntl

        while True:
            fd = self._open(os.O_RDWR)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                # Another session may have put a shorter file in its place meanwhile.
                if os.path.samestat(os.fstat(fd), os.stat(self.path)):
                    return fd
            except OSError:
                os.close(fd)
                raise
            os.close(fd)

    def _trim(self) -> None:
        """Cut a file that has grown too large to its last lines, none of them lost or halved."""
        path = os.path.realpath(self.path)
        try:
            if os.stat(path).st_size <= KEEP_AT_MOST:
                return
            fd = self._locked()
            try:
                size = os.fstat(fd).st_size
                if size <= KEEP_AT_MOST:
                    return
                kept = os.pread(fd, READ_AT_MOST, size - READ_AT_MOST).partition(b"\n")[2]
                replace(path, kept)
            finally:
                os.close(fd)
        except OSError:
            pass  # it stays as long as it is

    async def load(self) -> AsyncGenerator[str, None]:
        """The lines, the last one first."""
        self.refresh()
        for item in self._loaded_strings:
            yield item

    def refresh(self) -> None:
        """Read the file again if another session has added to it."""
        if self.trouble:
            return
        try:
            fd = self._open(os.O_RDWR)
        except OSError:
            return
        try:
            status = os.fstat(fd)
            now = (status.st_size, status.st_mtime_ns)
            if now == self._read:
                return
            start = max(0, status.st_size - READ_AT_MOST)
            data = os.pread(fd, READ_AT_MOST, start)
            self._read = now
        except OSError:
            return
        finally:
            os.close(fd)
        lines = data.decode("utf-8", "surrogateescape").split("\n")
        if start:
            del lines[0]
        kept: list[str] = []
        self._wrong.clear()
        for line in filter(None, lines):
            text = line.rstrip(" ").replace("\r", "\n")
            if line.endswith(" "):
                self._wrong.add(text)
            else:
                self._wrong.discard(text)
                if kept[-1:] != [text]:
                    kept.append(text)
        self._loaded_strings = kept[::-1]
        self._loaded = True

    def load_history_strings(self) -> Iterable[str]:
        """The lines, the last one first: prompt_toolkit's hook."""
        self.refresh()
        return list(self._loaded_strings)

    def append_string(self, string: str) -> None:
        """Add a line, its continuation lines joined; a repeated one is not added."""
        line = joined(string).strip()
        if line and self._loaded_strings[:1] != [line]:
            self._loaded_strings.insert(0, line)
            self.store_string(line)

    def last_that_begins(self, text: str) -> str:
        """The last line that begins so and goes on, and was not typed wrong; "" if there is none."""
        for line in self._loaded_strings:
            if (
                line.startswith(text)
                and line != text
                and line not in self._wrong
                and "\n" not in line
            ):
                return line
        return ""

    def judge(self, line: str, wrong: bool) -> None:
        """Remember whether a line that has run was typed wrong."""
        line = line.strip()
        if wrong and line not in self._wrong:
            self._wrong.add(line)
            self.store_string(line + " ")
        elif not wrong and line in self._wrong:
            self._wrong.discard(line)
            self.store_string(line)

    def store_string(self, string: str) -> None:
        """Append a line to the file."""
        if self.trouble:
            return
        try:
            fd = self._locked()
            try:
                data = string.replace("\n", "\r").encode("utf-8", "surrogateescape")
                os.write(fd, data + b"\n")
            finally:
                os.close(fd)
        except OSError as error:
            self.trouble = error.strerror or str(error)
