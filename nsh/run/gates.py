"""Gates: where the processes of a stepped run wait before each of their calls.

A gate is a pipe. nsh writes a byte for each call that may be made; at its end of file, when nsh is
no more, the process that waits there ends. Each process has the reading end of its own gate alone,
so that a gate without a reader tells that its process has ended or has executed a program.
"""

from __future__ import annotations

import fcntl
import os
import signal

from nsh.linux import syscalls
from nsh.linux.descriptors import close

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

STANDS = b"stands: "
"""What the report begins with of a process that waits at its gate; its actor follows."""

_HIGH = 100
"""From which number on the descriptors are, so that those of the plan are the same as in a run."""

_KEYS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)
"""What the keys of the terminal send to its foreground, where a process that waits is, too."""


class Gates:
    """One gate for each actor that is not nsh itself.

    reads    the reading ends that nsh still has: actor to descriptor
    writes   the writing ends
    ignored  the signals that a process ignores as long as it waits
    """

    def __init__(self, actors: Iterable[str]) -> None:
        """Open them. Raises OSError."""
        self.reads: dict[str, int] = {}
        self.writes: dict[str, int] = {}
        # What nsh was started to ignore stays so.
        self.ignored = [each for each in _KEYS if signal.getsignal(each) != signal.SIG_IGN]
        try:
            for actor in actors:
                self.reads[actor], self.writes[actor] = os.pipe2(os.O_CLOEXEC)
                for ends in (self.reads, self.writes):
                    ends[actor] = _moved(ends[actor])
        except BaseException:
            self.close()
            raise

    def wait(self, actor: str) -> tuple[Callable[..., int], tuple[Any, ...]]:
        """The function and arguments with which that actor waits: 1 to go on, 0 to end."""
        return syscalls.in_c("read", (self.reads[actor], b".", 1))

    def tell(self, actor: str, reports: int) -> tuple[Callable[..., int], tuple[Any, ...]]:
        """The function and arguments with which that actor tells before that it is there."""
        line = STANDS + actor.encode() + b"\n"
        return syscalls.in_c("write", (reports, line, len(line)))

    def close_in(self, actors: Collection[str]) -> list[int]:
        """The descriptors that a process closes which is to be these actors, itself or by forks."""
        others = [fd for actor, fd in self.reads.items() if actor not in actors]
        return [*self.writes.values(), *others]

    def have_gone(self, actors: Iterable[str]) -> None:
        """The process that is these actors has been forked: only it has their reading ends."""
        for actor in actors:
            if actor in self.reads:
                close(self.reads.pop(actor))

    def let(self, actor: str) -> bool:
        """Let the actor make one call. False if nobody is there to make it."""
        try:
            return bool(os.write(self.writes[actor], b"."))
        except BrokenPipeError:
            return False

    def is_left(self, actor: str, mask: syscalls.SignalSet, seconds: int = 0) -> bool:
        """Whether the actor has ended or executed a program; waits so long for it to happen.

        ``mask`` is the signal mask of the wait.
        """
        return syscalls.wait_readable(self.writes[actor], mask, seconds)

    def close(self) -> None:
        """Close them all: who waits at one ends."""
        for ends in (self.reads, self.writes):
            while ends:
                close(ends.popitem()[1])


def _moved(fd: int) -> int:
    """The same end with a high number, if the limit on descriptors lets it."""
    try:
        new = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    except OSError:
        return fd
    close(fd)
    return new
