"""Child: what a forked process does of a plan before it becomes the command.

Each line here runs in a fresh copy of nsh, where every page that is touched has to be copied:
it is short, and everything that can be made ready before the fork is.
"""

from __future__ import annotations

import errno
import os

from nsh import syscalls
from nsh.host import Environment
from nsh.plan import CHILD, Call, Plan, Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Values = dict[str, int]
    """What the slots of a plan stand for, as far as it is known."""
    Step = tuple[str, Callable[..., int], tuple[Any, ...], Call]
    """A call made ready: actor, function, the arguments as the function takes them, the call."""

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


def _nothing(*_args: object) -> int:
    raise AssertionError("only the parent makes this call")


def prepare(plan: Plan) -> list[Step]:
    """The calls with their functions and C arguments: what can be done before the fork, is."""
    steps: list[Step] = []
    for call in plan.calls:
        args: tuple[Any, ...] = call.args
        if call.name == "execve":
            path, argv, environment = args
            if not [word for word in argv if isinstance(word, Slot)]:
                argv = syscalls.c_strings([os.fsencode(word) for word in argv])
            args = (os.fsencode(path), argv, envp(environment))
        else:
            args = tuple([_encode(arg) for arg in args])
        steps.append((call.actor, _CHILD_CALLS.get(call.name, _nothing), args, call))
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
        for index, (actor, function, args, call) in enumerate(steps):
            if actor != me:
                continue
            if call.name == "execve":
                if tracing and me == last:
                    _stop_at_execve(args[0])
                if isinstance(args[1], tuple):
                    words = [os.fsencode(str(fill(word, values))) for word in args[1]]
                    args = (args[0], syscalls.c_strings(words), args[2])
            try:
                result = function(*[fill(arg, values) for arg in args])
            except OSError as error:
                number = error.errno or 0
                mark = b"!"
                if me not in (CHILD, last):
                    os._exit(127 if number == errno.ENOENT else 126)  # as sh tells of it
                if call.name == "execve" and number in _NEXT:
                    another = steps[index + 1 : index + 2]
                    if another and another[0][0] == me and another[0][3].name == "execve":
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
            if call.name == "clone":
                if result == 0:
                    me = call.gives[0]
                    continue
                os.write(reports, b"%d %d 0\n" % (index, result))
            elif (call.name == "poll" and result) or (call.name == "read" and not result):
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
