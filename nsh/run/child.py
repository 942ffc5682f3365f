"""Child: what a forked process does of a plan before it becomes the command.

Each line here runs in a fresh copy of nsh, where every page that is touched has to be copied:
it is short, and everything that can be made ready before the fork is.
"""

from __future__ import annotations

import errno
import os

from nsh.call import COMMAND, KEEPER, PARENT, Environment, Polled, Slot, Vector
from nsh.linux import syscalls
from nsh.linux.strace import Packed
from nsh.run.keeper import keep, rest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from nsh.call import Call, Plan
    from nsh.run.gates import Gates
    from nsh.run.log import Log

    Filled = syscalls.Cell | syscalls.Pair | None
    Step = tuple[int, int, Callable[..., int], tuple[Any, ...], str, Filled]
    """A call made ready: its index in the plan, its kind, the C function and its arguments, the
    actor that it makes if it is a clone, and where its result goes if a later call needs it."""
    Steps = dict[str, list[Step]]
    """The steps of each actor."""

# execvp(3) goes on to the next directory of PATH after these.
_NEXT = (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ESTALE, errno.ENODEV, errno.ETIMEDOUT)

_FAILED = 125

STOPS = b"stops at its execve\n"
"""What the last process of a traced plan tells before an execve(2) at which the kernel stops it."""

_encoded: list[Any] = [None, None]


def envp(environment: Environment) -> Any:
    """The environment as a C array; the last one is kept, runs mostly share it."""
    if _encoded[0] is not environment:
        words = [os.fsencode(pair) for pair in environment]
        _encoded[:] = [environment, syscalls.c_strings(words)]
    return _encoded[1]


PLAIN, BOOKKEEPING, CHECK, CLONE, EXECVE, TOLD, STAY, GATE = range(8)
"""What a step asks for once its function has returned: nothing if it worked; nothing ever;
to end if nsh is gone; to go on as another actor; the next try if it failed; to keep or tell the
result. The function of STAY never returns; that of GATE, when nsh lets the next call be made or is
gone."""

_KINDS = {"poll": CHECK, "read": CHECK, "clone": CLONE, "execve": EXECVE}

_STAYS = "rt_sigtimedwait"
"""The call in which a process of nsh's own stays."""


