"""Child: what a forked process does of a plan before it becomes the command.

Each line here runs in a fresh copy of nsh, where every page that is touched has to be copied:
it is short, and everything that can be made ready before the fork is.
"""

from __future__ import annotations

import errno
import os

from nsh import syscalls
from nsh.call import CHILD, Plan, Slot
from nsh.host import Environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Values = dict[str, int]
    """What the slots of a plan stand for, as far as it is known."""
    Step = tuple[int, int, Callable[..., int], tuple[Any, ...], str]
    """A call made ready: its index in the plan, its kind, the C function and its arguments, the
    actor that it gives if it is a clone."""
    Steps = dict[str, list[Step]]
    """The steps of each actor."""

# execvp(3) goes on to the next directory of PATH after these.
_NEXT = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ESTALE, errno.ENODEV, errno.ETIMEDOUT)

_FAILED = 125


def _encode(value: object) -> object:
    return os.fsencode(value) if isinstance(value, str) else value


_encoded: list[Any] = [None, None]


def envp(environment: Environment) -> Any:
    """The environment as a C array; the last one is kept, runs mostly share it."""
    if _encoded[0] is not environment:
        words = [os.fsencode(pair) for pair in environment]
        _encoded[:] = [environment, syscalls.c_strings(words)]
    return _encoded[1]


def fill(value: object, values: Values) -> object:
    """An argument with the slots in it filled."""
    if isinstance(value, Slot):
        number = values[value.name]
        return f"{value.before}{number}{value.after}".strip() if value.is_text else number
    return value


PLAIN, BOOKKEEPING, CHECK, CLONE, EXECVE, TRACED = range(6)
"""What a step asks for once its function has returned: nothing if it worked; nothing ever;
to end if nsh is gone; to go on as another actor; the next try if it failed; a report always."""

_KINDS = {"poll": CHECK, "read": CHECK, "clone": CLONE, "execve": EXECVE}


def prepare(
    plan: Plan,
    me: str,
    values: Values,
    restore: tuple[tuple[int, int], ...],
    mask: syscalls.SignalSet,
    tracing: bool,
    streams: tuple[int, int, int] = (0, 1, 2),
) -> Steps:
    """The steps of the process that is about to be forked as ``me``, and of what it forks in turn.

    All slots of its calls are known by then. ``restore`` and ``mask`` are the signals'
    dispositions and mask for the command; ``streams`` become its descriptors 0, 1 and 2.
    ``tracing``: every call is reported, not only those that fail and the forks.
    """
    steps: Steps = {me: []}
    if me == CHILD:
        steps[plan.last] = []
    mine = steps[me]
    mine += [(-1, BOOKKEEPING, syscalls.signal, pair, "") for pair in restore]
    mine.append((-1, BOOKKEEPING, syscalls.sigprocmask_raw, syscalls.set_mask(mask), ""))
    if me == CHILD:
        ours = [values[name] for name in ("reports[0]", "go[1]") if name in values]
        mine += [(-1, BOOKKEEPING, syscalls.close, (fd,), "") for fd in ours]
        moved = [(fd, stream) for stream, fd in enumerate(streams) if fd != stream]
        mine += [(-1, BOOKKEEPING, syscalls.dup2, pair, "") for pair in moved]
    argv_before: object = None
    words: Any = None
    for index, call in enumerate(plan.calls):
        name = call.name
        args: tuple[Any, ...] = call.args
        if call.actor not in steps:
            continue
        if name == "execve":
            path, argv, environment = args
            if argv is not argv_before:
                argv_before = argv
                words = syscalls.c_strings([os.fsencode(str(fill(w, values))) for w in argv])
            args = (os.fsencode(path), words, envp(environment))
        else:
            args = tuple([_encode(fill(arg, values)) for arg in args])
        kind = _KINDS.get(name, TRACED if tracing else PLAIN)
        function, c_args = syscalls.in_c(name, args)
        steps[call.actor].append(
            (index, kind, function, c_args, call.gives[0] if call.gives else "")
        )
    return steps


def become(me: str, last: str, steps: Steps, reports: int, tracing: bool) -> None:
    """Make the calls of one actor, from right after its fork to execve or _exit. Never returns.

    ``reports`` is the descriptor for what is to be told.
    """
    number = denied = 0
    before = -1  # the execve that was tried before
    index = 0
    try:
        while True:
            for index, kind, function, args, gives in steps[me]:
                if kind == EXECVE and tracing and me == last:
                    _stop_at_execve(args[0])
                result = function(*args)
                if kind <= BOOKKEEPING and (result >= 0 or kind):
                    continue
                if result < 0:
                    number = syscalls.last_errno()
                    if kind != EXECVE or number not in _NEXT:
                        break
                    if tracing:
                        os.write(reports, b"%d -1 %d\n" % (index, number))
                    if number == errno.EACCES:
                        denied = index
                    before = index
                    continue
                if kind == CHECK and bool(result) == (function is syscalls.poll):
                    os._exit(_FAILED)  # nsh is gone
                if kind == CLONE and result == 0:
                    me = gives
                    break
                if tracing or kind == CLONE:
                    os.write(reports, b"%d %d 0\n" % (index, result))
            else:
                if before < 0:
                    os._exit(0)
            if number:
                _fail(me, last, index, number, denied, before == index and tracing, reports)
    except MemoryError:
        os.write(reports, b"%d -1 %d !\n" % (index, errno.ENOMEM))
    finally:
        os._exit(_FAILED)


def _fail(
    me: str, last: str, index: int, number: int, denied: int, told: bool, reports: int
) -> None:
    """Report the call that failed, and end. ``denied``: a try of execve that found a file."""
    if me not in (CHILD, last):
        os._exit(127 if number == errno.ENOENT else 126)  # as sh tells of it
    if denied and number in _NEXT:
        # As execvp(3): a file that may not be run is the better reason.
        index, number = denied, errno.EACCES
    os.write(reports, b"%d -1 %d %b\n" % (index, number, b"!!" if told else b"!"))
    os._exit(_FAILED)


def _stop_at_execve(path: bytes) -> None:
    # Under ptrace the kernel stops a process right after its execve, so that the line of the
    # trace stands before anything that the command writes. Not possible when nsh itself is under
    # strace; then the order of these two is a matter of luck. Not wanted if the file gives
    # privileges, which a traced process would not get.
    try:
        if os.stat(path).st_mode & 0o6000 or "security.capability" in os.listxattr(path):
            return
        syscalls.ptrace(syscalls.PTRACE_TRACEME, 0)
    except OSError:
        pass
