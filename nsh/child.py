"""Child: what a forked process does of a plan before it becomes the command.

Each line here runs in a fresh copy of nsh, where every page that is touched has to be copied:
it is short, and everything that can be made ready before the fork is.
"""

from __future__ import annotations

import errno
import os

from nsh import syscalls
from nsh.host import Environment
from nsh.plan import CHILD, Plan, Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Values = dict[str, int]
    """What the slots of a plan stand for, as far as it is known."""
    Step = tuple[int, str, str, Callable[..., int], tuple[Any, ...], str]
    """A call made ready: its index in the plan, actor, name, function, the arguments as the
    function takes them, the actor that it gives if it is a clone."""

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


_CHILD_CALLS: dict[str, Callable[..., int]] = {
    "clone": syscalls.clone,
    "prctl": syscalls.prctl,
    "poll": syscalls.poll_errors,
    "unshare": syscalls.unshare,
    "mount": syscalls.mount,
    "umount2": syscalls.umount2,
    "sethostname": syscalls.sethostname,
    "setdomainname": syscalls.setdomainname,
    "chdir": lambda path: os.chdir(path) or 0,  # type: ignore[func-returns-value]
    "execve": syscalls.execve,
    "write": lambda fd, data, _size: os.write(fd, data),
    "read": lambda fd, data, size: len(os.read(fd, size)),
}


def prepare(plan: Plan, me: str, values: Values) -> list[Step]:
    """The calls of the process that is about to be forked as ``me``, and of what it forks in turn.

    All their slots are known by then.
    """
    actors = (CHILD, plan.last) if me == CHILD else (me,)
    steps: list[Step] = []
    argv_before: object = None
    words: Any = None
    for index, call in enumerate(plan.calls):
        name = call.name
        args: tuple[Any, ...] = call.args
        if call.actor not in actors:
            continue
        if name == "execve":
            path, argv, environment = args
            if argv is not argv_before:
                argv_before = argv
                words = syscalls.c_strings([os.fsencode(str(fill(w, values))) for w in argv])
            args = (os.fsencode(path), words, envp(environment))
        else:
            args = tuple([_encode(fill(arg, values)) for arg in args])
        gives = call.gives[0] if call.gives else ""
        steps.append((index, call.actor, name, _CHILD_CALLS[name], args, gives))
    return steps


def become(
    me: str,
    last: str,
    steps: list[Step],
    values: Values,
    restore: tuple[tuple[int, int], ...],
    mask: syscalls.SignalSet,
    tracing: bool,
) -> None:
    """Make the calls of one actor, from right after its fork to execve or _exit. Never returns.

    ``restore`` and ``mask`` are the signals' dispositions and mask for the command. ``tracing``:
    report every call and not only those that fail and the forks.
    """
    reports = values["reports[1]"]
    index = denied = 0
    try:
        for number, disposition in restore:
            syscalls.set_disposition(number, disposition)
        syscalls.sigprocmask(syscalls.SIG_SETMASK, mask)
        if me == CHILD:
            os.close(values["reports[0]"])
            if "go[1]" in values:
                os.close(values["go[1]"])
        for index, actor, name, function, args, gives in steps:
            if actor != me:
                continue
            if tracing and name == "execve" and me == last:
                _stop_at_execve(args[0])
            try:
                result = function(*args)
            except OSError as error:
                number = error.errno or 0
                mark = b"!"
                if me not in (CHILD, last):
                    os._exit(127 if number == errno.ENOENT else 126)  # as sh tells of it
                if name == "execve" and number in _NEXT:
                    if index != steps[-1][0]:
                        if number == errno.EACCES:
                            denied = index
                        if tracing:
                            os.write(reports, b"%d -1 %d\n" % (index, number))
                        continue
                    if denied and number != errno.EACCES:
                        # As execvp(3): a file that may not be run is the better reason.
                        if tracing:
                            os.write(reports, b"%d -1 %d\n" % (index, number))
                        index, number, mark = denied, errno.EACCES, b"!!"
                os.write(reports, b"%d -1 %d %b\n" % (index, number, mark))
                os._exit(_FAILED)
            if name == "clone":
                if result == 0:
                    me = gives
                    continue
                os.write(reports, b"%d %d 0\n" % (index, result))
            elif (name == "poll" and result) or (name == "read" and not result):
                os._exit(_FAILED)  # nsh is gone
            elif tracing:
                os.write(reports, b"%d %d 0\n" % (index, result))
        os._exit(0)
    except MemoryError:
        os.write(reports, b"%d -1 %d !\n" % (index, errno.ENOMEM))
    finally:
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