class Preparation:
    """The steps of the process that is about to be forked as ``me``, and of what it forks in turn.

    chain    the actors that lead to the command: see Plan.chain
    values   what the slots stand for that nsh itself has filled
    restore  the dispositions of signals for the command, and ``mask`` its signal mask
    streams  what become its descriptors 0, 1 and 2: each in its own place, or above 2
    tracing  every call is reported, not only those that fail and the forks
    keeps    what the keeper of a child that stays works with: the log, and the pipe that it reads
    gates    where each process waits before each call, if the run is stepped through
    """

    def __init__(
        self,
        plan: Plan,
        chain: tuple[str, ...],
        me: str,
        values: Mapping[str, int],
        restore: tuple[tuple[int, int], ...],
        mask: syscalls.SignalSet,
        tracing: bool,
        streams: tuple[int, int, int] = (0, 1, 2),
        keeps: tuple[Log, int] | None = None,
        gates: Gates | None = None,
    ) -> None:
        self.plan = plan
        self.values = values
        self.steps: Steps = {me: []}
        self.cells: dict[str, syscalls.Cell] = {}
        self._needed = {
            arg.name
            for call in plan.calls
            for arg in call.args
            if isinstance(arg, Slot) and call.actor not in (PARENT, arg.name)
        }
        self._words: tuple[object, Any] = (None, None)
        unblock = _bookkeeping(syscalls.sigprocmask_raw, *syscalls.set_mask(mask))
        ignored = gates.ignored if gates else ()
        self._heeds = [_bookkeeping(syscalls.signal, each, syscalls.SIG_DFL) for each in ignored]
        begin = [_bookkeeping(syscalls.signal, *pair) for pair in restore]
        begin += [_bookkeeping(syscalls.signal, each, syscalls.SIG_IGN) for each in ignored]
        begin.append(unblock)
        assert all(fd > 2 or fd == stream for stream, fd in enumerate(streams))
        if me in chain:
            moved = [(fd, stream) for stream, fd in enumerate(streams) if fd != stream]
            begin += [_bookkeeping(syscalls.dup2, *pair) for pair in moved]
        if me == KEEPER:  # no signal is to end it; the child that it forks begins as others do
            self.steps[me].append(_bookkeeping(syscalls.sigprocmask_raw, *syscalls.block_all()))
        else:
            self.steps[me] += begin
        for index, call in enumerate(plan.calls):
            if call.actor not in self.steps:
                continue
            name = call.name
            makes = ""
            cell: Filled = None
            if gates:
                self._wait_at(gates, call, me in chain)
            if name == "clone":
                makes = call.fills[0]
                self.steps[makes] = list(begin) if call.actor == KEEPER else []
                if call.fills[0] in self._needed:
                    cell = self.cells[makes] = syscalls.Cell()
                if gates:
                    left = _bookkeeping(syscalls.close, gates.reads[call.actor])
                    self.steps[makes].append(left)
                if makes == COMMAND:
                    self._block_for(call.actor)
                    found = [pair for pair in restore if pair[0] == syscalls.SIGCHLD]
                    self.steps[makes] += [_bookkeeping(syscalls.signal, *pair) for pair in found]
                    self.steps[makes].append(unblock)
                    cell = self.cells[makes] = syscalls.Cell()  # its number in PID 1's namespace
            if name == _STAYS:
                self._stay(call)
                continue
            args = tuple([self._argument(arg) for arg in call.args])
            if call.fills and not makes:
                args, cell = self._filling(call.fills, args)
            kind = _KINDS.get(name, TOLD if tracing or cell else PLAIN)
            function, c_args = syscalls.in_c(name, args)
            steps = self.steps[call.actor]
            steps.append((index, kind, function, c_args, makes, cell))
            for slot in call.closes:
                steps.append(_bookkeeping(syscalls.close, self._argument(Slot(slot))))
            if gates and makes:
                steps.append(_bookkeeping(syscalls.close, gates.reads[makes]))
        if me == KEEPER:
            assert keeps is not None
            self.steps[me].append((-1, STAY, keep, (*keeps, syscalls.Title()), "", None))
        if gates:
            closed = gates.close_in(self.steps)
            self.steps[me][:0] = [_bookkeeping(syscalls.close, fd) for fd in closed]

    def _wait_at(self, gates: Gates, call: Call, reports: bool) -> None:
        """Let the actor wait before that call, if it is not one more try of execve or its stay.

        ``reports``: it tells that it does. A helper program cannot.
        """
        steps = self.steps[call.actor]
        if call.name == _STAYS:
            steps += self._heeds
        elif not (steps and steps[-1][1] == EXECVE):
            if reports:
                write, args = gates.tell(call.actor, self.values["reports[1]"])
                steps.append(_bookkeeping(write, *args))
            steps.append((-1, GATE, *gates.wait(call.actor), "", None))
            if call.name == "execve":
                steps += self._heeds

    def _waited(self, actor: str) -> tuple[int, ...]:
        """The signals that an actor waits for in the end."""
        [call] = [each for each in self.plan.calls if (each.name, each.actor) == (_STAYS, actor)]
        return tuple(call.args[0])  # type: ignore[arg-type]

    def _block_for(self, actor: str) -> None:
        """Block what an actor waits for: before it forks, or it might sleep for ever.

        Where nsh found SIGCHLD ignored, the kernel would not tell it of any end.
        """
        heed = syscalls.SIGCHLD, syscalls.SIG_DFL
        self.steps[actor].append(_bookkeeping(syscalls.signal, *heed))
        blocked = syscalls.set_mask(syscalls.SignalSet(*self._waited(actor)))
        self.steps[actor].append(_bookkeeping(syscalls.sigprocmask_raw, *blocked))

    def _stay(self, call: Call) -> None:
        """The last step of an init or a pause."""
        made = self.cells[COMMAND] if self.plan.last == COMMAND else None
        if made is None:
            self._block_for(call.actor)
        args = self._waited(call.actor), made, syscalls.Title()
        self.steps[call.actor].append((-1, STAY, rest, args, "", None))

    def _argument(self, value: object) -> Any:
        """An argument for C. A slot that a step fills is a place where its result will stand."""
        if isinstance(value, str):
            return os.fsencode(value)
        if isinstance(value, Slot):
            if value.name in self.values:
                filled = value.fill(self.values)
                return os.fsencode(filled) if isinstance(filled, str) else filled
            cell = self.cells[value.name]
            if value.is_text:
                return cell.text(value.before.encode(), value.after.encode())
            return cell.number
        if isinstance(value, Environment):
            return envp(value)
        if isinstance(value, Vector):
            if self._words[0] is not value:  # the tries along PATH share theirs
                words = [self._argument(word) for word in value]
                self._words = value, syscalls.c_strings(words)
            return self._words[1]
        if isinstance(value, Packed):
            return value.pack()
        return self._argument(value.slot) if isinstance(value, Polled) else value

    def _filling(
        self, fills: tuple[str, ...], args: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...], Filled]:
        """The arguments of a call that fills slots, and what takes its result."""
        if len(fills) == 1:
            cell = self.cells[fills[0]] = syscalls.Cell()
            return args, cell
        pair = syscalls.Pair()
        self.cells.update(zip(fills, pair.cells, strict=True))
        return (pair.array, *args[1:]), pair


