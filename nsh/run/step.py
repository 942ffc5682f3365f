"""Step: a run that is performed one call at a time, and stands still between two of them.

nsh goes through the calls in the order of the plan. Its own it makes itself; for another actor it
writes a byte to the gate of that actor and waits for the report of the call. Between two calls nsh
holds what the run has opened, and what its processes are is to be seen in /proc.
"""

from __future__ import annotations

import os
import signal
from itertools import chain

from nsh.call import PARENT, Slot
from nsh.linux.descriptors import close
from nsh.linux.processes import is_ending, is_stopped, never_executed, stat_fields, zombie_status
from nsh.run.child import Preparation
from nsh.run.gates import STANDS, Gates
from nsh.run.perform import Performance
from nsh.run.reports import Gone
from nsh.run.running import Attended, known_signals
from nsh.run.wait import Children, remember

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nsh.call import Call, Plan
    from nsh.run.child import Steps
    from nsh.run.reports import Trace
    from nsh.run.running import Outcome

_PATIENCE = 1
"""Seconds between two looks at the other signs of life of a process."""

ALL = 1 << 30
"""More steps than any run has."""


class RunEnded(Exception):
    """A process of the run was no longer there to make its next call.

    actor   which
    status  its exit status, 128+N if signal N ended it
    """

    def __init__(self, actor: str, status: int) -> None:
        super().__init__(f"{actor} has ended")
        self.actor = actor
        self.status = status


