"""Keeper: the processes of nsh's own that stay: the keeper above a child, the init and the pause.

They are forked from nsh and never execute another program. An init may have another root, where
Python's files are not to be found: nothing is imported here later on.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import time

from nsh.linux import syscalls
from nsh.linux.descriptors import close
from nsh.linux.processes import stat_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from nsh.run.log import Log

_MOST = 1 << 20
"""The descriptors that are closed where nothing limits them."""

_PATIENCE = 5000
"""How often a keeper tries, a millisecond apart, to see the end of what it has killed."""


def keep(log: Log, output: int, title: syscalls.Title) -> NoReturn:
    """Be the keeper of a child: take what it writes, and end all that it started when it ends.

    SIGTERM, which the kernel sends too if nsh dies, ends it and them at once. The keeper itself ends
    as the child does. All signals are blocked. ``output`` is the read end of the pipe that
    the child writes to.
    """
    os.set_blocking(output, False)
    title.show(b"nsh: keeper of " + log.name.encode())
    signals = syscalls.signalfd(syscalls.SignalSet(signal.SIGTERM, signal.SIGCHLD))
    _close_all(but={signals, output})
    _to_null((0, 1, 2))
    poll = select.poll()
    poll.register(signals, select.POLLIN)
    poll.register(output, select.POLLIN)
    status = None
    ended = False
    while status is None and not ended:
        ready = [fd for fd, _ in poll.poll()]
        if output in ready and not log.take(output):
            poll.unregister(output)
        if signals in ready:
            ended = signal.SIGTERM in syscalls.signals_of(signals)
        main = log.main
        if main:  # before nsh knows it, its number must not become another's
            status = _reap(main)
    status = _kill_below(log.main, status)
    while log.take(output) and select.select([output], [], [], 0)[0]:
        pass
    _end_as(signal.SIGKILL if status is None else status)


def rest(waited: tuple[int, ...], made: syscalls.Cell | None, title: syscalls.Title) -> NoReturn:
    """Be an init above a command, or with ``made`` None a pause that ends at a signal.

    ``waited``: what it waits for, blocked. ``made`` holds the pid of the command. An init hands a
    signal on, but not one that came from the terminal, which the command gets too.
    """
    command = 0 if made is None else made.number.value
    title.show(b"nsh: pause" if made is None else b"nsh: init")
    _close_all(but=set())
    while True:
        found = signal.sigwaitinfo(waited)
        number = found.si_signo
        if number == signal.SIGCHLD:
            status = _reap(command)
            if status is not None:
                _end_as(status)
        elif not command:
            os._exit(128 + number)
        elif found.si_code <= 0 or number not in _TERMINAL:
            try:
                os.kill(command, number)
            except OSError:
                pass  # it has ended, and SIGCHLD is on its way


_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH, signal.SIGCONT, signal.SIGHUP)


def _reap(main: int) -> int | None:
    """Reap what has ended: the wait status of ``main``, None if it has not ended."""
    status = None
    try:
        while True:
            pid, how = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            if pid == main:
                status = how
    except ChildProcessError:
        pass
    return status


def _kill_below(main: int, status: int | None) -> int | None:
    """SIGKILL everything below this process; the wait status of ``main`` if it is known by then.

    What loses its parent by that becomes a child of this process. Everything is stopped first: what
    forks faster than it can be killed is caught.
    """
    spared: set[int] = set()
    for _ in range(_PATIENCE):
        for number in (signal.SIGSTOP, signal.SIGKILL):
            known: set[int] = set()
            while found := _below() - known - spared:
                for pid in found:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass
                    except OSError:  # another user's, by a set-user-ID program
                        spared.add(pid)
                known |= found
        left = _below() - spared
        how = _reap(main)  # also what ended since
        status = how if status is None else status
        if not left:
            break
        time.sleep(0.001)
    return status


def _below() -> set[int]:
    """The living processes that descend from this one, by /proc."""
    parents: dict[int, list[int]] = {}
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return set()
        names = os.listdir("/proc")
    except OSError:
        return set()
    for name in names:
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields:
                alive = int(name) if fields[0] not in "ZX" else 0
                parents.setdefault(int(fields[1]), []).append(alive or -int(name))
    found: set[int] = set()
    above = [os.getpid()]
    while above:
        for pid in parents.get(above.pop(), []):
            above.append(abs(pid))  # a zombie with threads can still have children
            if pid > 0:
                found.add(pid)
    return found


def _close_all(but: set[int]) -> None:
    """Close every descriptor above 2 but these."""
    first = 3
    for fd in sorted(but):
        os.closerange(first, fd)
        first = fd + 1
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    os.closerange(first, limit if 0 < limit < _MOST else _MOST)


def _to_null(fds: tuple[int, ...]) -> None:
    try:
        null = os.open("/dev/null", os.O_RDWR)
    except OSError:
        for fd in fds:
            close(fd)
        return
    for fd in fds:
        os.dup2(null, fd)
    close(null)


def _end_as(status: int) -> NoReturn:
    """End with that wait status."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        # No other: one that is pending would be the one that ends it.
        signal.pthread_sigmask(signal.SIG_SETMASK, set(signal.valid_signals()) - {-code})
        os.kill(os.getpid(), -code)
        code = 128 - code  # PID 1 does not get what it does not handle
    os._exit(code)
