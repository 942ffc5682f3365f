"""The system calls that Python has no function for, and the few that must not pass through one.

Each raises OSError with the kernel's errno. Texts are encoded as file names are. Nothing here
knows what the calls are for.
"""

from __future__ import annotations

import ctypes
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

# PyDLL and not CDLL: the lock of the interpreter stays held across the call, so the child of a
# clone owns it as the parent did.
_libc = ctypes.PyDLL(None, use_errno=True)
_get_errno = ctypes.get_errno

# clone(2): the number of the call. On all of these the flags are the first argument.
_SYS_CLONE = {
    "x86_64": 56,
    "aarch64": 220,
    "riscv64": 220,
    "loongarch64": 220,
    "ppc64le": 120,
    "i686": 120,
    "armv7l": 120,
}.get(os.uname().machine)

SIG_BLOCK = 0
SIG_SETMASK = 2
SIG_DFL = 0
SIG_IGN = 1
PR_SET_CHILD_SUBREAPER = 36

_syscall = _libc.syscall
_prctl = _libc.prctl
_sigprocmask = _libc.sigprocmask
_prctl.argtypes = [ctypes.c_int, ctypes.c_ulong]


def _failed() -> OSError:
    number = _get_errno()
    return OSError(number, os.strerror(number))


def last_errno() -> int:
    """The errno of the last call here that failed."""
    return int(_get_errno())


def clone(flags: int) -> int:
    """clone(2) without a stack: fork(2) with flags. The new pid in the parent, 0 in the child.

    Only for a process with one thread, whose child soon calls execve or _exit: the fork handlers
    of libc and Python do not run. Raises OSError.
    """
    if _SYS_CLONE is None:
        raise OSError(errno.ENOSYS, "clone(2) is not known for this processor")
    pid: int = _syscall(_SYS_CLONE, flags, 0, 0, 0, 0)
    if pid < 0:
        raise _failed()
    return pid


def prctl(option: int, argument: int) -> int:
    """prctl(2) with one argument."""
    result: int = _prctl(option, argument)
    if result < 0:
        raise _failed()
    return result


class _Pollfd(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))


_POLLIN = 1


def wait_readable(fd: int, mask: SignalSet) -> None:
    """ppoll(2) until something can be read, or a signal has come that this mask lets through."""
    _libc.ppoll(ctypes.byref(_Pollfd(fd, _POLLIN, 0)), 1, None, mask.buffer)


def c_strings(words: Sequence[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    """The words as execve(2) takes them: an array of pointers that ends in NULL."""
    return (ctypes.c_char_p * (len(words) + 1))(*words, None)


# For a child, which calls C functions with nothing between: each page that it touches is copied.

signal = _libc.signal
signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
signal.restype = ctypes.c_ssize_t
sigprocmask_raw = _libc.sigprocmask
close = _libc.close
dup2 = _libc.dup2
poll = _libc.poll
_read = _libc.read
_read.restype = ctypes.c_ssize_t
_write = _libc.write
_write.restype = ctypes.c_ssize_t
_c_functions: dict[str, Any] = {
    name: getattr(_libc, name)
    for name in ("mount", "umount2", "unshare", "sethostname", "setdomainname", "chdir", "execve")
}


def set_mask(mask: SignalSet) -> tuple[Any, ...]:
    """The arguments of sigprocmask_raw that make this the signal mask."""
    return SIG_SETMASK, mask.buffer, None


def in_c(name: str, args: tuple[Any, ...]) -> tuple[Callable[..., int], tuple[Any, ...]]:
    """A call as a C function and its C arguments. It returns -1 and sets errno when it fails.

    ``read`` takes what it is to read as its second argument, ``poll`` the descriptor alone: it asks
    for errors only, and gives 1 if the other end of a pipe is closed.
    """
    match name:
        case "clone":
            return _syscall, (_SYS_CLONE, args[0], 0, 0, 0, 0)
        case "prctl":
            return _prctl, args
        case "poll":
            return poll, (ctypes.byref(_Pollfd(args[0], 0, 0)), args[1], args[2])
        case "read":
            return _read, (args[0], ctypes.create_string_buffer(args[2]), ctypes.c_size_t(args[2]))
        case "write":
            return _write, (args[0], args[1], ctypes.c_size_t(args[2]))
        case "mount":
            return _c_functions[name], (*args[:3], ctypes.c_ulong(args[3]), args[4])
        case "sethostname" | "setdomainname":
            return _c_functions[name], (args[0], ctypes.c_size_t(args[1]))
    return _c_functions[name], args


PTRACE_TRACEME = 0
PTRACE_DETACH = 17


def ptrace(request: int, pid: int, data: int = 0) -> int:
    """ptrace(2), for a request that takes no address."""
    result: int = _libc.ptrace(
        ctypes.c_long(request), ctypes.c_long(pid), None, ctypes.c_void_p(data)
    )
    if result < 0:
        raise _failed()
    return 0


class SignalSet:
    """A sigset_t of the given signals. See sigsetops(3)."""

    def __init__(self, *signals: int) -> None:
        self.buffer = ctypes.create_string_buffer(128)
        for number in signals:
            _libc.sigaddset(self.buffer, number)

    def plus(self, *signals: int) -> SignalSet:
        """These and more."""
        both = SignalSet(*signals)
        pairs = zip(self.buffer.raw, both.buffer.raw, strict=True)
        both.buffer.raw = bytes([ours | more for ours, more in pairs])
        return both


def sigprocmask(how: int, signals: SignalSet, old: SignalSet | None = None) -> None:
    """sigprocmask(2); ``old`` is filled with the mask before."""
    _sigprocmask(how, signals.buffer, None if old is None else old.buffer)
