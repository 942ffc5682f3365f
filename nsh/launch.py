"""Launch: performs a Plan in forked processes and waits for the command.

It knows the calls but no user interface: what it has to say travels as values. A call that fails
in a child comes back over the close-on-exec pipe as "INDEX -1 ERRNO !"; end of file without that
means that execve succeeded, because execve closed the pipe, or that the child was killed.

Signals are blocked from the first call to the end of the wait. They get in at two places only:
while nsh waits for a report, where they do what they always do, and while it waits for the
command, where it takes them one by one. So none is lost and none comes between two lines.
"""

from __future__ import annotations

import errno
import os
import signal

from nsh import syscalls
from nsh.call import CHILD, PARENT, PID_1, Call, Plan
from nsh.child import become, fill, prepare
from nsh.processes import never_executed
from nsh.wait import Children, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from nsh.child import Values

    Trace = Callable[[Call, Values, int, int], None]
    """What is told of each call: the call, the slots so far, its result, its errno or 0."""


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

    status       the exit status of the command, 128+N if signal N ended it (or ended the child
                 before it became the command)
    signal       that signal, 0 if none
    interrupted  whether Ctrl-C came during the run
    links        what the plan's readlink calls gave, by path
    pids         the processes that the run was made of
    """

    __slots__ = ("interrupted", "links", "pids", "signal", "status")

    def __init__(
        self,
        status: int,
        signal_: int,
        interrupted: bool,
        links: dict[str, str],
        pids: tuple[int, ...],
    ) -> None:
        self.status = status
        self.signal = signal_
        self.interrupted = interrupted
        self.links = links
        self.pids = pids


class _Gone(Exception):
    """The child ended in the middle of its set-up without a report: something killed it."""


class Launch:
    """One run of one plan."""

    def __init__(
        self,
        plan: Plan,
        trace: Trace | None,
        children: Children,
        restore: tuple[tuple[int, int], ...],
        mask: syscalls.SignalSet,
        streams: tuple[int, int, int],
    ) -> None:
        self.plan = plan
        self.trace = trace
        self.children = children
        self.streams = streams
        self.restore = restore
        self.mask = mask  # the signal mask as it was before, for the child
        self.waiting_mask = mask
        if os.getpid() == 1:
            # PID 1 would never hear of them (pid_namespaces(7)); blocked, they are kept for later.
            self.waiting_mask = mask.plus(signal.SIGTERM, signal.SIGHUP)
        self.values: Values = {}
        self.links: dict[str, str] = {}
        self._open: list[int] = []  # descriptors to close at the end
        self._unread = b""
        self._held: list[bytes] = []
        self._last_report: Call | None = None
        self._last_try: Call | None = None

    @property
    def pid(self) -> int:
        """The process that is or becomes the command, 0 if it is not known yet."""
        return self.values.get(self.plan.last, 0)

    def run(self) -> Outcome:
        """Perform the plan and wait. Raises CallFailed; leaves no process and no descriptor."""
        try:
            try:
                self._parent()
                self._finish_reports()
            except _Gone:
                pass
            return self._wait()
        except CallFailed:
            self.children.kill()
            raise
        except BaseException:
            self.children.kill(unknown=True)
            raise
        finally:
            for fd in self._open:
                os.close(fd)

    # The parent's side.

    def _parent(self) -> None:
        for call in self.plan.calls:
            if call.actor != PARENT:
                continue
            try:
                result = self._perform(call)
            except OSError as error:
                self._parent_failed(call, error.errno or 0)
            if self.trace:
                self.trace(call, self.values, result, 0)

    def _parent_failed(self, call: Call, number: int) -> None:
        """Raise CallFailed, or _Gone if the call failed because the child is no more."""
        if CHILD in self.values and os.waitid(
            os.P_PID, self.values[CHILD], os.WEXITED | os.WNOHANG | os.WNOWAIT
        ):
            self._finish_reports()
            raise _Gone
        if self.trace:
            self.trace(call, self.values, -1, number)
        raise CallFailed(call, number, self.values) from None

    def _perform(self, call: Call) -> int:
        args: list[Any] = [fill(arg, self.values) for arg in call.args]
        match call.name:
            case "pipe2":
                ends = os.pipe2(args[1])
                self.values.update(zip(call.gives, ends, strict=True))
                self._open += ends
                return 0
            case "clone":
                return self._fork(call, args[0])
            case "openat":
                fd = os.open(args[1], args[2])
                self.values[call.gives[0]] = fd
                self._open.append(fd)
                return fd
            case "write":
                written = os.write(args[0], args[1])
                if args[0] != self.values.get("go[1]"):
                    self._close(args[0])  # a map file: one write is all it takes
                return written
            case "read":
                return self._wait_for(args[1])
            case "readlink":
                self.links[call.args[0].after.removeprefix("/ns/")] = link = os.readlink(args[0])  # type: ignore[attr-defined]
                return len(link)
            case "wait4":
                return self._wait_for_program(call, args[0])
        raise AssertionError(f"the parent makes no call {call.name}")

    def _close(self, fd: int) -> None:
        self._open.remove(fd)
        os.close(fd)

    def _fork(self, call: Call, flags: int) -> int:
        tracing = self.trace is not None
        steps = prepare(
            self.plan, call.gives[0], self.values, self.restore, self.mask, tracing, self.streams
        )
        reports = self.values["reports[1]"]
        pid = syscalls.clone(flags)
        if pid == 0:
            become(call.gives[0], self.plan.last, steps, reports, tracing)
        self.values[call.gives[0]] = pid
        self.children.alive.append(pid)
        if call.gives[0] == CHILD:
            self._close(self.values["reports[1]"])
            if "go[0]" in self.values:
                self._close(self.values["go[0]"])
        return pid

    def _line(self) -> bytes | None:
        """The next line of the reports, None at end of file."""
        reports = self.values["reports[0]"]
        while b"\n" not in self._unread:
            # The one place of the set-up where a signal gets in: SIGINT raises KeyboardInterrupt,
            # SIGTERM and SIGHUP end nsh, and the kernel the child with it.
            syscalls.wait_readable(reports, self.waiting_mask)
            part = os.read(reports, 64)
            if not part:
                return None
            self._unread += part
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def _wait_for(self, expected: bytes) -> int:
        """Wait for the text that a child writes when it has got that far."""
        [writes] = [
            call
            for call in self.plan.calls
            if call.name == "write" and call.actor != PARENT and call.args[1] == expected
        ]
        arrived = False
        # The pid comes in a report of the process that forked it, which may be the slower one.
        # In a trace, the child's line comes before nsh's.
        while not (
            arrived
            and writes.actor in self.values
            and (self.trace is None or self._last_report is writes)
        ):
            line = self._line()
            if line is None:
                raise _Gone
            if line + b"\n" == expected:
                arrived = True
            else:
                self._report(line)
        return len(expected)

    def _wait_for_program(self, call: Call, pid: int) -> int:
        """wait4 for newuidmap or newgidmap. Raises CallFailed if its answer is no.

        It has no pipe for reports: nsh's own copy of that end has to be closed by then.
        """
        while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            self.children.take_signal(pid)
        _, status = os.waitpid(pid, 0)
        self.children.alive.remove(pid)
        if self.children.interrupts:
            raise KeyboardInterrupt
        code = os.waitstatus_to_exitcode(status)
        number = {126: errno.EACCES, 127: errno.ENOENT}.get(code, 0)
        [execve] = self._executions(call.args[0].name)  # type: ignore[attr-defined]
        if self.trace:
            self.trace(execve, self.values, -1 if number else 0, number)
        if code:
            raise CallFailed(execve if number else call, number, self.values)
        return pid

    def _finish_reports(self) -> None:
        try:
            while (line := self._line()) is not None:
                self._report(line)
        except OSError:
            pass  # then waiting tells how it ended
        for line in self._held:
            self._tell(line)
        # A child that is killed closes the pipe too, and has executed nothing.
        if self.trace and self.plan.argv and self.pid and not never_executed(self.pid):
            tries = self._executions(self.plan.last)
            after = tries.index(self._last_try) + 1 if self._last_try else 0
            self.trace(tries[after], self.values, 0, 0)

    def _executions(self, actor: str) -> list[Call]:
        """The actor's calls of execve: one for each file that is tried."""
        return [call for call in self.plan.calls if (call.name, call.actor) == ("execve", actor)]

    def _report(self, line: bytes) -> None:
        """Take one "INDEX RESULT ERRNO" of a child. Raises CallFailed if it is a failure.

        What the last process reports is held back until its pid is known.
        """
        call = self.plan.calls[int(line.split(b" ", 1)[0])]
        if call.actor not in self.values:
            self._held.append(line)
            return
        self._tell(line)
        if call.name == "clone":
            held, self._held = self._held, []
            for line in held:
                self._tell(line)

    def _tell(self, line: bytes) -> None:
        index, result, number = [int(word) for word in line.split()[:3]]
        call = self._last_report = self.plan.calls[index]
        if call.name == "execve":
            self._last_try = call
        if call.name == "clone" and result > 0:
            self.values[call.gives[0]] = result
            self.children.alive.append(result)
        if self.trace and not line.endswith(b"!!"):  # !!: told before, and now the reason
            self.trace(call, self.values, result, number)
        if line.endswith(b"!"):
            raise CallFailed(call, number, self.values)

    # Waiting.

    def _wait(self) -> Outcome:
        status = 0
        if self.plan.last != CHILD and self.values[CHILD] in self.children.alive:
            status = self.children.wait_for(self.values[CHILD])
            if status and not self.pid:
                # It may have been killed between its fork and the report of it.
                self.children.kill(unknown=True)
        if self.pid:
            if self.plan.last == PID_1:
                self.children.pid_1 = self.pid
            status = self.children.wait_for(self.pid)
        self.children.take_late_interrupts()
        code = os.waitstatus_to_exitcode(status)
        return Outcome(
            128 - code if code < 0 else code,
            -code if code < 0 else 0,
            self.children.interrupts > 0,
            self.links,
            tuple([self.values[name] for name in {CHILD, self.plan.last} if name in self.values]),
        )