class Stepping(Performance):
    """A run between two of its calls.

    steps    the calls that are made one at a time; the tries of one execve are one, and the last
             is the execve of the command with all that comes after it
    at       which of them is the next
    is_over  whether there is nothing left of the run, and ``go_on`` must not be called any more
    """

    def __init__(
        self,
        plan: Plan,
        streams: tuple[int, int, int],
        still_alive: Callable[[], None] | None = None,
        cannot_stop: Callable[[], None] | None = None,
    ) -> None:
        """Stand before the first call. ``streams`` and what follows as for ``launch``.

        Raises OSError.
        """
        children = Children(known_signals(), still_alive, cannot_stop)
        super().__init__(plan, lambda *_: None, children, streams)
        rows = plan.rows()
        last = [at for at, row in enumerate(rows) if row[0].actor == plan.last][-1]
        self.steps = [*rows[:last], tuple(chain(*rows[last:]))]
        self.at = 0
        self.is_over = False
        self._texts: list[bytes] = []  # what a process has told that nsh is still to read
        self._standing: set[str] = set()  # who waits at a gate
        self._is_last = False
        actors = dict.fromkeys([call.actor for call in plan.calls if call.actor != PARENT])
        self._gates = Gates(actors)

    @property
    def coming(self) -> tuple[Call, ...]:
        """The next call; of an execve all its tries."""
        first, *more = self.steps[self.at]
        return first, *[call for call in more if (call.name, call.actor) == ("execve", first.actor)]

    @property
    def place(self) -> str:
        """Where it stands, in a few words: ``5/12 child: unshare(...)``."""
        call = self.coming[0]
        return f"{self.at + 1}/{len(self.steps)} {call.actor}: {call.name}(...)"

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that it has been made of so far."""
        made = [call.fills[0] for call in self.plan.calls if call.name == "clone"]
        return tuple([self.values[name] for name in made if name in self.values])

    @property
    def newest(self) -> str:
        """The actor that is the newest process of the way to the command, "" before the fork."""
        return next((name for name in reversed(self.chain) if name in self.values), "")

    @property
    def pid(self) -> int:
        """That process, 0 before the fork."""
        return self.values.get(self.newest, 0)

    def how_ended(self) -> int | None:
        """The exit status of a process that has ended and had calls left, 128+N for signal N.

        It stays a zombie until the run is aborted. None if there is no such process.
        """
        name = self._missing()
        if not name:
            return None
        pid = self.values[name]
        try:
            # Its files are closed by now, and it is about to be a zombie.
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            pass  # the command below an init, or this process is forked from the one that steps
        fields = stat_fields(pid)
        return zombie_status(fields) if fields else 128 + signal.SIGKILL

    def _missing(self) -> str:
        """The actor of a call that is still to come whose process has ended, "" if there is none."""
        coming = self._actors(self.steps[self.at :]) if not self.is_over else set()
        there = [name for name in self.chain if name in coming and name in self.values]
        gone = [name for name in there if self._gates.is_left(name, self.waiting_mask)]
        return gone[0] if gone else ""

    def _actors(self, steps: list[tuple[Call, ...]]) -> set[str]:
        """Whose calls these are, but for the one in which an init stays."""
        return {call.actor for step in steps for call in step if call.name != "rt_sigtimedwait"}

    def go_on(self, count: int, trace: Trace) -> Outcome | None:
        """Make so many of the steps, or all that are left.

        Gives how the command ended, which is waited for in the foreground; None if it has not been
        started yet. ``trace`` is told of each call and its result.

        Raises CallFailed, and RunEnded if somebody has ended a process of the run: whatever is
        raised, nothing is left of it.
        """
        self.trace = trace
        try:
            with Attended(self.children):
                outcome = self._go_on(count)
                remember(self.children)
        except BaseException:
            self.abort()
            raise
        if outcome is not None:
            self._give_back()
        return outcome

    def abort(self) -> None:
        """End all its processes and close all its descriptors."""
        with Attended(self.children):
            try:
                self.children.end(kill=True)
            finally:
                self._give_back()

    def _give_back(self) -> None:
        self.is_over = True
        self._gates.close()
        while self._open:
            close(self._open.pop())

    def _go_on(self, count: int) -> Outcome | None:
        try:
            for _ in range(min(count, len(self.steps) - self.at)):
                if self.how_ended() is not None:
                    raise Gone
                if self.at == len(self.steps) - 1:
                    return self._last()
                self._one(self.steps[self.at][0])
                self.at += 1
        except Gone:
            status = self.how_ended()
            killed = 128 + signal.SIGKILL
            who = self._missing() or self.newest
            raise RunEnded(who, killed if status is None else status) from None
        return None

    def _one(self, call: Call) -> None:
        if call.actor == PARENT:
            self._make(call)
        elif call.actor in self.chain:
            self._let(call)
        else:
            self._let_program(call)
        # Who has calls left is at the gate before the user looks: nothing moves between two calls.
        left = self._actors(self.steps[self.at + 1 :])
        for actor in (call.actor, *call.fills):
            while actor in left and actor in self.chain and actor not in self._standing:
                self._take_line()

    def _let(self, call: Call) -> None:
        """Let a process make a call, and wait for the report of it."""
        self._standing.discard(call.actor)
        self._gates.let(call.actor)
        while self._last_report is not call:
            self._take_line()

    def _take_line(self) -> None:
        line = self._line()
        if line is None:
            raise Gone
        if line.startswith(STANDS):
            self._standing.add(line.removeprefix(STANDS).decode())
        elif line[:1].isdigit():
            self._report(line)
        else:
            self._texts.append(line)

    def _let_program(self, call: Call) -> None:
        """Let a process execute newuidmap or newgidmap, which reports nothing itself."""
        self._gates.let(call.actor)
        self._wait_until_left(call.actor)
        pid = self.values[call.actor]
        if never_executed(pid):
            [wait] = [each for each in self.plan.calls if each.args[:1] == (Slot(call.actor),)]
            self._wait_for_program(wait, pid)
        self._last_report = call
        self.trace(call, self.values, 0, 0)

    def _last(self) -> Outcome:
        """The execve of the command and what comes after it; then wait for the end."""
        self._is_last = True
        self.children.use_terminal()
        first, *more = self.steps[self.at]
        self._gates.let(first.actor)
        after = [call for call in more if call.actor != first.actor]
        if after:
            # An init, which makes the rest of its calls once the command is there.
            self._wait_until_left(first.actor)
            self.waiting_mask = known_signals().blocked  # from now on Ctrl-C is for the command
            self._take_told_failure()
        else:
            self._rest_of_reports()
        if never_executed(self.pid):
            raise Gone
        self._tell_execve()
        for call in after:
            self._gates.let(call.actor)
        if after:
            self._rest_of_reports()
        self._tell_stay()
        return self._begun().finish()

    # In place of what a run does.

    def _fork(self, call: Call, flags: int) -> int:
        pid = super()._fork(call, flags)
        self._gates.have_gone(self._forked)
        return pid

    def _steps(self, made: str, tracing: bool) -> Steps:
        prepared = Preparation(
            self.plan,
            self.chain,
            made,
            self.values,
            self.restore,
            self.mask,
            tracing,
            self.streams,
            gates=self._gates,
        )
        self._forked = tuple(prepared.steps)
        return prepared.steps

    def _wait_for(self, expected: bytes) -> int:
        """The text has come already: with the report of the call that wrote it."""
        self._texts.remove(expected.rstrip(b"\n"))
        return len(expected)

    def _ended(self, name: str) -> int | None:
        if name in self.own and is_ending(self.values[name]):
            os.waitid(os.P_PID, self.values[name], os.WEXITED | os.WNOWAIT)
        return super()._ended(name)

    def _lost(self) -> bool:
        if self.pid and is_stopped(self.pid):  # by a signal from elsewhere: it is to go on
            os.kill(self.pid, signal.SIGCONT)
        return not self._is_last and self.how_ended() is not None

    def _wait_until_left(self, actor: str) -> None:
        while not self._gates.is_left(actor, self.waiting_mask, _PATIENCE):
            pass
