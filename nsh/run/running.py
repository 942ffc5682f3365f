"""Running: a run that has been started, and how it ended."""

from __future__ import annotations

import os
import signal

from nsh.call import COMMAND, PID_1, Call, Plan
from nsh.linux import syscalls
from nsh.linux.processes import reap_orphans
from nsh.run.wait import Children, Signals, reap_later, still_started
from nsh.value import Value

_signals: Signals | None = None


def known_signals() -> Signals:
    """What is done about signals during runs, found out at the first."""
    global _signals
    if _signals is None:
        _signals = Signals()
    return _signals


class CallFailed(Exception):
    """A call of the plan failed: ``call`` and ``errno`` (0 if a helper program said no).

    ``values`` are the slots that were known by then, to print the call.
    """

    def __init__(self, call: Call, error: int, values: dict[str, int]) -> None:
        super().__init__(f"{call.name}: {os.strerror(error)}")
        self.call = call
        self.errno = error
        self.values = values


class Attended:
    """Inside, nsh attends to a run: the signals that it takes are blocked.

    Whatever is raised inside, or by the beginning and the end of it, leaves no process of the run,
    and the terminal as it was before.
    """

    def __init__(self, children: Children) -> None:
        self._children = children

    def __enter__(self) -> None:
        reap_later()
        try:
            syscalls.sigprocmask(syscalls.SIG_BLOCK, known_signals().blocked)
        except BaseException:
            self._children.end(kill=True, unknown=True)
            raise

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        failed = error is not None
        try:
            # After a failed call of the plan all processes are known; to look for others takes long.
            unknown = failed and not isinstance(error, CallFailed)
            self._children.end(kill=failed, unknown=unknown)
            if os.getpid() == 1:
                reap_orphans(still_started())
        finally:
            try:
                syscalls.sigprocmask(syscalls.SIG_SETMASK, known_signals().mask)
            except OSError:
                self._children.end(kill=True, unknown=True)
                raise


class Outcome(Value):
    """How a run ended.

    status       the exit status of the command, 128+N if signal N ended it (or ended the child
                 before it became the command)
    signal       that signal, 0 if none
    interrupted  whether Ctrl-C came during the run
    links        what the plan's readlink calls gave, by path
    pids         the processes that the run was made of
    """

    status: int
    signal: int
    interrupted: bool
    links: dict[str, str]
    pids: tuple[int, ...]


class Running:
    """A run that has been started: to be waited for, signalled, or left alone.

    pid     the process that is the command or the init above it, 0 if it was killed before
    waited  nsh's own child whose end is that of the run: the same, or the keeper above it
    pids    all processes of the run
    """

    def __init__(
        self,
        plan: Plan,
        values: dict[str, int],
        links: dict[str, str],
        children: Children,
    ) -> None:
        self.own = plan.own()
        self.values = values
        self.links = links
        self.children = children
        self.pid = values.get(plan.main, 0)
        self.pids = tuple([values[name] for name in plan.chain() if name in values])
        # The last of nsh's own children: the process that is the command, an init or a keeper.
        self.waited = values.get(self.own[-1], 0)
        children.pid_1 = self.pid if plan.last == PID_1 and self.waited == self.pid else 0
        self.has_init = plan.last == COMMAND
        self._outcome: Outcome | None = None

    def wait(self) -> Outcome:
        """Wait until all its processes have ended. Ends them if the wait itself fails.

        A second wait gives the same outcome.
        """
        if self._outcome is None:
            with Attended(self.children):
                self._outcome = self.finish()
        return self._outcome

    def finish(self) -> Outcome:
        """As ``wait``, by who attends to it already.

        Raises ChildProcessError if a process could not report the next one.
        """
        status = 0
        for name in self.own[:-1]:
            if self.values.get(name) in self.children.alive:
                status = self.children.wait_for(self.values[name])
                if not self.waited:
                    # It may have been killed between its fork and the report of it.
                    self.children.end(kill=True, unknown=True)
                    if os.WIFEXITED(status):
                        raise ChildProcessError("a child could not report to nsh")
        if self.waited:
            status = self.children.wait_for(self.waited)
        self.children.take_late_interrupts()
        code = os.waitstatus_to_exitcode(status)
        if self.has_init and code == 128 + signal.SIGINT:
            code = -signal.SIGINT  # of the command; PID 1 can only tell of it
        return Outcome(
            128 - code if code < 0 else code,
            -code if code < 0 else 0,
            self.children.interrupts > 0,
            self.links,
            self.pids,
        )

    def signal(self, number: int) -> None:
        """Send the command a signal; nothing happens if it has ended. See kill(2)."""
        if not self.has_ended():
            os.kill(self.pid, number)

    def has_ended(self) -> bool:
        """Whether the command has ended; ``wait`` then gives its outcome at once."""
        if self.waited not in self.children.alive:
            return True
        return os.waitid(os.P_PID, self.waited, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
