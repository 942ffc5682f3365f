"""Record: writes a session, as it is typed, as a transcript.

While a line runs, both outputs of nsh and of its commands are one pipe. A relay, a process of its
own, passes on what comes through it to where the outputs went before, and keeps it. The file is a
whole transcript after every command, also if nsh is killed.
"""

from __future__ import annotations

import array
import fcntl
import os
import re
import select
import signal
import socket
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nsh.base import BaseShell
from nsh.call import Environment, Plan
from nsh.errors import Failure
from nsh.parts.table import state_commands
from nsh.state import START
from nsh.transcript.encode import encode_command, expected_lines, lines_of
from nsh.transcript.environment import replay_environ
from nsh.transcript.volatile import Volatile
from nsh.words import PROMPT

_ALTERNATE_SCREEN = re.compile(rb"\x1b\[\?(?:1049|1047|47)h")
_TERMINAL_LIBRARIES = (b"libtinfo", b"libncurses", b"libreadline", b"libslang")
_TERMINAL_NAMES = {"vi", "vim", "nvim", "nano", "emacs", "less", "more", "most", "top", "htop"}
_INTERPRETERS = re.compile(r"(?:ba|da|z|k|mk|c|tc|fi|)sh\Z")
_FENCE = "```"


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
        at = 0
        while at < len(part):
            at += os.write(self.kept, part[at:])
        try:
            at = 0
            while at < len(part):
                at += os.write(out, part[at:])
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


