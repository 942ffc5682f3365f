"""A terminal for tests: a program in a session of its own, what is typed to it, what it writes."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import NSH
from tests.runs import until

CTRL_C, CTRL_Z = "\x03", "\x1a"
PROMPT = "nsh> "
ENV = {
    "PATH": "/usr/bin:/bin",
    "TERM": "dumb",
    "LC_ALL": "C",
    "HOME": "/",
    "PS1": "bash> ",
    "HISTFILE": "",
}


def processes() -> dict[int, tuple[str, str, int]]:
    """pid: (command line, state, session)."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
                words = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ")
            except (FileNotFoundError, ProcessLookupError):
                continue
            found[int(name)] = words.decode(errors="replace").strip(), stat[0], int(stat[3])
    return found


class Terminal:
    """A program in a session of its own, on a new terminal, and what it has written."""

    def __init__(self, *argv: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(argv[0], argv, ENV)
            finally:
                os._exit(127)
        self.text = ""
        self.at = 0
        self.status: int | None = None

    def read(self, seconds: float) -> bool:
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            part = os.read(self.fd, 65536)
        except OSError:  # EIO: nobody has the terminal open any more
            return False
        self.text += part.decode(errors="replace")
        return bool(part)

    def expect(self, pattern: str, seconds: float = 30) -> str:
        """Read until the pattern has come, after what was expected before; what stood before it."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.text[self.at :])):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.text[self.at :]!r}"
            self.read(0.1)
        before = self.text[self.at : self.at + found.start()]
        self.at += found.end()
        return before

    def type(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def line(self, text: str) -> None:
        self.type(text + "\r")

    def inside(self, command: str, state: str = "") -> int:
        """Wait for a process of this session with that command line (and state), and its pid."""

        def pids() -> list[int]:
            return [
                pid
                for pid, (words, now, session) in processes().items()
                if words == command and session == self.pid and state in ("", now)
            ]

        until(pids, command)
        return pids()[0]

    def modes(self) -> list[object]:
        return list(termios.tcgetattr(self.fd))

    def foreground(self) -> int:
        return os.tcgetpgrp(self.fd)

    def wait(self) -> int:
        """The exit code, -N for signal N; all output has been read then."""

        def ended() -> bool:
            self.read(0.01)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            return bool(pid)

        until(ended, "the end")
        while self.read(0.01):
            pass
        assert self.status is not None
        return self.status


@contextmanager
def at_terminal(*argv: str) -> Iterator[Terminal]:
    terminal = Terminal(*argv)
    try:
        yield terminal
        if terminal.status is None:
            assert "Traceback" not in terminal.text
    finally:
        if terminal.status is None:
            os.kill(terminal.pid, signal.SIGKILL)
            os.waitpid(terminal.pid, 0)
        os.close(terminal.fd)
        left = [pid for pid, (_, _, session) in processes().items() if session == terminal.pid]
        deadline = time.monotonic() + 10
        while left and time.monotonic() < deadline:
            time.sleep(0.01)
            left = [pid for pid in left if pid in processes()]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, "processes were left behind"


@contextmanager
def prompt(*lines: str) -> Iterator[Terminal]:
    """nsh at its prompt, after these lines; in the end it must be well and leave."""
    with at_terminal(*NSH) as terminal:
        terminal.expect(PROMPT)
        for text in lines:
            terminal.line(text)
            terminal.expect(PROMPT)
        yield terminal
        terminal.line("run echo ali'v'e")
        terminal.expect("alive\r\n")
        terminal.expect(PROMPT)
        assert terminal.foreground() == os.getpgid(terminal.pid)
        terminal.line("quit 0")
        assert terminal.wait() == 0
        assert "Traceback" not in terminal.text
