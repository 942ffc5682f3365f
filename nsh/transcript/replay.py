"""Replay: runs a transcript in a fresh nsh and compares what it prints.

The fresh nsh gets one command at a time over a socket and answers when it has ended. What is then
in the pipe that both outputs go to belongs to that command: a pipe holds all that was written
before the answer. So nothing that a command prints can be taken for the end of it.
"""

from __future__ import annotations

import array
import fcntl
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nsh.transcript.align import Step, alignment, matches
from nsh.transcript.encode import lines_of
from nsh.transcript.environment import first_unmet, replay_environ
from nsh.transcript.glob import Facts
from nsh.transcript.limit import SECONDS
from nsh.transcript.match import Bindings, Line, Matcher
from nsh.transcript.parse import Command, Transcript

MAX_OUTPUT = 32 << 20
"""Bytes that one transcript may print."""


class Stopped(Exception):
    """The session cannot go on. ``output`` is what its last command printed until then."""

    def __init__(self, why: str, output: bytes) -> None:
        super().__init__(why)
        self.why = why
        self.output = output


@dataclass(frozen=True)
class Printed:
    """What one command did: its output, its status, whether it ended nsh, the processes it made."""

    output: bytes
    status: int
    ended: bool = False
    pids: tuple[int, ...] = ()


class Session:
    """A fresh nsh in a directory of its own: stdin /dev/null, both outputs in one pipe.

    Use it as a context manager; at its end nothing of it is left. ``timeout`` is in seconds, for
    the whole session.
    """

    def __init__(self, timeout: float, environ: Mapping[str, str] | None = None) -> None:
        self.timeout = timeout
        self.environ = os.environ if environ is None else environ
        self.directory = ""
        self.room = ""
        self.printed = 0

    def __enter__(self) -> Session:
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="nsh-"))
        self.room = f"{self.directory}/room"
        state = f"{self.directory}/state"
        os.mkdir(self.room)
        os.mkdir(state)
        mine, theirs = socket.socketpair()
        self.control = mine
        self.out, write = os.pipe()
        program = str(Path(__file__).parent.with_name("__main__.py"))
        try:
            self.guard = subprocess.Popen(
                [sys.executable, "-I", program, "--serve", str(theirs.fileno()), state],
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                cwd=self.room,
                env=replay_environ(self.environ),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except BaseException:
            mine.close()
            os.close(self.out)
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        finally:
            theirs.close()
            os.close(write)
        self.deadline = time.monotonic() + self.timeout
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.out, selectors.EVENT_READ)
        self.selector.register(self.control, selectors.EVENT_READ)
        return self

    def __exit__(self, *_: object) -> None:
        self.control.close()
        self.guard.send_signal(signal.SIGTERM)
        # The guard ends when all are gone. A process that prints on may wait for a reader.
        os.close(self.out)
        self.guard.wait()
        self.selector.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, text: str) -> Printed:
        """Run one command, as typed (with its continuation lines). Raises Stopped."""
        data = text.encode("utf-8", "surrogateescape")
        output = bytearray()
        try:
            self.control.sendall(b"%d\n%s" % (len(data), data))
        except OSError:
            raise Stopped("nsh has ended before", bytes(output)) from None
        answer = b""
        while not answer.endswith(b"\n"):
            left = self.deadline - time.monotonic()
            ready = {key.fd for key, _ in self.selector.select(max(left, 0))} if left > 0 else set()
            if self.out in ready:
                self._take(output, 1 << 16)
            if self.control.fileno() in ready:
                part = self._answer()
                if not part:
                    self._drain(output)
                    raise Stopped("nsh ended in the middle of it", bytes(output))
                answer += part
            if not ready:
                raise Stopped(f"no end after {self.timeout:g} s: timed out", bytes(output))
        self._drain(output)
        status, how, *pids = answer.split()
        return Printed(bytes(output), int(status), how == b"ended", tuple(int(pid) for pid in pids))

    def _answer(self) -> bytes:
        try:
            return self.control.recv(4096)
        except ConnectionResetError:
            return b""

    def _take(self, output: bytearray, most: int) -> None:
        part = os.read(self.out, most)
        if not part:
            self.selector.unregister(self.out)
        output += part
        self.printed += len(part)
        if self.printed > MAX_OUTPUT:
            raise Stopped(f"it prints more than {MAX_OUTPUT >> 20} MiB", b"")

    def _drain(self, output: bytearray) -> None:
        """Take what is in the pipe now, not what a background process may still add."""
        size = array.array("i", [0])
        fcntl.ioctl(self.out, termios.FIONREAD, size)
        end = len(output) + size[0]
        while len(output) < end:
            before = len(output)
            self._take(output, end - len(output))
            if len(output) == before:
                break


@dataclass
class Result:
    """One command of a replay.

    lines   what it printed
    steps   those lines beside the expected ones
    status  the exit status, -1 if it did not end
    before  what the named holes had caught before it, ``after`` after it
    """

    command: Command
    lines: list[Line]
    status: int
    steps: list[Step]
    before: Bindings
    after: Bindings
    pids: tuple[int, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether output and status are as expected."""
        return self.status == self.command.status and matches(self.steps)

    @property
    def differs(self) -> bool:
        """Whether the command ended, and not as expected."""
        return not self.passed and self.status >= 0


@dataclass
class Replay:
    """A whole replay.

    results  of the commands that ran, in order
    stopped  why the rest did not run, "" if all ran; ``stopped_at`` is the line of the command
    skipped  (line, why) if it was not run at all
    """

    transcript: Transcript
    results: list[Result] = field(default_factory=list)
    stopped: str = ""
    stopped_at: int = 0
    skipped: tuple[int, str] | None = None
    seconds: float = 0.0
    matcher: Matcher = field(default_factory=Matcher)

    @property
    def passed(self) -> bool:
        """Whether every command ran and was as expected."""
        return not self.stopped and all(result.passed for result in self.results)


def replay_transcript(transcript: Transcript, environ: Mapping[str, str] | None = None) -> Replay:
    """Run all commands of a transcript and compare. Needs Linux for those that run something."""
    done = Replay(transcript, skipped=transcript.skip or first_unmet(transcript.requires))
    if done.skipped:
        return done
    start = time.monotonic()
    with Session(transcript.timeout, environ) as session:
        user = os.environ.get("USER") or _user()
        done.matcher = Matcher(Facts((session.room, session.directory), os.uname().nodename, user))
        bindings: Bindings = {}
        for number, command in enumerate(transcript.commands):
            try:
                printed = session.run(command.text)
            except Stopped as stopped:
                done.stopped, done.stopped_at = stopped.why, command.line
                printed = Printed(stopped.output, -1)
            lines = lines_of(printed.output)
            steps, after = alignment(command.expects, lines, done.matcher, bindings)
            done.results.append(
                Result(command, lines, printed.status, steps, bindings, after, printed.pids)
            )
            bindings = after
            if done.matcher.slow and not done.stopped:
                slow = done.matcher.slow[0]
                done.stopped_at = slow.line
                done.stopped = (
                    f"the regular expression needs more than {SECONDS:g} s for a printed line"
                )
            if done.stopped:
                break
            if printed.ended and number + 1 < len(transcript.commands):
                done.stopped, done.stopped_at = "it ended nsh; the rest was not run", command.line
                break
    done.seconds = time.monotonic() - start
    return done


def _user() -> str:
    from nsh.host import Host

    return Host().user
