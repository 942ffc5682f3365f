"""Wait: what nsh does until the processes of a run have ended: for signals, stops, the early end.

All signals that it takes are blocked by then, so each is taken here, between two looks at the
processes, and none comes between two lines.
"""

from __future__ import annotations

import os
import signal
import time

from nsh.linux import syscalls
from nsh.linux.constants import PR_SET_CHILD_SUBREAPER
from nsh.linux.processes import acts_by_default, handles, is_orphaned, is_stopped, own_children

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nsh.run.terminal import Terminal

_GRACE = 0.15
"""Seconds that a command has to end after Ctrl-C before nsh says that it has not."""


class Signals:
    """What is done about signals during a run; it depends on what nsh was started to ignore.

    taken    the signals to wait for: SIGINT, SIGTERM, SIGHUP and SIGTSTP, those of them that
             are not ignored, and SIGCHLD. SIGINT belongs to the command; the next two end the
             run with everything in it, then nsh; SIGTSTP, Ctrl-Z, stops both
    blocked  the same as a set, blocked during the run
    restore  (signal, disposition) pairs: what a command finds
    mask     the signal mask that a command finds, which is nsh's own between the runs
    """

    __slots__ = ("blocked", "mask", "restore", "taken")

    def __init__(self) -> None:
        self.mask = syscalls.SignalSet()
        syscalls.sigprocmask(syscalls.SIG_BLOCK, syscalls.SignalSet(), self.mask)
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP)
        taken = [int(number) for number in wanted if signal.getsignal(number) != signal.SIG_IGN]
        # Python ignores SIGPIPE and SIGXFSZ for its own sake, and handles SIGINT.
        restore = [int(signal.SIGPIPE), int(signal.SIGXFSZ)]
        if signal.SIGINT in taken:
            restore.append(int(signal.SIGINT))
        pairs = [(number, syscalls.SIG_DFL) for number in restore]
        if signal.getsignal(signal.SIGCHLD) == signal.SIG_IGN:
            # Ignored, it would keep the kernel from telling how a child ended (wait(2)).
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            pairs.append((int(signal.SIGCHLD), syscalls.SIG_IGN))
        self.taken = (*taken, int(signal.SIGCHLD))
        self.blocked = syscalls.SignalSet(*self.taken)
        self.restore = tuple(pairs)


