"""Relay: passes on what commands print, and keeps it for a recording."""

from __future__ import annotations

import array
import fcntl
import os
import select
import signal
import socket
import termios


class Relay:
    """A process between a pipe and a descriptor that keeps what it passes on.

    It is nobody's child, and it stays as long as a command may still write into the pipe.
    """

    def __init__(self, out: int) -> None:
        self.kept = os.memfd_create("nsh-recording", os.MFD_CLOEXEC)
        read, self.pipe = os.pipe()
        self.control, theirs = socket.socketpair()
        first = os.fork()
        if first == 0:
            try:
                if os.fork() == 0:
                    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU):
                        signal.signal(number, signal.SIG_IGN)
                    for number in (signal.SIGTERM, signal.SIGHUP):
                        signal.signal(number, signal.SIG_DFL)
                    os.close(self.pipe)
                    self.control.close()
                    self._pass_on(read, theirs, out)
            finally:
                os._exit(0)
        os.waitpid(first, 0)
        os.close(read)
        theirs.close()

    def _pass_on(self, read: int, control: socket.socket, out: int) -> None:
        waiting: list[int] = [read, control.fileno()]
        while read in waiting:
            ready, _, _ = select.select(waiting, [], [])
            if read in ready and not self._forward(read, out, 1 << 16):
                return
            if control.fileno() in ready:
                order = control.recv(1)
                if not order:
                    waiting.remove(control.fileno())
                elif order == b"b":
                    os.ftruncate(self.kept, 0)
                    os.lseek(self.kept, 0, os.SEEK_SET)
                    control.sendall(b"b")
                else:
                    size = array.array("i", [0])
                    fcntl.ioctl(read, termios.FIONREAD, size)
                    left = size[0]
                    while left > 0:
                        left -= self._forward(read, out, left) or left
                    control.sendall(b"e")

    def _forward(self, read: int, out: int, most: int) -> int:
        part = os.read(read, most)
        write_all(self.kept, part)
        try:
            write_all(out, part)
        except OSError:
            pass  # the terminal has gone away; what is kept is what counts
        return len(part)

    def ask(self, order: bytes) -> None:
        """``b``: forget what was kept; ``e``: keep all that has been written by now."""
        self.control.sendall(order)
        self.control.recv(1)

    def text(self) -> bytes:
        """What came through since the last ``b``."""
        return os.pread(self.kept, os.fstat(self.kept).st_size, 0)

    def close(self) -> None:
        """Let the relay go; it ends with the last writer."""
        os.close(self.pipe)
        self.control.close()
        os.close(self.kept)


def write_all(fd: int, data: bytes) -> None:
    """Write all of it to a descriptor. Raises OSError."""
    while data:
        data = data[os.write(fd, data) :]
