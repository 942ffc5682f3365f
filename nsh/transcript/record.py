"""Record: writes a session, as it is typed, as a transcript.

While a line runs, both outputs of nsh and of its commands are the pipe of a relay, which keeps what
comes through it. The file is a whole transcript after every command, also if nsh is killed.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from nsh.base import BaseShell
from nsh.call import Environment, Plan
from nsh.errors import Failure
from nsh.files import replace
from nsh.parts.table import state_commands
from nsh.state import START
from nsh.transcript.encode import encode_command, expected_lines, lines_of
from nsh.transcript.environment import replay_environ
from nsh.transcript.glob import Facts
from nsh.transcript.looks import is_batch, is_steered, own_kinds, typed_only_looks
from nsh.transcript.match import Line
from nsh.transcript.parse import DEFAULT_TIMEOUT, is_plain
from nsh.transcript.relay import Relay, write_all
from nsh.transcript.volatile import Volatile
from nsh.words import PROMPT, join

_ALTERNATE_SCREEN = re.compile(rb"\x1b\[\?(?:1049|1047|47)h")
_TERMINAL_LIBRARIES = (b"libtinfo", b"libncurses", b"libreadline", b"libslang")
_TERMINAL_NAMES = {"vi", "vim", "nvim", "nano", "emacs", "less", "more", "most", "top", "htop"}
_INTERPRETERS = re.compile(r"(?:ba|da|z|k|mk|c|tc|fi|)sh\Z")
_FENCE = "```"

MOST_KEPT = 8 << 20
"""Characters of output that are kept to compare with those of a replay."""


class Recorder:
    """One recording. Raises Failure if the file cannot be written or is not empty.

    path      the file
    printed   what each command in it has printed; None if that is too much to keep
    acting    the first line that may do more than look, "" if there is none
    lines     how many typed lines are in it
    seconds   how long they have run
    """

    def __init__(self, path: str, shell: BaseShell) -> None:
        self.path = path
        self.shell = shell
        self.plain = is_plain(path)
        self.requires: set[str] = set()
        self.left_out = ""
        self.about_itself = False
        self.begun = False
        self.printed: list[list[Line]] | None = []
        self.kept = 0
        self.acting = ""
        self.lines = 0
        self.seconds = 0.0
        self.in_line = False
        self.file = _open_new(path)
        self.end_of_commands = 0
        self.volatile = Volatile(
            host=os.uname().nodename,
            user=shell.host.user,
            places=[shell.host.cwd],
            terminal=os.ttyname(0) if os.isatty(0) else "",
        )
        self.facts = Facts((shell.host.cwd,), os.uname().nodename, shell.host.user)
        self.environ = shell.host.environ
        self.relay = Relay(1)
        if not self.plain:
            title = os.path.basename(path).removesuffix(".md").removesuffix(".nsh")
            self._write(f"# {title}\n\n{_FENCE}nsh\n")

    def _begin_session(self) -> None:
        """Write the state so far, as the commands that rebuild it."""
        shell = self.shell
        self.begun = True
        before = list(state_commands(shell.state))
        before += ["trace on"] if shell.tracing else []
        if shell.hinting:
            # Each hint is given once: here and in a replay all of them are still to come.
            before.append("hints on")
            shell.hinted.clear()
        for command in before:
            self._append(encode_command(command), [])
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
        if not self.begun:
            self._begin_session()
        if self.file.closed:
            return  # nothing more could be written
        self.in_line = True
        self.line = line
        self.left_out = ""
        self.about_itself = False
        self.since = time.time()
        self.own = own_kinds(self.shell.state)
        self.shell.host.use_environ(replay_environ(self.environ))
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
        if not self.in_line:
            return
        self.in_line = False
        try:
            self.shell.flush()
        finally:
            self._restore()
            for saved in self.saved:
                os.close(saved)
            self.shell.host.use_environ(self.environ)
        self.relay.ask(b"e")
        if self.file.closed:
            self.relay.close()
            return
        if self.about_itself:
            return
        output = self.relay.text()
        if not self.left_out and _ALTERNATE_SCREEN.search(output):
            self.left_out = "it fills the screen"
        if self.left_out:
            first = self.line.partition("\n")[0]
            self._append([f"{PROMPT}# {first}: not replayable, {self.left_out}"], [])
            self.shell.error(f"record: {self.left_out}, so it cannot be replayed and is left out")
            return
        for made in self.shell.host.made.values():
            self.requires.add("userns" if "user" in made else "root")
        self.lines += 1
        self.seconds += time.time() - self.since
        # Where one line changes the flags, too, only what is new all the time counts.
        own = self.own & own_kinds(self.shell.state)
        looks = typed_only_looks(self.line, own) and not is_steered(self.shell.state)
        if not self.acting and not looks:
            self.acting = self.line
        word = self.line.strip()
        self.volatile.command(
            [os.getpid(), *self.shell.pids],
            ephemeral=not word.startswith(("!", "host ")),
            since=self.since,
            until=time.time(),
            held=[link for made in self.shell.host.made.values() for link in made.values()],
        )
        lines = lines_of(output)
        expected = expected_lines(lines, status, self.volatile.globs(lines), self.plain)
        self._append([*encode_command(self.line), *expected], lines)

    @contextmanager
    def around(self, wanted: Plan) -> Iterator[Plan]:
        """A run inside the line, with the plan to perform.

        A program that drives the terminal gets the terminal itself, and the user's environment.
        """
        if wanted.argv and (wanted.state.flags or wanted.state.joins):
            from nsh.parts.join.own import in_another

            in_userns = in_another("user", wanted.state, self.shell.host)
            self.requires.add("userns" if in_userns else "root")
        if not (self.in_line and self.shell.interactive and drives_terminal(wanted)):
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

    def _append(self, text: list[str], printed: list[Line]) -> None:
        """Write a command with what is expected of it, and keep what it printed."""
        if self.file.closed:
            return
        self._write("".join([line + "\n" for line in text]))
        self.kept += sum([len(line.text) for line in printed])
        if self.kept > MOST_KEPT:
            self.printed = None
        if self.printed is not None:
            self.printed.append(printed)

    def _write(self, text: str) -> None:
        data = text.encode("utf-8", "surrogateescape")
        fence = b"" if self.plain else f"{_FENCE}\n".encode()
        try:
            self.file.truncate(self.end_of_commands)
            write_all(self.file.fileno(), data + fence)
            self.end_of_commands += len(data)
        except OSError as error:
            self._give_up(error, fence)

    def _give_up(self, error: OSError, fence: bytes) -> None:
        """Say that no more can be written; what was is left as a whole transcript."""
        why = f"cannot write {self.path}: {error.strerror}; what follows is not recorded"
        try:
            self.file.truncate(self.end_of_commands)
            write_all(self.file.fileno(), fence)
        except OSError:
            pass  # it has been said
        self.printed = None
        self.close()
        if self.shell.recording is self:
            self.shell.recording = None
        self.shell.error(f"record: {why}")

    def close(self) -> None:
        """End the recording: put in front what a replay requires."""
        self.shell.host.use_environ(self.environ)
        if self.file.closed:
            return
        front = []
        if self.requires:
            front.append(f"requires: {'root' if 'root' in self.requires else 'userns'}")
        if self.seconds > DEFAULT_TIMEOUT / 2:
            front.append(f"timeout: {2 * math.ceil(self.seconds)}s")
        try:
            if front:
                self.file.seek(0)
                body = self.file.readall() or b""
                matter = "\n".join(["---", *front, "---", ""])
                replace(os.path.realpath(self.path), matter.encode() + body)
        except OSError as error:
            why = f"cannot write {self.path} anew: {error.strerror}; on top of it is missing:"
            self.shell.error(f"record: {why} {'; '.join(front)}")
        self.file.close()
        if self.in_line:
            self.shell.flush()
            self.relay.ask(b"e")
            self._restore()  # what is still to be said is no part of it
        else:
            self.relay.close()


def _open_new(path: str) -> io.FileIO:
    """A file to write, which is empty. Raises Failure."""
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise Failure(
                f"cannot record to {path}: it is no regular file", "record session.nsh.md"
            )
        file = io.FileIO(path, "a+")
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror}", "help record") from None
    if file.seek(0, os.SEEK_END):
        file.close()
        why = f"{path} is there already, and recording would replace it"
        raise Failure(why, join(["record", _free(path)]))
    return file


def _free(path: str) -> str:
    """A path beside that one at which there is nothing: its name with a number."""
    ending = next((each for each in (".nsh.md", ".nsht", ".md") if path.endswith(each)), "")
    start = path.removesuffix(ending)
    return next(
        other
        for number in itertools.count(2)
        if not os.path.lexists(other := f"{start}-{number}{ending}")
    )


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
    if name == "top" and is_batch(words[1:]):
        return False
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