class Children:
    """The processes that a run has started.

    alive       those not yet reaped
    pid_1       the command, if it is PID 1 of a new pid namespace; else 0
    keeper      the keeper above the command, if it has one; else 0
    interrupts  how often Ctrl-C came
    """

    def __init__(
        self,
        signals: Signals,
        still_alive: Callable[[], None] | None = None,
        cannot_stop: Callable[[], None] | None = None,
    ) -> None:
        self.alive: list[int] = []
        self.pid_1 = 0
        self.keeper = 0
        self.interrupts = 0
        self._taken = signals.taken
        self._still_alive = still_alive
        self._cannot_stop = cannot_stop
        self._terminal: Terminal | None = None
        self._began = time.clock_gettime(time.CLOCK_BOOTTIME)
        self._deadline: float | None = None

    def use_terminal(self) -> None:
        """Look at the terminal on standard input: ``end`` leaves it as it is now."""
        if os.isatty(0):
            from nsh.run.terminal import of_stdin

            self._terminal = of_stdin()

    def wait_for(self, pid: int) -> int:
        """The wait status of a process that has ended. Takes the signals that come until then."""
        while True:
            found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
            if found and not os.WIFSTOPPED(status):
                self.alive.remove(pid)
                return status
            if found:
                self._stopped(pid, os.WSTOPSIG(status))
            else:
                self.take_signal(pid)

    def let_go(self, pid: int) -> None:
        """Make a traced command go on from its execve. Returns when it has, or has been killed."""
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        try:
            syscalls.ptrace(syscalls.PTRACE_DETACH, pid)
        except ProcessLookupError:
            pass  # it is no more

    def hand_on(self, pid: int) -> None:
        """Let a traced process have the signal that stopped it before its execve. See ptrace(2).

        Every signal stops it there, also one that it ignores, such as that of a resized terminal.
        """
        stopped = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
        if stopped and stopped.si_status != signal.SIGTRAP:
            try:
                syscalls.ptrace(syscalls.PTRACE_CONT, pid, stopped.si_status)
            except ProcessLookupError:
                pass  # it is not traced, and stopped for another reason

    def take_signal(self, pid: int) -> None:
        """Wait for one signal, SIGCHLD included, and do what it asks for while that process runs."""
        if self._deadline is None:
            number = signal.sigwaitinfo(self._taken).si_signo
        else:
            info = signal.sigtimedwait(self._taken, max(0, self._deadline - time.monotonic()))
            if info is None:
                self._deadline = None
                if self._still_alive and not handles(pid, signal.SIGINT):
                    self._still_alive()
                return
            number = info.si_signo
        if number == signal.SIGINT:
            self._interrupted(pid)
        elif number == signal.SIGTSTP:
            self._suspended(pid)
        elif number != signal.SIGCHLD:
            self._end(number)

    def take_late_interrupts(self) -> None:
        """Count the Ctrl-C that came with or after the end of the command, so that nsh gets none."""
        while signal.SIGINT in self._taken and signal.sigtimedwait((signal.SIGINT,), 0):
            self.interrupts += 1

    def _interrupted(self, pid: int) -> None:
        """Ctrl-C during the run: it has reached the command too, which shares the terminal.

        PID 1 of a pid namespace does not get a signal that it does not handle (pid_namespaces(7)):
        the first Ctrl-C is then told through ``still_alive``, the second kills.
        """
        self.interrupts += 1
        if is_stopped(pid):
            os.kill(pid, signal.SIGCONT)  # a stopped process gets its signals when it goes on
        if pid != self.pid_1:
            return
        if self.interrupts == 1:
            self._deadline = time.monotonic() + _GRACE
        elif not handles(pid, signal.SIGINT):
            os.kill(pid, signal.SIGKILL)

    def _suspended(self, pid: int) -> None:
        """Ctrl-Z during the run: it has reached the command too, which shares the terminal.

        nsh has no job control. If the shell around it has, nsh stops with the command, and both
        go on with its fg. Otherwise nobody could make them go on, and the kernel stops neither:
        then that is told through ``cannot_stop``.
        """
        if is_orphaned():
            if self._cannot_stop and self._terminal is not None and self._terminal.mine:
                self._cannot_stop()
        elif acts_by_default(pid, signal.SIGTSTP):  # what handles it stops itself, or does not
            if pid == self.pid_1:
                # Sent from here it stops PID 1, too, which nothing from the terminal does.
                os.kill(pid, signal.SIGSTOP)
            self._stop_with(pid)

    def _stop_with(self, pid: int) -> None:
        """Stop nsh, as the command is stopped. When nsh goes on, the command does."""
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTSTP])
        if self._terminal is not None:
            self._terminal.look_again(pid)
        os.kill(pid, signal.SIGCONT)

    def _stopped(self, pid: int, number: int) -> None:
        """The child has stopped, as Ctrl-Z and the like stop it."""
        if self._terminal is None or not self._terminal.mine or number == signal.SIGSTOP:
            return
        if number == signal.SIGTSTP:
            if is_stopped(pid):
                self._stop_with(pid)
            return
        self._terminal.give_to(pid)
        os.kill(pid, signal.SIGCONT)

    def end(self, *, kill: bool, unknown: bool = False) -> None:
        """The end of the run: the terminal is as it was before. ``kill``: no process is left.

        ``unknown``: also what nobody reported, because its reporter was killed, and all that
        descends from what is known. What other runs have started is not among it.
        """
        try:
            if unknown:
                self._kill_all()
            elif kill:
                self._kill(set(self.alive))
        finally:
            if self._terminal is not None:
                self._terminal.take_back()

    def _kill_all(self) -> None:
        # Whose parent is killed becomes nsh's own child, and so the next to be killed.
        _adopt(True)
        try:
            tried: set[int] = set()
            while found := (set(self.alive) | own_children(self._began) - _of_others(self)) - tried:
                self._kill(found)
                tried |= found
        finally:
            _adopt(False)

    def _kill(self, pids: set[int]) -> None:
        for pid in pids:
            try:
                if pid == self.keeper:  # which kills all that is below it, and then ends
                    os.kill(pid, signal.SIGTERM)
                    os.kill(pid, signal.SIGCONT)
                else:
                    os.kill(pid, signal.SIGKILL)
            except OSError:  # another user's, by a set-user-ID program
                _unreaped.add(pid)
            else:
                _reap(pid)
        self.alive.clear()

    def _end(self, number: int) -> None:
        """SIGTERM or SIGHUP during the run: end everything in it, then nsh."""
        for other in _started:
            if other is not self:
                other.end(kill=True)
        self.end(kill=True, unknown=True)
        os.kill(os.getpid(), number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
        os._exit(128 + number)  # still here: PID 1 does not get what it does not handle


def _adopt(orphans: bool) -> None:
    """Become the parent of all descendants that lose theirs, or of none. See prctl(2)."""
    try:
        syscalls.prctl(PR_SET_CHILD_SUBREAPER, orphans)
    except OSError:
        pass  # then what the command has started outlives it


_started: list[Children] = []
"""The processes of the runs that have been started and not been waited for to their end."""


def remember(children: Children) -> None:
    """Keep in mind a run that goes on beside others, which are to leave it alone."""
    _started[:] = [each for each in _started if each.alive and each is not children]
    _started.append(children)


def still_started() -> set[int]:
    """The processes of those runs; one that has ended is a zombie until it is waited for."""
    return {pid for each in _started for pid in each.alive}


def _of_others(children: Children) -> set[int]:
    return {pid for each in _started if each is not children for pid in each.alive}


_unreaped: set[int] = set()
"""Children of past runs that could not be killed, or whose end could not be waited for."""


def _reap(pid: int) -> None:
    """Take the status of a process that was killed; if that fails, before the next run."""
    try:
        os.waitpid(pid, 0)
    except OSError:
        _unreaped.add(pid)


def reap_later() -> None:
    """Reap what has ended of the processes that could not be reaped before."""
    for pid in list(_unreaped):
        try:
            if not os.waitpid(pid, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            pass
        except OSError:
            continue
        _unreaped.discard(pid)
