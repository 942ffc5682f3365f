"""Launch: performs a Plan in forked processes and waits for the command.

It knows the calls but no user interface: what it has to say travels as values. A call that fails
in a child comes back over the close-on-exec pipe as "INDEX -1 ERRNO"; end of file without that
means that execve succeeded, because execve closed the pipe.
"""

from __future__ import annotations

import errno
import os
import signal
import time

from nsh import syscalls
from nsh.host import Environment, read_text, status_field
from nsh.plan import CHILD, PARENT, Call, Plan, Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Values = dict[str, int]
    Trace = Callable[[Call, Values, int, int], None]
    """What is told of each call: the call, the slots so far, its result, its errno or 0."""

# execvp(3) goes on to the next directory of PATH after these.
_NEXT = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ESTALE, errno.ENODEV, errno.ETIMEDOUT)

_FAILED = 125
_GRACE = 0.15
"""Seconds that a command has to end after Ctrl-C before nsh says that it has not."""


class CallFailed(Exception):
    """A call of the plan failed: ``call`` and ``errno`` (0 if a helper program said no).

    ``values`` are the slots that were known by then, to print the call.
    """

    def __init__(self, call: Call, number: int, values: Values) -> None:
        super().__init__(f"{call.name}: {os.strerror(number)}")
        self.call = call
        self.errno = number
        self.values = values


class Outcome:
    """How a run ended.

    status       the exit status of the command, 128+N if signal N ended it
    signal       that signal, 0 if none
    interrupted  whether Ctrl-C came during the run
    links        what the plan's readlink calls gave, by path
    pids         the processes that the launch made
    """

    __slots__ = ("interrupted", "links", "pids", "signal", "status")

    def __init__(
        self,
        status: int,
        signal_: int,
        interrupted: bool,
        links: dict[str, str],
        pids: tuple[int, ...] = (),
    ) -> None:
        self.status = status
        self.signal = signal_
        self.interrupted = interrupted
        self.links = links
        self.pids = pids


class _Gone(Exception):
    """The child ended in the middle of its set-up without a report: something killed it."""


def _encode(value: object) -> object:
    return os.fsencode(value) if isinstance(value, str) else value


_encoded: list[Any] = [None, None]


def envp(environment: Environment) -> Any:
    """The environment as a C array; the last one is kept, runs mostly share it."""
    if _encoded[0] is not environment:
        words = [os.fsencode(pair) for pair in environment]
        _encoded[:] = [environment, syscalls.c_strings(words)]
    return _encoded[1]


def fill(value: object, values: Values) -> object:
    """An argument with the slots in it filled."""
    if isinstance(value, Slot):
        number = values[value.name]
        return f"{value.before}{number}{value.after}".strip() if value.is_text else number
    return value


_CHILD_CALLS: dict[str, Callable[..., int]] = {
    "clone": syscalls.clone,
    "prctl": syscalls.prctl,
    "poll": syscalls.poll_errors,
    "unshare": syscalls.unshare,
    "mount": syscalls.mount,
    "umount2": syscalls.umount2,
    "sethostname": syscalls.sethostname,
    "setdomainname": syscalls.setdomainname,
    "chdir": lambda path: os.chdir(path) or 0,  # type: ignore[func-returns-value]
    "execve": syscalls.execve,
    "write": lambda fd, data, _size: os.write(fd, data),
    "read": lambda fd, data, size: len(os.read(fd, size)),
}


