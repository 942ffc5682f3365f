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
import signal

from nsh.call import CHILD, FORK_SIBLING, KEEPER, PARENT, Call, Plan, Slot
from nsh.linux import syscalls
from nsh.linux.descriptors import close
from nsh.linux.processes import never_executed, number_here, stat_fields
from nsh.run.child import STOPS, become, prepared
from nsh.run.running import Attended, Outcome, Running, known_signals
from nsh.run.running import CallFailed as CallFailed
from nsh.run.wait import Children, remember, still_started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from nsh.run.child import Steps
    from nsh.run.log import Log

    Values = dict[str, int]
    """What the slots of a plan stand for, as far as it is known."""
    Trace = Callable[[Call, Values, int, int], None]
    """What is told of each call: the call, the slots so far, its result, its errno or 0."""


_PATIENCE = 1
"""Seconds without a report until nsh looks whether there is still somebody to send one."""


class Gone(Exception):
    """The child ended in the middle of its set-up without a report: something killed it."""


class Performance:
    """The way from a plan to a Running."""

    def __init__(
        self,
        plan: Plan,
        trace: Trace | None,
        children: Children,
        streams: tuple[int, int, int],
        keeps: tuple[Log, int] | None = None,
    ) -> None:
        self.plan = plan
        self.chain = plan.chain()
        self.own = plan.own()
        self.keeps = keeps
        self.tracing = trace is not None
        self.trace = trace or (lambda *_: None)
        self.children = children
        self.streams = streams
        self.restore = known_signals().restore
        self.mask = self.waiting_mask = known_signals().mask
        if os.getpid() == 1:
            # PID 1 would never hear of them (pid_namespaces(7)); blocked, they are kept for later.
            self.waiting_mask = self.mask.plus(signal.SIGTERM, signal.SIGHUP)
        self.values: Values = {}
        self.links: dict[str, str] = {}
        self._open: list[int] = []  # descriptors to close at the end
        self._unread = b""
        self._early: list[bytes] = []  # reports of a process whose pid is not known yet
        self._stops = False  # at its execve, to be let go
        self._last_report: Call | None = None
        self._last_try: Call | None = None

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

    def _take_told_failure(self) -> None:
        """Raise CallFailed if the child has told of one: it tells before it ends.

        While it is ending, its files in /proc are closed already, but wait does not know of it yet.
        """
        reports = self.values["reports[0]"]
        while syscalls.wait_readable(reports, self.waiting_mask, 0):
            if not (part := os.read(reports, 64)):
                break
            self._unread += part
        while b"\n" in self._unread:
            line, self._unread = self._unread.split(b"\n", 1)
            if line[:1].isdigit():  # and no text that this process waits for
                self._report(line)

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

    def _line(self) -> bytes | None:
        """The next line of the reports, None at end of file."""
        reports = self.values["reports[0]"]
        while b"\n" not in self._unread:
            # The one place of the set-up where a signal gets in: SIGINT raises KeyboardInterrupt,
            # SIGTERM and SIGHUP end nsh, and the kernel the child with it.
            if not syscalls.wait_readable(reports, self.waiting_mask, _PATIENCE):
                if self.tracing and self.plan.last in self.own and self.plan.last in self.values:
                    self.children.hand_on(self.values[self.plan.last])
                if self._lost() and not syscalls.wait_readable(reports, self.waiting_mask, 0):
                    raise Gone
                continue
            part = os.read(reports, 64)
            if not part:
                return None
            self._unread += part
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def _lost(self) -> bool:
        """Whether a process has ended that was to report the next one, which may wait for nsh."""
        known = [name for name in self.chain if name in self.values]
        return known[-1] != self.plan.last and self._ended(known[-1]) is not None

    def _ended(self, name: str) -> int | None:
        """The exit status of that process, if it has ended, -N if signal N ended it.

        It is not reaped yet. Of one that is not nsh's own child it is 0.
        """
        if name not in self.own:
            return 0 if stat_fields(self.values[name])[:1] in (["Z"], ["X"], []) else None
        found = os.waitid(os.P_PID, self.values[name], os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

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
            and (not self.tracing or self._last_report is writes)
        ):
            line = self._line()
            if line is None:
                raise Gone
            if line + b"\n" == expected:
                arrived = True
            else:
                self._report(line)
        return len(expected)

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

    def _finish_reports(self) -> None:
        self._rest_of_reports()
        self._tell_execve()
        self._tell_stay()

    def _rest_of_reports(self) -> None:
        while (line := self._line()) is not None:
            self._report(line)
        for line in self._early:
            self._tell(line)

    def _tell_stay(self) -> None:
        """Trace the call in which an init or a pause stays."""
        for call in self.plan.calls:
            if call.name == "rt_sigtimedwait" and self.plan.last in self.values:
                self.trace(call, self.values, 0, 0)

    def _tell_execve(self) -> None:
        """Trace the execve that has worked, if there was one: nobody reports it."""
        # A child that is killed closes the pipe too, and has executed nothing.
        pid = self.values.get(self.plan.last)  # 0: an init has reaped it
        if self.tracing and self.plan.argv and pid is not None and not never_executed(pid):
            tries = self._executions(self.plan.last)
            # The same directory may stand twice in PATH: so by identity.
            failed = [at for at, call in enumerate(tries) if call is self._last_try]
            after = failed[0] + 1 if failed else 0
            for call in tries[after : after + 1]:  # none if it was killed after the last
                self.trace(call, self.values, 0, 0)

    def _executions(self, actor: str) -> list[Call]:
        """The actor's calls of execve: one for each file that is tried."""
        return [call for call in self.plan.calls if (call.name, call.actor) == ("execve", actor)]

    def _report(self, line: bytes) -> None:
        """Take one "INDEX RESULT ERRNO" of a child. Raises CallFailed if it is a failure.

        What a process reports is held back until its pid is known.
        """
        if line + b"\n" == STOPS:
            self._stops = True
            return
        if not line[:1].isdigit():
            return  # what _wait_for was waiting for when a call of nsh itself failed
        call = self.plan.calls[int(line.split(b" ", 1)[0])]
        if call.actor not in self.values:
            self._early.append(line)
            return
        self._tell(line)
        if call.name == "clone":
            early, self._early = self._early, []
            for line in early:
                self._report(line)

    def _tell(self, line: bytes) -> None:
        index, result, error, *ends = [int(word) for word in line.rstrip(b" !").split()]
        call = self._last_report = self.plan.calls[index]
        if call.name == "execve":
            self._last_try = call
        if call.fills and not error:
            filled = ends or [result]
            if call.name == "clone":
                filled = [self._number_here(call, result)]
                if call.fills[0] in self.own:
                    self.children.alive += filled
            self.values.update(zip(call.fills, filled, strict=True))
        if not line.endswith(b"!!"):  # !!: told before, and now the reason
            self.trace(call, self.values, result, error)
        if line.endswith(b"!"):
            raise CallFailed(call, error, self.values)

    def _number_here(self, call: Call, number: int) -> int:
        """The pid here of a process for which clone(2) gave that number in a pid namespace.

        0 if an init has reaped it. A sibling is not reaped: it is nsh's own child, or that of a keeper,
        which waits for nsh. Raises ProcessLookupError if it is not to be seen all the same.
        """
        if call.actor in (CHILD, KEEPER):  # which are themselves still in nsh's own
            return number
        is_sibling = call.args[0] == FORK_SIBLING
        known = {self.values[name] for name in self.chain if name in self.values}
        others = still_started() | known
        found = number_here(number, self.values[call.actor], is_sibling, others)
        if is_sibling and not found:
            raise ProcessLookupError(errno.ESRCH, "a child is not to be seen in /proc")
        return found


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
