"""Reports: what the children of a run tell nsh, and what follows from it."""

from __future__ import annotations

import errno
import os
import signal

from nsh.call import CHILD, FORK_SIBLING, KEEPER, PARENT, Call, Plan
from nsh.linux import syscalls
from nsh.linux.processes import never_executed, number_here, stat_fields
from nsh.run.child import STOPS
from nsh.run.running import CallFailed, known_signals
from nsh.run.wait import Children, still_started

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nsh.run.log import Log

    Values = dict[str, int]
    """What the slots of a plan stand for, as far as it is known."""
    Trace = Callable[[Call, Values, int, int], None]
    """What is told of each call: the call, the slots so far, its result, its errno or 0."""


_PATIENCE = 1
"""Seconds without a report until nsh looks whether there is still somebody to send one."""


class Gone(Exception):
    """The child ended in the middle of its set-up without a report: something killed it."""


class Reports:
    """What is known of a run that is being set up, and what comes in about it."""

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