class Recorder:
    """One recording. Raises Failure if the file cannot be written or is not empty."""

    def __init__(self, path: str, shell: BaseShell) -> None:
        self.path = path
        self.shell = shell
        self.plain = path.endswith(".nsht")
        self.requires: set[str] = set()
        self.left_out = ""
        self.about_itself = False
        try:
            self.file = open(path, "a+b")
        except OSError as error:
            raise Failure(f"cannot write {path}: {error.strerror}", "help record") from None
        if self.file.tell():
            self.file.close()
            raise Failure(f"{path} is there already, and recording would replace it", f"!rm {path}")
        self.end_of_commands = 0
        if not self.plain:
            title = os.path.basename(path).removesuffix(".md").removesuffix(".nsh")
            self._write(f"# {title}\n\n{_FENCE}nsh\n")
        self.volatile = Volatile(
            host=os.uname().nodename,
            user=shell.host.user,
            places=[shell.host.cwd],
            terminal=os.ttyname(0) if os.isatty(0) else "",
        )
        self.environ = shell.host.environ
        shell.host.use_environ(replay_environ(self.environ))
        self.relay = Relay(1)
        before = list(state_commands(shell.state))
        before += ["trace on"] if shell.tracing else []
        if shell.hinting:
            # Each hint is given once: here and in a replay all of them are still to come.
            before.append("hints on")
            shell.hinted.clear()
        for command in before:
            self._append(encode_command(command))
        self._begin_anew(before)

    def _begin_anew(self, before: list[str]) -> None:
        """Leave for undo, history and explain only what a replay will have, too."""
        shell = self.shell
        shell.last_error = None
        shell.future.clear()
        shell.lines.clear()
        shell.lines.extend(before)
        shell.typed = len(before)
        wanted, status = shell.state, shell.status
        shell.past.clear()
        shell.state = START
        for command in before:
            shell.onecmd(command)
        shell.state, shell.status = wanted, status

    def begin(self, line: str) -> None:
        """A line is about to run: its output goes through the relay from here on."""
        self.line = line
        self.left_out = ""
        self.about_itself = False
        self.since = time.time()
        self.shell.flush()
        self.relay.ask(b"b")
        self.saved = [os.dup(fd) for fd in range(3)]
        self._redirect()

    def interrupted(self) -> None:
        """Ctrl-C has ended a command of the line."""
        self.left_out = "Ctrl-C interrupted it"

    def _redirect(self) -> None:
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(self.relay.pipe, 1)
        os.dup2(self.relay.pipe, 2)

    def _restore(self) -> None:
        for fd, saved in enumerate(self.saved):
            os.dup2(saved, fd)

    def end(self, status: int) -> None:
        """The line has run: write it with what it printed, unless it ended the recording."""
        try:
            self.shell.flush()
        finally:
            self._restore()
            for saved in self.saved:
                os.close(saved)
        if self.file.closed:
            self.relay.ask(b"e")
            self.relay.close()
            return
        self.relay.ask(b"e")
        if self.about_itself:
            return
        output = self.relay.text()
        if not self.left_out and _ALTERNATE_SCREEN.search(output):
            self.left_out = "it fills the screen"
        if self.left_out:
            first = self.line.partition("\n")[0]
            self._append([f"{PROMPT}# {first}: not replayable, {self.left_out}"])
            self.shell.error(f"record: {self.left_out}, so it cannot be replayed and is left out")
            return
        for made in self.shell.host.made.values():
            self.requires.add("userns" if "user" in made else "root")
        word = self.line.strip()
        self.volatile.command(
            [os.getpid(), *self.shell.pids],
            ephemeral=not word.startswith(("!", "host ")),
            since=self.since,
            until=time.time(),
            held=[link for made in self.shell.host.made.values() for link in made.values()],
        )
        expected = expected_lines(lines_of(output), status, self.volatile.generalise, self.plain)
        self._append([*encode_command(self.line), *expected])

    @contextmanager
    def around(self, wanted: Plan) -> Iterator[Plan]:
        """A run inside the line, with the plan to perform.

        A program that drives the terminal gets the terminal itself, and the user's environment.
        """
        if wanted.argv and (wanted.state.flags or wanted.state.joins):
            from nsh.parts.join.own import in_another

            in_userns = in_another("user", wanted.state, self.shell.host)
            self.requires.add("userns" if in_userns else "root")
        if not (self.shell.interactive and drives_terminal(wanted)):
            yield wanted
            return
        self.left_out = f"{os.path.basename(wanted.argv[0])} drives the terminal"
        self.shell.flush()
        self.relay.ask(b"e")
        self._restore()
        self.shell.host.use_environ(self.environ)
        try:
            yield _with_environment(wanted, self.shell.host.environment(wanted.state.env))
        finally:
            self.shell.host.use_environ(replay_environ(self.environ))
            self._redirect()

    def _append(self, lines: list[str]) -> None:
        text = "".join([line + "\n" for line in lines])
        self.file.truncate(self.end_of_commands)
        self._write(text)

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        try:
            self.file.write(data)
            self.end_of_commands += len(data)
            self.file.write(b"" if self.plain else f"{_FENCE}\n".encode())
            self.file.flush()
        except OSError as error:
            self.shell.error(f"record: cannot write {self.path}: {error.strerror}")

    def close(self) -> None:
        """End the recording: put in front what a replay requires."""
        self.shell.host.use_environ(self.environ)
        if self.requires:
            self.file.seek(0)
            body = self.file.read()
            words = "root" if "root" in self.requires else "userns"
            self.file.truncate(0)
            self.file.write(f"---\nrequires: {words}\n---\n".encode() + body)
        self.file.close()
        if not self.shell.in_line:
            self.relay.close()


def _with_environment(wanted: Plan, environ: Environment) -> Plan:
    """The plan with another environment for its command."""
    calls = [
        call.replace(
            args=tuple([environ if isinstance(arg, Environment) else arg for arg in call.args])
        )
        for call in wanted.calls
    ]
    return wanted.replace(calls=tuple(calls))


def drives_terminal(wanted: Plan) -> bool:
    """Whether the program of a run is linked with a library that drives terminals.

    A shell that has a script or -c to run counts as one that does not.
    """
    words = list(wanted.argv)
    if not words:
        return False  # a probe, which runs no program
    name = os.path.basename(words[0])
    if _INTERPRETERS.match(name):
        return not any(word == "-c" or not word.startswith("-") for word in words[1:])
    if name in _TERMINAL_NAMES:
        return True
    for call in wanted.calls:
        if call.name == "execve" and isinstance(call.args[0], str):
            try:
                with open(call.args[0], "rb") as file:
                    head = file.read(1 << 16)
            except OSError:
                continue
            return head.startswith(b"\x7fELF") and any(lib in head for lib in _TERMINAL_LIBRARIES)
    return False