_signals: Signals | None = None


def launch(
    plan: Plan,
    trace: Trace | None = None,
    still_alive: Callable[[], None] | None = None,
    streams: tuple[int, int, int] = (0, 1, 2),
    cannot_stop: Callable[[], None] | None = None,
) -> Outcome:
    """Perform the plan and wait for its end.

    ``trace`` is called with each call and its result; ``still_alive`` when a first Ctrl-C has not
    ended a command that is PID 1, ``cannot_stop`` when Ctrl-Z can stop nothing. ``streams`` are the
    descriptors that the command gets as its standard input, output and error. Raises CallFailed
    when a call fails, KeyboardInterrupt if Ctrl-C came before the child was the command. Needs Linux.
    """
    global _signals
    if _signals is None:
        _signals = Signals()
    before = syscalls.SignalSet()
    syscalls.sigprocmask(syscalls.SIG_BLOCK, _signals.blocked, before)
    terminal = None
    try:
        if os.isatty(0):
            from nsh.terminal import find

            terminal = find()
        children = Children(_signals, trace is not None, still_alive, terminal, cannot_stop)
        return Launch(plan, trace, children, _signals.restore, before, streams).run()
    finally:
        if terminal is not None:
            terminal.take_back()
        syscalls.sigprocmask(syscalls.SIG_SETMASK, before)
