"""The system calls that Python has no function for, and the few that must not pass through one.

Each raises OSError with the kernel's errno. Texts are encoded as file names are. Nothing here
knows what the calls are for.
"""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

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
_unshare = _libc.unshare
_mount = _libc.mount
_umount2 = _libc.umount2
_prctl = _libc.prctl
_poll = _libc.poll
_signal = _libc.signal
_sigprocmask = _libc.sigprocmask
_execve = _libc.execve
_mount.argtypes = [
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
]
_umount2.argtypes = [ctypes.c_char_p, ctypes.c_int]
_unshare.argtypes = [ctypes.c_int]
_prctl.argtypes = [ctypes.c_int, ctypes.c_ulong]
_signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
_signal.restype = ctypes.c_void_p


def _failed() -> OSError:
    number = _get_errno()
    return OSError(number, os.strerror(number))


def clone(flags: int) -> int:
    """clone(2) without a stack: fork(2) with flags. The new pid in the parent, 0 in the child.

    Only for a process with one thread, whose child soon calls execve or _exit: the fork handlers
    of libc and Python do not run.
    """
    if _SYS_CLONE is None:
        raise OSError(38, "clone(2) is not known for this processor")
    pid: int = _syscall(_SYS_CLONE, flags, 0, 0, 0, 0)
    if pid < 0:
        raise _failed()
    return pid


def unshare(flags: int) -> int:
    """unshare(2)."""
    if _unshare(flags) < 0:
        raise _failed()
    return 0


def mount(
    source: bytes | None, target: bytes, fstype: bytes | None, flags: int, data: bytes | None
) -> int:
    """mount(2)."""
    if _mount(source, target, fstype, flags, data) < 0:
        raise _failed()
    return 0


def umount2(target: bytes, flags: int) -> int:
    """umount2(2)."""
    if _umount2(target, flags) < 0:
        raise _failed()
    return 0


def sethostname(name: bytes, size: int) -> int:
    """sethostname(2)."""
    if _libc.sethostname(name, ctypes.c_size_t(size)) < 0:
        raise _failed()
    return 0


def setdomainname(name: bytes, size: int) -> int:
    """setdomainname(2)."""
    if _libc.setdomainname(name, ctypes.c_size_t(size)) < 0:
        raise _failed()
    return 0


def prctl(option: int, argument: int) -> int:
    """prctl(2) with one argument."""
    result: int = _prctl(option, argument)
    if result < 0:
        raise _failed()
    return result


class _Pollfd(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))


_POLLIN = 1
# Made once: a child has every page that it writes to copied.
_no_events = _Pollfd(0, 0, 0)
_no_events_pointer = ctypes.byref(_no_events)


def poll_errors(fd: int, count: int, timeout: int) -> int:
    """poll(2) of one descriptor for errors only: 0, or 1 if the other end of the pipe is closed."""
    _no_events.fd = fd
    result: int = _poll(_no_events_pointer, count, timeout)
    if result < 0:
        raise _failed()
    return result


def wait_readable(fd: int, mask: SignalSet) -> None:
    """ppoll(2) until something can be read, or a signal has come that this mask lets through."""
    _libc.ppoll(ctypes.byref(_Pollfd(fd, _POLLIN, 0)), 1, None, mask.buffer)


def c_strings(words: Sequence[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    """The words as execve(2) takes them: an array of pointers that ends in NULL."""
    return (ctypes.c_char_p * (len(words) + 1))(*words, None)


def execve(
    path: bytes, argv: ctypes.Array[ctypes.c_char_p], envp: ctypes.Array[ctypes.c_char_p]
) -> int:
    """execve(2). Returns never, or raises."""
    _execve(path, argv, envp)
    raise _failed()


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


def sigprocmask(how: int, signals: SignalSet, old: SignalSet | None = None) -> None:
    """sigprocmask(2); ``old`` is filled with the mask before."""
    _sigprocmask(how, signals.buffer, None if old is None else old.buffer)


def set_disposition(number: int, disposition: int) -> None:
    """signal(2) with SIG_DFL or SIG_IGN, behind the back of Python: for a child before execve."""
    _signal(number, disposition)