class Launch:
    """One run of one plan."""

    def __init__(self, plan: Plan, trace: Trace | None, streams: tuple[int, int, int]) -> None:
        self.plan = plan
        self.trace = trace
        self.streams = streams
        self.values: Values = {}
        self.links: dict[str, str] = {}
        self.interrupts = 0
        self.still_alive: Callable[[], None] | None = None
        self._unread = b""
        self._attached = False
        self._open: list[int] = []

    def run(self) -> Outcome:
        """Perform the plan and wait. Raises CallFailed; leaves no process and no descriptor."""
        steps = self._prepare()
        try:
            try:
                self._parent(steps)
                self._finish_reports()
            except _Gone:
                pass
            except BaseException:
                self._kill()
                raise
            return self._wait()
        finally:
            for fd in self._open:
                os.close(fd)

    def _prepare(self) -> list[tuple[str, Callable[..., int], tuple[Any, ...], Call]]:
        """The calls with their functions and C arguments: what can be done before the fork, is."""
        steps = []
        for call in self.plan.calls:
            args: tuple[Any, ...] = call.args
            if call.name == "execve":
                path, argv, environment = args
                if not any(isinstance(word, Slot) for word in argv):
                    argv = syscalls.c_strings([os.fsencode(word) for word in argv])
                args = (os.fsencode(path), argv, envp(environment))
            else:
                args = tuple([_encode(arg) for arg in args])
            steps.append((call.actor, _CHILD_CALLS.get(call.name, _nothing), args, call))
        return steps

    # The parent's side.

    def _parent(self, steps: list[tuple[str, Callable[..., int], tuple[Any, ...], Call]]) -> None:
        for actor, _, _, call in steps:
            if actor != PARENT:
                continue
            try:
                result = self._perform(call, steps)
            except OSError as error:
                if self.trace:
                    self.trace(call, self.values, -1, error.errno or 0)
                raise CallFailed(call, error.errno or 0, self.values) from None
            if self.trace:
                self.trace(call, self.values, result, 0)

    def _perform(self, call: Call, steps: list[Any]) -> int:
        args: list[Any] = [fill(arg, self.values) for arg in call.args]
        match call.name:
            case "pipe2":
                ends = os.pipe2(args[1])
                self.values.update(zip(call.gives, ends, strict=True))
                self._open += ends
                return 0
            case "clone":
                pid = self._fork(call, args[0], steps)
                self.values[call.gives[0]] = pid
                return pid
            case "openat":
                fd = os.open(args[1], args[2])
                self.values[call.gives[0]] = fd
                self._open.append(fd)
                return fd
            case "write":
                written = os.write(args[0], args[1])
                if "map" in str(call.args[0]) or "setgroups" in str(call.args[0]):
                    self._close(args[0])
                return written
            case "read":
                return self._wait_for(args[1])
            case "readlink":
                self.links[call.args[0].after.removeprefix("/ns/")] = link = os.readlink(args[0])  # type: ignore[attr-defined]
                return len(link)
            case "wait4":
                _, status = os.waitpid(args[0], 0)
                code = os.waitstatus_to_exitcode(status)
                if code:
                    number = errno.ENOENT if code == 127 else 0
                    raise CallFailed(call, number, self.values)
                return int(args[0])
        raise AssertionError(f"the parent makes no call {call.name}")

    def _close(self, fd: int) -> None:
        self._open.remove(fd)
        os.close(fd)

    def _fork(self, call: Call, flags: int, steps: list[Any]) -> int:
        old = syscalls.SignalSet()
        syscalls.sigprocmask(syscalls.SIG_BLOCK, _handled_set, old)
        try:
            pid = syscalls.clone(flags)
            if pid == 0:
                self._child(steps, call.gives[0], old)
        finally:
            syscalls.sigprocmask(syscalls.SIG_SETMASK, old)
        if call.gives[0] == CHILD:
            self._close(self.values["reports[1]"])
            if "go[0]" in self.values:
                self._close(self.values["go[0]"])
        return pid

    def _line(self) -> bytes | None:
        """The next line of the reports, None at end of file."""
        while b"\n" not in self._unread:
            part = os.read(self.values["reports[0]"], 4096)
            if not part:
                return None
            self._unread += part
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def _wait_for(self, expected: bytes) -> int:
        while (line := self._line()) is not None:
            if line + b"\n" == expected:
                if self.trace and (line := self._line()) is not None:
                    self._report(line)  # the child's own line of the trace comes before nsh's
                return len(expected)
            self._report(line)
        raise _Gone

    def _finish_reports(self) -> None:
        last_try: Call | None = None
        while (line := self._line()) is not None:
            last_try = self._report(line)
        if self.trace and self.plan.argv:
            tries = [call for call in self.plan.calls if call.name == "execve"]
            tries = [call for call in tries if call.actor == self.plan.last]
            after = tries.index(last_try) + 1 if last_try in tries else 0
            self.trace(tries[after], self.values, 0, 0)

    def _report(self, line: bytes) -> Call:
        """Take one "INDEX RESULT ERRNO" of a child. Raises CallFailed if it is a failure."""
        index, result, number = [int(word) for word in line.split()[:3]]
        call = self.plan.calls[index]
        if call.name == "clone" and result > 0:
            self.values[call.gives[0]] = result
        if self.trace:
            self.trace(call, self.values, result, number)
        if line.endswith(b"!"):
            raise CallFailed(call, number, self.values)
        return call

    # The child's side, up to execve or _exit.

    def _child(self, steps: list[Any], me: str, old: syscalls.SignalSet) -> None:
        reports = self.values["reports[1]"]
        index = 0
        try:
            for number in _handled:
                syscalls.default_signal(number)
            syscalls.sigprocmask(syscalls.SIG_SETMASK, old)
            if me == CHILD:
                os.close(self.values["reports[0]"])
                if "go[1]" in self.values:
                    os.close(self.values["go[1]"])
                for stream, fd in enumerate(self.streams):
                    if fd != stream:
                        os.dup2(fd, stream)
            denied = 0
            for index, (actor, function, args, call) in enumerate(steps):
                if actor != me:
                    continue
                if call.name == "execve" and self.trace and not self._attached:
                    self._attach()
                try:
                    result = function(*[fill(arg, self.values) for arg in args])
                except OSError as error:
                    number = error.errno or 0
                    later = index + 1 < len(steps) and steps[index + 1][3].name == "execve"
                    if call.name == "execve" and number in _NEXT and later:
                        if number == errno.EACCES:
                            denied = index
                        if self.trace:
                            os.write(reports, b"%d -1 %d\n" % (index, number))
                        continue
                    if call.name == "execve" and denied and number != errno.EACCES:
                        # As execvp(3): a file that may not be run is the better reason.
                        if self.trace:
                            os.write(reports, b"%d -1 %d\n" % (index, number))
                        index, number = denied, errno.EACCES
                    os.write(reports, b"%d -1 %d !\n" % (index, number))
                    os._exit(127 if me != self.plan.last and me != CHILD else _FAILED)
                if call.name == "clone":
                    if result == 0:
                        me = call.gives[0]
                        continue
                    os.write(reports, b"%d %d 0\n" % (index, result))
                elif (call.name == "poll" and result) or (call.name == "read" and not result):
                    os._exit(_FAILED)  # nsh is gone
                elif self.trace:
                    os.write(reports, b"%d %d 0\n" % (index, result))
            os._exit(0)
        except BaseException:
            os.write(reports, b"%d -1 %d !\n" % (index, errno.EINTR))
        finally:
            os._exit(_FAILED)

    def _attach(self) -> None:
        # Under ptrace the kernel stops a process right after its execve, so that the line of the
        # trace stands before anything that the command writes. Not possible when nsh itself is
        # under strace; then the order of these two is a matter of luck.
        self._attached = True
        try:
            syscalls.ptrace(syscalls.PTRACE_TRACEME, 0)
        except OSError:
            pass

    # Waiting.

    @property
    def pid(self) -> int:
        """The process that is or becomes the command, 0 if it is not there yet."""
        return self.values.get(self.plan.last, 0)

    def _wait(self) -> Outcome:
        if self.plan.last != CHILD:
            _, status = os.waitpid(self.values[CHILD], 0)
        while self.pid:
            _, status = os.waitpid(self.pid, 0)
            if not os.WIFSTOPPED(status):
                break
            stopped_by = os.WSTOPSIG(status)
            syscalls.ptrace(
                syscalls.PTRACE_DETACH,
                self.pid,
                0 if stopped_by == signal.SIGTRAP else stopped_by,
            )
        code = os.waitstatus_to_exitcode(status)
        return Outcome(
            128 - code if code < 0 else code,
            -code if code < 0 else 0,
            self.interrupts > 0,
            self.links,
            tuple([self.values[name] for name in {CHILD, self.plan.last} if name in self.values]),
        )

    def _kill(self) -> None:
        """End and reap what this launch has started."""
        for name in {CHILD, self.plan.last}:
            pid = self.values.get(name)
            if pid:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def interrupted(self) -> None:
        """Ctrl-C during the run: it has reached the command too, which shares the terminal.

        PID 1 of a pid namespace does not get a signal that it does not handle (pid_namespaces(7)):
        the first Ctrl-C is then told through ``still_alive``, the second kills.
        """
        self.interrupts += 1
        if self.plan.last in (CHILD,) or not self.pid or not self.plan.state.has("pid"):
            return
        if self.interrupts > 1:
            if self._deaf():
                os.kill(self.pid, signal.SIGKILL)
            return
        time.sleep(_GRACE)
        if self._deaf() and self.still_alive:
            self.still_alive()

    def _deaf(self) -> bool:
        """Whether the command is alive and has no handler for SIGINT."""
        status = read_text(f"/proc/{self.pid}/status") or ""
        if not status or status_field(status, "State").startswith("Z"):
            return False
        caught = int(status_field(status, "SigCgt") or "0", 16)
        return not caught >> (signal.SIGINT - 1) & 1


