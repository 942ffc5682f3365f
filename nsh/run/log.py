"""Log: what a child that stays has written, the last of it, in memory that two processes share.

The keeper of the child writes it, nsh reads it. It is a file without a name (memfd_create(2)), so
nothing is left when both have ended.
"""

from __future__ import annotations

import mmap
import os
import struct

from nsh.linux.descriptors import close

SIZE = 1 << 20
"""How many bytes are kept: the last ones."""

_START = mmap.PAGESIZE
_NUMBER = struct.Struct("=q")
_MAIN, _TOTAL, _BUSY = 0, 8, 16


class Log:
    """The file; made before the fork of who writes it.

    name  what the child is called
    """

    def __init__(self, name: str) -> None:
        self.name = name
        fd = os.memfd_create("log")
        try:
            os.ftruncate(fd, _START + SIZE)
            self._memory = mmap.mmap(fd, _START + SIZE)
        finally:
            close(fd)

    def _get(self, at: int) -> int:
        return int(_NUMBER.unpack_from(self._memory, at)[0])

    def _set(self, at: int, number: int) -> None:
        _NUMBER.pack_into(self._memory, at, number)

    @property
    def main(self) -> int:
        """The process whose end is the end of the child, 0 as long as nsh does not know it."""
        return self._get(_MAIN)

    @main.setter
    def main(self, pid: int) -> None:
        self._set(_MAIN, pid)

    @property
    def total(self) -> int:
        """How many bytes have been written in all."""
        return self._get(_TOTAL)

    @property
    def is_busy(self) -> bool:
        """Whether something that has been read is not yet in the file."""
        return bool(self._get(_BUSY))

    def take(self, output: int) -> bool:
        """Take over what a pipe holds now, 64 KiB at most. False at its end of file.

        ``output`` does not block. Raises OSError.
        """
        self._set(_BUSY, 1)
        try:
            try:
                data = os.read(output, 65536)
            except BlockingIOError:
                return True
            total = self.total
            at = total % SIZE
            first = data[: SIZE - at]
            self._memory[_START + at : _START + at + len(first)] = first
            rest = data[len(first) :]
            self._memory[_START : _START + len(rest)] = rest
            self._set(_TOTAL, total + len(data))
            return bool(data)
        finally:
            self._set(_BUSY, 0)

    def read(self) -> tuple[int, bytes]:
        """How many bytes were dropped, and those that are kept."""
        while True:
            total = self.total
            kept = bytes(self._memory[_START : _START + SIZE])
            if (written := self.total - total) < SIZE:
                break
        # What was written over meanwhile lies where the oldest bytes were.
        size = min(total, SIZE)
        at = total % SIZE
        ordered = kept[at:] + kept[:at] if total > SIZE else kept[:size]
        lost = max(0, written - (SIZE - size))
        return total - size + lost, ordered[lost:]

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()