def _bookkeeping(function: Callable[..., int], *args: Any) -> Step:
    return -1, BOOKKEEPING, function, args, "", None


_kept: tuple[Preparation, tuple[object, ...], dict[str, int]] | None = None
"""The last preparation and what it was made of. A loop runs the same plan again, with the same
descriptors; a child fills in only its own copy of it."""


def prepared(
    plan: Plan,
    chain: tuple[str, ...],
    me: str,
    values: dict[str, int],
    restore: tuple[tuple[int, int], ...],
    mask: syscalls.SignalSet,
    tracing: bool,
    streams: tuple[int, int, int],
    keeps: tuple[Log, int] | None = None,
) -> Steps:
    """The steps of a Preparation of these, the last one if it would be the same again."""
    global _kept
    made_of = me, restore, mask, tracing, streams, keeps
    if _kept and _kept[0].plan is plan and _kept[1:] == (made_of, values):
        return _kept[0].steps
    made = Preparation(plan, chain, me, values, restore, mask, tracing, streams, keeps)
    _kept = made, made_of, dict(values)
    return made.steps


def become(
    me: str, chain: tuple[str, ...], steps: Steps, reports: int, tracing: bool, stopping: str
) -> None:
    """Make the calls of one actor, from right after its fork to execve or _exit. Never returns.

    ``reports`` is the descriptor for what is to be told; ``stopping`` the actor that nsh, its
    parent, can stop at its execve, "" if there is none.
    """
    error = denied = 0
    before = -1  # the execve that was tried before
    failed = False
    index = 0
    try:
        while True:
            for index, kind, function, args, makes, cell in steps[me]:
                if kind == EXECVE and tracing and me == stopping and _stops_at_execve(args[0]):
                    os.write(reports, STOPS)
                result = function(*args)
                if kind <= BOOKKEEPING and result >= 0:
                    continue
                if kind == GATE:
                    while result < 0 and syscalls.last_errno() == errno.EINTR:
                        result = function(*args)
                    if result <= 0:
                        os._exit(_FAILED)
                    continue
                if result < 0:
                    if kind == BOOKKEEPING:
                        syscalls.forget_errno()
                        continue
                    error = syscalls.last_errno()
                    if kind != EXECVE or error not in _NEXT:
                        failed = True
                        break
                    if tracing:
                        os.write(reports, b"%d -1 %d\n" % (index, error))
                    if error == errno.EACCES:
                        denied = index
                    before = index
                    syscalls.forget_errno()
                    continue
                if kind == CHECK and bool(result) == (function is syscalls.poll):
                    os._exit(_FAILED)  # nsh is gone
                if cell is not None:
                    cell.take(result)
                if kind == CLONE and result == 0:
                    me = makes
                    break
                if tracing or kind == CLONE:
                    ends = (
                        b" %d %d" % cell.numbers() if cell is not None and cell.numbers() else b""
                    )
                    os.write(reports, b"%d %d 0%b\n" % (index, result, ends))
            else:
                if before < 0:
                    os._exit(0)
                failed = True  # no directory of PATH had it
            if failed:
                if me not in chain:  # a helper program: its status tells, as sh's would
                    os._exit(127 if error == errno.ENOENT else 126)
                _fail(index, error, denied, before == index and tracing, reports)
    except OSError:
        pass  # a report that cannot be made: nsh notices that none comes
    except BaseException as failure:  # end of file alone would mean that execve has worked
        error = errno.ENOMEM if isinstance(failure, MemoryError) else 0
        os.write(reports, b"%d -1 %d !\n" % (max(index, 0), error))
    finally:
        os._exit(_FAILED)


def _fail(index: int, error: int, denied: int, told: bool, reports: int) -> None:
    """Report the call that failed, and end. ``denied``: a try of execve that found a file."""
    if denied and error in _NEXT:
        # As execvp(3): a file that may not be run is the better reason.
        index, error = denied, errno.EACCES
    os.write(reports, b"%d -1 %d %b\n" % (index, error, b"!!" if told else b"!"))
    os._exit(_FAILED)


def _stops_at_execve(path: bytes) -> bool:
    # Under ptrace the kernel stops a process right after its execve, so that the line of the
    # trace stands before anything that the command writes. Not possible when nsh itself is under
    # strace; then the order of these two is a matter of luck. Not wanted if the file gives
    # privileges, which a traced process would not get.
    try:
        if os.stat(path).st_mode & 0o6000 or "security.capability" in os.listxattr(path):
            return False
        syscalls.ptrace(syscalls.PTRACE_TRACEME, 0)
    except OSError:
        return False
    return True