def _nothing(*_args: object) -> int:
    raise AssertionError("only the parent makes this call")


_running: Launch | None = None
_handled: tuple[int, ...] = ()
_handled_set = syscalls.SignalSet()


def handle_signals() -> None:
    """Install nsh's handlers of SIGINT, SIGTERM and SIGHUP, unless nsh was started to ignore them.

    SIGINT during a run belongs to the command; otherwise it raises KeyboardInterrupt. SIGTERM and
    SIGHUP end the run with everything in it, then nsh.
    """
    global _handled, _handled_set
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    _handled = tuple([int(s) for s in wanted if signal.getsignal(s) != signal.SIG_IGN])
    for number in _handled:
        signal.signal(number, _on_interrupt if number == signal.SIGINT else _on_end)
    _handled_set = syscalls.SignalSet(*_handled)
    # Python ignores these for its own sake; a command must find them as they were.
    _handled += (int(signal.SIGPIPE), int(signal.SIGXFSZ))


def _on_interrupt(number: int, frame: object) -> None:
    if _running is None:
        raise KeyboardInterrupt
    _running.interrupted()


def _on_end(number: int, frame: object) -> None:
    if _running is not None:
        kill_tree(_running.pid or _running.values.get(CHILD, 0))
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def kill_tree(pid: int) -> None:
    """SIGKILL a process and all that descend from it, parents first."""
    if not pid:
        return
    children = (read_text(f"/proc/{pid}/task/{pid}/children") or "").split()
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    for child in children:
        kill_tree(int(child))


