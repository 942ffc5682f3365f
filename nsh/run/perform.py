"""Perform: a Plan is performed in forked processes, and the command waited for.

Two things: ``start`` performs the calls and gives a Running, ``Running.wait`` waits for the command;
``launch`` is both. It knows the calls but no user interface: what it has to say travels as values. A
call that fails in a child comes back over the close-on-exec pipe as "INDEX -1 ERRNO !"; end of file
without that means that execve succeeded, because execve closed the pipe, or that the child was
killed.

Signals are blocked from the first call to the end of the wait. They get in at two places only:
while nsh waits for a report, where they do what they always do, and while it waits for the
command, where it takes them one by one. So none is lost and none comes between two lines.
"""

from __future__ import annotations

import errno
import os

from nsh.call import KEEPER, PARENT, Call, Plan, Slot
from nsh.linux import syscalls
from nsh.linux.descriptors import close
from nsh.run.child import become, prepared
from nsh.run.reports import Gone, Reports
from nsh.run.running import Attended, Outcome, Running, known_signals
from nsh.run.running import CallFailed as CallFailed
from nsh.run.wait import Children, remember

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from nsh.run.child import Steps
    from nsh.run.log import Log
    from nsh.run.reports import Trace


class Performance(Reports):
    """The way from a plan to a Running."""

    def perform(self) -> Running:
        """Make the calls. Raises CallFailed. No descriptor is left."""
        try:
            try:
                for call in self.plan.calls:
                    if call.actor == PARENT:
                        self._make(call)
                self._finish_reports()
            except Gone:
                pass
            return self._begun()
        finally:
            for fd in self._open:
                close(fd)

    def _begun(self) -> Running:
        """The command is there: let it go if it stopped at its execve."""
        if self._stops and self.plan.last in self.values:
            self.children.let_go(self.values[self.plan.last])
        return Running(self.plan, self.values, self.links, self.children)

    def _make(self, call: Call) -> None:
        """Make a call of nsh's own. Raises CallFailed, or Gone if the child is no more."""
        try:
            result = self._perform(call)
        except OSError as error:
            self._parent_failed(call, error.errno or 0)
        for slot in call.closes:
            self._close(self.values[slot])
        self.trace(call, self.values, result, 0)

    def _parent_failed(self, call: Call, error: int) -> None:
        """Raise CallFailed, or Gone if the call failed because the child is no more."""
        known = [name for name in self.chain if name in self.values]
        if known:
            self._take_told_failure()
            ended = self._ended(known[-1])
            # With 0 ends the one that has forked the next: that one is there, if not known yet.
            if ended is not None and (ended or known[-1] == self.plan.last):
                if ended >= 0:
                    self._finish_reports()
                raise Gone
        self.trace(call, self.values, -1, error)
        self.children.end(kill=True, unknown=True)
        raise CallFailed(call, error, self.values) from None

    def _perform(self, call: Call) -> int:
        args: list[Any] = [
            arg.fill(self.values) if isinstance(arg, Slot) else arg for arg in call.args
        ]
        match call.name:
            case "pipe2":
                ends = os.pipe2(args[1])
                self.values.update(zip(call.fills, ends, strict=True))
                self._open += ends
                return 0
            case "clone":
                return self._fork(call, args[0])
            case "openat" | "pidfd_open":
                opens = call.name == "openat"
                fd = os.open(args[1], args[2]) if opens else os.pidfd_open(args[0], args[1])
                self.values[call.fills[0]] = fd
                self._open.append(fd)
                if call.expects and f"[{os.fstat(fd).st_ino}]" not in call.expects:
                    raise OSError(errno.EBUSY, "it is another by now")
                return fd
            case "write":
                return os.write(args[0], args[1])
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
        os.close(fd)  # one that is still open would keep the end of file from coming

    def _fork(self, call: Call, flags: int) -> int:
        made = call.fills[0]
        tracing = self.tracing and made in self.chain  # a helper program has no pipe for reports
        steps = self._steps(made, tracing)
        stopping = self.plan.last if self.plan.last in self.own else ""
        reports = self.values["reports[1]"]
        syscalls.forget_errno()  # a child's call that fails without setting it must not seem to
        pid = syscalls.clone(flags)
        if pid == 0:
            become(made, self.chain, steps, reports, tracing, stopping)
        self.values[made] = pid
        self.children.alive.append(pid)
        if made == KEEPER:
            self.children.keeper = pid
        return pid

    def _steps(self, made: str, tracing: bool) -> Steps:
        """What the process that is about to be forked will do."""
        plan, chain, known = self.plan, self.chain, self.values
        return prepared(
            plan, chain, made, known, self.restore, self.mask, tracing, self.streams, self.keeps
        )

    def _wait_for_program(self, call: Call, pid: int) -> int:
        """wait4 for newuidmap or newgidmap. Raises CallFailed if its answer is no.

        It has no pipe for reports: nsh's own copy of that end has to be closed by then.
        """
        [execve] = self._executions(call.args[0].name)  # type: ignore[attr-defined]
        while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            self.children.take_signal(pid)
        _, status = os.waitpid(pid, 0)
        self.children.alive.remove(pid)
        if self.children.interrupts:
            raise KeyboardInterrupt
        code = os.waitstatus_to_exitcode(status)
        error = {126: errno.EACCES, 127: errno.ENOENT}.get(code, 0)
        if self._last_report is not execve:
            self.trace(execve, self.values, -1 if error else 0, error)
        if code:
            raise CallFailed(execve if error else call, error, self.values)
        return pid


STANDARD = (0, 1, 2)
"""The descriptors that a command gets as its standard input, output and error: nsh's own."""


def start(
    plan: Plan,
    trace: Trace | None = None,
    streams: tuple[int, int, int] = STANDARD,
    keeps: tuple[Log, int] | None = None,
) -> Running:
    """Perform the plan up to the execve of the command, and do not wait.

    ``keeps`` is what the keeper works with, if the plan has one: the log and the pipe to read.

    ``trace`` is called with each call and its result. Raises CallFailed when a call fails,
    KeyboardInterrupt if Ctrl-C came before the child was the command, OSError if a call of nsh
    itself fails. Needs Linux.
    """
    children = Children(known_signals())
    with Attended(children):
        running = Performance(plan, trace, children, streams, keeps).perform()
        remember(children)
        # The command has had its Ctrl-C too; raised here, it would leave a run that nobody knows.
        children.take_late_interrupts()
        return running


def launch(
    plan: Plan,
    trace: Trace | None = None,
    still_alive: Callable[[], None] | None = None,
    streams: tuple[int, int, int] = STANDARD,
    cannot_stop: Callable[[], None] | None = None,
) -> Outcome:
    """Perform the plan in the foreground of the terminal, and wait for its end.

    As ``start``; and ``still_alive`` is called when a first Ctrl-C has not ended a command that is
    PID 1, ``cannot_stop`` when Ctrl-Z can stop nothing.
    """
    children = Children(known_signals(), still_alive, cannot_stop)
    with Attended(children):
        children.use_terminal()
        return Performance(plan, trace, children, streams).perform().finish()
