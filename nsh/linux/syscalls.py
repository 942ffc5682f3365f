"""The system calls that Python has no function for, and the few that must not pass through one.

Each raises OSError with the kernel's errno. Texts are encoded as file names are. Nothing here
knows what the calls are for.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

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

SIGCHLD = 17
SIG_BLOCK = 0
SIG_SETMASK = 2
SIG_DFL = 0
SIG_IGN = 1

_syscall = _libc.syscall


def _checked(function: Callable[..., int], *args: Any) -> int:
    """Call a C function. Its result, or OSError with its errno, 0 if it set none."""
    ctypes.set_errno(0)
    result = function(*args)
    if result < 0:
        error = _get_errno()
        raise OSError(error, os.strerror(error))
    return result


def last_errno() -> int:
    """The errno of the last call here that failed, 0 if it did not say."""
    return int(_get_errno())


def forget_errno() -> None:
    """Make last_errno 0."""
    ctypes.set_errno(0)


def clone(flags: int) -> int:
    """clone(2) without a stack: fork(2) with flags. The new pid in the parent, 0 in the child.

    Only for a process with one thread, whose child soon calls execve or _exit: the fork handlers
    of libc and Python do not run. Raises OSError.
    """
    if _SYS_CLONE is None:
        raise OSError(errno.ENOSYS, "clone(2) is not known for this processor")
    return _checked(_syscall, _SYS_CLONE, flags, 0, 0, 0, 0)


def prctl(option: int, argument: int) -> int:
    """prctl(2) with one argument; the others are 0, as some options demand. Raises OSError."""
    return _checked(_libc.prctl, *_converted("prctl", (option, argument)))


def unshare(flags: int) -> None:
    """unshare(2) for this process itself. Raises OSError."""
    _checked(_libc.unshare, ctypes.c_int(flags))


def setns(fd: int, kind: int) -> None:
    """setns(2) for this process itself; ``kind`` 0 takes a namespace of any kind. Raises OSError."""
    _checked(_libc.setns, fd, ctypes.c_int(kind))


class _Pollfd(ctypes.Structure):
    _fields_ = (("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short))


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


_POLLIN = 1


def wait_readable(fd: int, mask: SignalSet, seconds: int) -> bool:
    """ppoll(2) until something can be read, or a signal has come that this mask lets through.

    Whether something can be read. Raises OSError.
    """
    polled = _Pollfd(fd, _POLLIN, 0)
    longest = _Timespec(seconds, 0)
    try:
        return bool(
            _checked(_libc.ppoll, ctypes.byref(polled), 1, ctypes.byref(longest), mask.buffer)
        )
    except InterruptedError:
        return False  # what Python does about the signal it does now


def c_strings(words: Sequence[Any]) -> ctypes.Array[ctypes.c_char_p]:
    """The words as execve(2) takes them: an array of pointers that ends in NULL.

    A word is bytes, or the text of a Cell, which may still change.
    """
    pointers = [
        word if isinstance(word, bytes) else ctypes.cast(word, ctypes.c_char_p) for word in words
    ]
    return (ctypes.c_char_p * (len(words) + 1))(*pointers, None)


# For a child, which calls C functions with nothing between: each page that it touches is copied.

signal = _libc.signal
signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
signal.restype = ctypes.c_ssize_t
sigprocmask_raw = _libc.sigprocmask
close = _libc.close
dup2 = _libc.dup2
poll = _libc.poll


def set_mask(mask: SignalSet) -> tuple[Any, ...]:
    """The arguments of sigprocmask_raw that make this the signal mask."""
    return SIG_SETMASK, mask.buffer, None


def block_all() -> tuple[Any, ...]:
    """The arguments of sigprocmask_raw that block every signal that can be."""
    every = SignalSet()
    _libc.sigfillset(every.buffer)
    return set_mask(every)


def _pollfd(fd: Any) -> Any:
    # Only errors are asked for; they are told whether asked for or not.
    return ctypes.byref(_Pollfd(fd, 0, 0))


def _room(expected: bytes) -> Any:
    return ctypes.create_string_buffer(len(expected))


def _for_c(arg: Any) -> Any:
    if not isinstance(arg, int):
        return arg
    # What fits into an int is handed on as one, and widened on the way into its register. A plain
    # one: for the child each object is a page to copy, and the small numbers are there already.
    return int(arg) if -(1 << 31) <= arg < 1 << 31 else ctypes.c_long(arg)


# What makes the arguments of some calls ones for C, where an int as wide as a register and bytes as
# a pointer to them do not suffice. None: as it is.
_SIGNATURES: dict[str, tuple[Callable[[Any], Any] | None, ...]] = {
    "poll": (_pollfd, ctypes.c_ulong, ctypes.c_int),
    "read": (_for_c, _room, ctypes.c_size_t),
}
_PRCTL = 5
"""prctl(2) has five arguments, and some options demand that those they do not use are 0."""
_ZERO = ctypes.c_ulong(0)

for _name in ("read", "write"):
    getattr(_libc, _name).restype = ctypes.c_ssize_t


def _converted(name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    if name in _SIGNATURES:
        pairs = zip(_SIGNATURES[name], args, strict=True)
        return tuple([make(arg) if make else arg for make, arg in pairs])
    if name == "prctl":
        wide = [arg if isinstance(arg, bytes) else ctypes.c_ulong(arg) for arg in args[1:]]
        return (_for_c(args[0]), *wide, *[_ZERO] * (_PRCTL - len(args)))
    return tuple([_for_c(arg) for arg in args])


def in_c(name: str, args: tuple[Any, ...]) -> tuple[Callable[..., int], tuple[Any, ...]]:
    """A call as a C function and its C arguments. It returns -1 and sets errno when it fails.

    ``read`` takes what it is to read as its second argument, ``poll`` the descriptor alone: it asks
    for errors only, and gives 1 if the other end of a pipe is closed. A ctypes.c_int is handed on
    as it is: its value counts when the function is called. Raises OSError if this libc does not
    have the call.
    """
    if name == "clone":
        return _syscall, (_SYS_CLONE, args[0], 0, 0, 0, 0)
    try:
        return getattr(_libc, name), _converted(name, args)
    except AttributeError:
        raise OSError(errno.ENOSYS, f"{name} is not known to this C library") from None


class Cell:
    """A place for the result of a call that has not been made, and for texts around it.

    number  the result, an argument for later calls
    """

    def __init__(self, number: ctypes.c_int | None = None) -> None:
        self.number = ctypes.c_int(-1) if number is None else number
        self._texts: list[tuple[Any, bytes, bytes]] = []

    def text(self, before: bytes, after: bytes) -> Any:
        """An argument that will be the result with these texts before and after it."""
        buffer = ctypes.create_string_buffer(len(before) + 11 + len(after) + 1)
        self._texts.append((buffer, before, after))
        return buffer

    def take(self, result: int) -> None:
        """Fill in the result."""
        self.number.value = result
        for buffer, before, after in self._texts:
            buffer.value = (b"%b%d%b" % (before, result, after)).strip()

    def numbers(self) -> tuple[int, ...]:
        """What a report of the call adds to its result: nothing."""
        return ()


class Pair:
    """The two descriptors that pipe2(2) will give: ``array``, as C writes them, and two cells."""

    def __init__(self) -> None:
        self.array = (ctypes.c_int * 2)(-1, -1)
        size = ctypes.sizeof(ctypes.c_int)
        self.cells = tuple(
            [Cell(ctypes.c_int.from_buffer(self.array, at * size)) for at in range(2)]
        )

    def take(self, result: int) -> None:
        """Fill in the texts; the numbers are there already."""
        for cell in self.cells:
            cell.take(cell.number.value)

    def numbers(self) -> tuple[int, ...]:
        """What a report of the call adds to its result: the two descriptors."""
        return tuple(self.array)


PTRACE_TRACEME = 0
PTRACE_CONT = 7
PTRACE_DETACH = 17


def ptrace(request: int, pid: int, data: int = 0) -> int:
    """ptrace(2), for a request that takes no address."""
    args = ctypes.c_long(request), ctypes.c_long(pid), None, ctypes.c_void_p(data)
    return _checked(_libc.ptrace, *args)


class Title:
    """Where the words of this process lie, which /proc/PID/cmdline shows. See proc_pid_stat(5)."""

    def __init__(self) -> None:
        try:
            with open("/proc/self/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            self._start, self._end = int(fields[45]), int(fields[46])
        except (OSError, IndexError):
            self._start = self._end = 0

    def show(self, text: bytes) -> None:
        """Write a text over them. Only for a process that never executes another program."""
        size = self._end - self._start
        if size > 1:
            ctypes.memmove(self._start, text[: size - 1].ljust(size, b"\0"), size)


def bytes_in(fd: int) -> int:
    """How many bytes a pipe holds that nobody has read. See FIONREAD in ioctl_tty(2)."""
    number = ctypes.c_int()
    _checked(_libc.ioctl, fd, ctypes.c_ulong(_FIONREAD), ctypes.byref(number))
    return number.value


_FIONREAD = 0x541B


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


def signalfd(signals: SignalSet) -> int:
    """A descriptor that can be read when one of these signals, which are blocked, has come.

    See signalfd(2). Raises OSError.
    """
    return _checked(_libc.signalfd, -1, signals.buffer, os.O_CLOEXEC | os.O_NONBLOCK)


_SIGINFO = 128
"""The size of a struct signalfd_siginfo, whose first field is the number."""


def signals_of(fd: int) -> set[int]:
    """The numbers of the signals that a signalfd holds."""
    try:
        data = os.read(fd, 32 * _SIGINFO)
    except BlockingIOError:
        return set()
    return {
        int.from_bytes(data[at : at + 4], sys.byteorder) for at in range(0, len(data), _SIGINFO)
    }


def sigprocmask(how: int, signals: SignalSet, old: SignalSet | None = None) -> None:
    """sigprocmask(2); ``old`` is filled with the mask before. Raises OSError."""
    _checked(sigprocmask_raw, how, signals.buffer, None if old is None else old.buffer)