class Terminal:
    """The terminal on standard input, to be found again after a run as it was before."""

    def __init__(self) -> None:
        import termios

        self._termios = termios
        self.modes = termios.tcgetattr(0)
        self.mine = os.tcgetpgrp(0) == os.getpgrp()

    def take_back(self) -> None:
        """Make nsh's process group the foreground one again and restore the modes."""
        if not self.mine:
            return
        old = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            if os.tcgetpgrp(0) != os.getpgrp():
                os.tcsetpgrp(0, os.getpgrp())
            if self._termios.tcgetattr(0) != self.modes:
                self._termios.tcsetattr(0, self._termios.TCSADRAIN, self.modes)
        except (OSError, self._termios.error):
            pass  # the terminal has gone away
        finally:
            signal.signal(signal.SIGTTOU, old)


def launch(
    plan: Plan,
    trace: Trace | None = None,
    still_alive: Callable[[], None] | None = None,
    streams: tuple[int, int, int] = (0, 1, 2),
) -> Outcome:
    """Perform the plan and wait for its end.

    ``trace`` is called with each call and its result; ``still_alive`` when a first Ctrl-C has not
    ended a command that is PID 1. ``streams`` are the descriptors that the command gets as its
    standard input, output and error. Raises CallFailed when a call fails. Needs Linux.
    """
    global _running
    terminal = None
    if os.isatty(0):
        try:
            terminal = Terminal()
        except Exception:  # termios.error: a terminal that is hung up
            terminal = None
    running = Launch(plan, trace, streams)
    running.still_alive = still_alive
    _running = running
    try:
        return running.run()
    finally:
        _running = None
        if terminal is not None:
            terminal.take_back()
