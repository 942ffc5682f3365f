"""Living: a child that stays, as nsh sees it: its processes, its log, its end."""

from __future__ import annotations

import errno
import os
import select
import signal
import time

from nsh.linux import syscalls
from nsh.linux.descriptors import close
from nsh.linux.namespaces import BY_NAME, NAMESPACES
from nsh.linux.processes import is_below, pids, stat_fields, zombie_status
from nsh.linux.procfs import link, read_text, status_field
from nsh.run.log import Log
from nsh.run.perform import start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.call import Plan
    from nsh.run.reports import Trace
    from nsh.run.running import Running

_GRACE = 2.0
"""Seconds that a child has to end after SIGTERM, as `docker stop` gives 10."""


def number_inside(pid: int) -> int:
    """The number of a process in its own pid namespace; the same if that cannot be seen."""
    numbers = status_field(read_text(f"/proc/{pid}/status") or "", "NSpid").split()
    return int(numbers[-1]) if numbers else pid


class Living:
    """A child that was started.

    What is forked from the process that started it, such as the check of a goal, can look at it,
    enter it and send it signals, but not take its status from the kernel: it looks into /proc.

    name    what it is called
    plan    what it was made by
    pid     its main process here: the command, its init or its pause
    keeper  the process above it, which is nsh's own child
    inside  the number of its main process in its own pid namespace
    made    the namespaces that were made for it: kind to the text of the link in /proc/PID/ns
    pins    descriptors of namespaces that are kept: kind to descriptor
    began   when it was started, in seconds of the monotonic clock, and ``ended`` when nsh saw its end
    status  its exit status, 128+N if signal N ended it; None while it lives
    """

    def __init__(self, name: str, plan: Plan, trace: Trace | None) -> None:
        """Start it. Raises what ``start`` raises."""
        self.name = name
        self.plan = plan
        self.began = time.monotonic()
        self.ended = 0.0
        self.status: int | None = None
        self.pins: dict[str, int] = {}
        self.told = False
        self._written: tuple[int, bytes] = (0, b"")
        self._starter = os.getpid()
        opened: list[int] = []
        self.log = Log(name)
        try:
            self._output, write = os.pipe2(os.O_CLOEXEC)
            opened += [write, self._output]
            null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
            opened.insert(0, null)
            self.running: Running = start(
                plan, trace, (null, write, write), (self.log, self._output)
            )
            self.pid = self.running.pid
            self.keeper = self.running.waited
            self.pidfd = self._name_for_certain()
        except BaseException:
            self.log.close()
            for fd in opened:
                close(fd)
            raise
        close(write)
        close(null)
        self.inside = number_inside(self.pid)
        self.made = self._made()
        self.log.main = self.pid or -1
        self._wake()

    def _name_for_certain(self) -> int:
        """A descriptor of its main process. Raises OSError, and then nothing of it is left."""
        try:
            return os.pidfd_open(self.pid or self.keeper)
        except OSError:
            os.kill(self.keeper, signal.SIGTERM)
            self.running.wait()
            raise

    def _wake(self) -> None:
        """Let the keeper look again: it reaps nothing before it knows what to wait for.

        If the child was killed before it could become the command, the keeper is to end.
        """
        try:
            os.kill(self.keeper, signal.SIGCHLD if self.pid else signal.SIGTERM)
        except OSError:
            pass

    def _made(self) -> dict[str, str]:
        """The new namespaces; what moved on at once to nsh's own, or to PID 1's, does not count."""
        found = {}
        for each in NAMESPACES:
            if self.plan.state.has(each.name):
                text = link(f"/proc/{self.pid}/ns/{each.proc}")
                others = (link(f"/proc/{other}/ns/{each.proc}") for other in ("self", "1"))
                if text and text not in others:
                    found[each.name] = text
        # A pause stays where it is; a command may have joined somebody's namespaces by now.
        return found if not self.plan.argv else self._not_anothers(found)

    def _not_anothers(self, found: dict[str, str]) -> dict[str, str]:
        """Those in which there is nobody but what this child has started, as far as can be seen."""
        for pid in pids() if found else ():
            there = {
                kind: text
                for kind, text in found.items()
                if link(f"/proc/{pid}/ns/{BY_NAME[kind].proc}") == text
            }
            if there and not is_below(pid, self.keeper):
                found = {kind: text for kind, text in found.items() if kind not in there}
        return found

    @property
    def is_own(self) -> bool:
        """Whether this very process started it, and not one that this was forked from."""
        return os.getpid() == self._starter

    @property
    def lives(self) -> bool:
        """Whether it has not ended; takes its status if it has."""
        if self.status is None:
            status = None
            if not self.is_own:
                status = self._status_seen()
            elif self.running.has_ended() or self._main_has_ended(0):
                os.kill(self.keeper, signal.SIGCONT)
                status = self.running.wait().status
            if status is not None:
                self._settle(status)
        return self.status is None

    def _settle(self, status: int) -> None:
        """It has ended: keep what there is to know of it, and give back what was held for it."""
        self.status = status
        self.ended = time.monotonic()
        self._written = self.log.read()
        self.log.close()
        for fd in (self._output, self.pidfd):
            close(fd)

    def _status_seen(self) -> int | None:
        """The status as /proc shows it of the zombie that nobody has waited for; None while it lives."""
        fields = stat_fields(self.keeper)
        if not fields:
            return 0  # waited for in this moment, and only who did knows
        if fields[0] not in "ZX":
            return None
        return zombie_status(fields)

    def wait(self) -> int:
        """Wait for its end: its status. Ctrl-C raises KeyboardInterrupt, and it lives on."""
        while self.lives:
            self._has_ended_by(None)
        assert self.status is not None
        return self.status

    def signal(self, number: int) -> None:
        """Send its main process a signal. Raises OSError: ESRCH if it has ended."""
        if not self.lives:
            raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
        signal.pidfd_send_signal(self.pidfd, number)
        # What comes next is to find it ended, if this ends it.
        self._main_has_ended(1000 if number == signal.SIGKILL else 20)

    def _main_has_ended(self, milliseconds: int) -> bool:
        """Whether its main process has ended, or does so in that time. See pidfd_open(2)."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(milliseconds))

    def ask_to_end(self) -> float:
        """Send SIGTERM. Until when to wait for its end, by the monotonic clock."""
        try:
            self.signal(signal.SIGTERM)
            # A stopped process gets its signals when it goes on.
            self.signal(signal.SIGCONT)
        except OSError:
            pass
        return time.monotonic() + _GRACE

    def stop(self, deadline: float) -> int:
        """Wait for its end until then, afterwards have all of it killed. Its status."""
        if not self._has_ended_by(deadline):
            self.end()
        return self.wait()

    def end(self) -> None:
        """Have the keeper kill all of it at once. Does not wait."""
        if self.lives:
            try:
                os.kill(self.keeper, signal.SIGTERM)
                os.kill(self.keeper, signal.SIGCONT)
            except OSError:
                pass

    def _has_ended_by(self, deadline: float | None) -> bool:
        if not self.lives:
            return True
        try:
            fd = os.pidfd_open(self.keeper)
        except ProcessLookupError:  # waited for in this moment by the process that started it
            return True
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            left = None if deadline is None else max(0, deadline - time.monotonic()) * 1000
            return bool(poll.poll(left))
        finally:
            close(fd)

    def written(self) -> tuple[int, bytes]:
        """What it has written up to now: how many bytes were dropped, and the others."""
        # What it wrote last may still be in the pipe, or on its way from there into the log.
        deadline = time.monotonic() + 0.5
        if not self.lives:
            return self._written
        while time.monotonic() < deadline:
            if not syscalls.bytes_in(self._output) and not self.log.is_busy:
                break
            time.sleep(0.001)
        return self.log.read()

    def pin(self) -> dict[str, int]:
        """Keep the namespaces that it does not share with nsh, beyond its end. Raises OSError."""
        for each in NAMESPACES:
            path = f"/proc/{self.pid}/ns/{each.proc}"
            if each.name not in self.pins and link(path) != link(f"/proc/self/ns/{each.proc}"):
                self.pins[each.name] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        return self.pins

    def unpin(self) -> None:
        """Let these go."""
        while self.pins:
            close(self.pins.popitem()[1])

    def close(self) -> None:
        """Give everything back that nsh still holds for it; it has ended."""
        self.unpin()
