"""Processes: what /proc tells of the children of this process."""

from __future__ import annotations

import os

from nsh.linux.procfs import read_text, status_field
from nsh.value import Value

_EXIT_CODE = 49
"""The place of exit_code among the fields of /proc/PID/stat from the state on."""

_PF_EXITING = 0x4
_PF_FORKNOEXEC = 0x40
"""In the flags of /proc/PID/stat: forked, and no execve since. See proc_pid_stat(5)."""
_PF_KTHREAD = 0x200000
"""There, too: a thread of the kernel itself."""


class Process(Value):
    """A process that /proc shows.

    parent    its parent's process id, 0 if that is out of view
    name      of the program, at most 15 bytes. See comm in proc_pid_comm(5)
    executed  whether it has got through an execve since it was forked
    kernel    whether it is a thread of the kernel
    """

    parent: int
    name: str
    executed: bool
    kernel: bool


def shown() -> dict[int, Process]:
    """The processes that /proc shows, by their id; those that have ended are not among them.

    Raises OSError if there is no /proc.
    """
    found = {}
    for pid in sorted([int(name) for name in os.listdir("/proc") if name.isdigit()]):
        start, _, rest = (read_text(f"/proc/{pid}/stat") or "").rpartition(")")
        fields = rest.split()
        if fields and fields[0] not in "ZX":
            flags = int(fields[6])
            found[pid] = Process(
                int(fields[1]),
                start.partition("(")[2],
                not flags & _PF_FORKNOEXEC,
                bool(flags & _PF_KTHREAD),
            )
    return found


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on, [] if it cannot be read."""
    return (read_text(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()


def zombie_status(fields: list[str]) -> int:
    """The exit status of a zombie with these ``stat_fields``, 128+N if signal N ended it.

    See exit_code in proc_pid_stat(5).
    """
    code = os.waitstatus_to_exitcode(int(fields[_EXIT_CODE]))
    return 128 - code if code < 0 else code


def pids() -> list[int]:
    """The processes that /proc shows, none without it."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def is_below(pid: int, above: int) -> bool:
    """Whether a process descends from another one, or is it."""
    while pid > 1 and pid != above:
        fields = stat_fields(pid)
        pid = int(fields[1]) if fields else 0
    return pid == above


def own_children(since: float) -> set[int]:
    """This process's children that are not older than that (seconds since boot).

    Older ones are not nsh's: they were there when a shell became nsh by exec. Empty without a
    /proc of this pid namespace.
    """
    me = str(os.getpid())
    found: set[int] = set()
    try:
        if os.readlink("/proc/self") != me:
            return found
        names = os.listdir("/proc")
    except OSError:
        return found
    first = int(since * os.sysconf("SC_CLK_TCK"))
    for name in names:
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields and fields[1] == me and int(fields[19]) >= first:
                found.add(int(name))
    return found


def never_executed(pid: int) -> bool:
    """Whether a process was forked and has not got through an execve. Also of a zombie."""
    fields = stat_fields(pid)
    return bool(fields) and bool(int(fields[6]) & _PF_FORKNOEXEC)


def is_ending(pid: int) -> bool:
    """Whether a process is on its way to be a zombie, or is one."""
    fields = stat_fields(pid)
    return bool(fields) and bool(int(fields[6]) & _PF_EXITING)


def is_stopped(pid: int) -> bool:
    """Whether a signal such as SIGTSTP has stopped the process."""
    return stat_fields(pid)[:1] == ["T"]


def handles(pid: int, number: int) -> bool:
    """Whether the process has a handler for the signal. False if /proc cannot tell."""
    status = read_text(f"/proc/{pid}/status") or ""
    caught = int(status_field(status, "SigCgt") or "0", 16)
    return bool(caught >> (number - 1) & 1)


def reap_orphans(keep: set[int]) -> None:
    """As PID 1, reap the ended processes that others left: nobody else would. See pid_namespaces(7).

    ``keep``: nsh's own children, which it is still to wait for. With some, /proc has to tell of
    the others; in a foreign one nobody is found.
    """
    if os.getpid() != 1:
        return
    try:
        if keep:
            for pid in own_children(0) - keep:
                os.waitpid(pid, os.WNOHANG)
            return
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except OSError:
        pass  # there is none, or it is reaped after the next run


def acts_by_default(pid: int, number: int) -> bool:
    """Whether the process neither handles the signal nor ignores it. True if /proc cannot tell."""
    status = read_text(f"/proc/{pid}/status") or ""
    masks = [int(status_field(status, name) or "0", 16) for name in ("SigCgt", "SigIgn")]
    return not any(mask >> (number - 1) & 1 for mask in masks)


def is_orphaned() -> bool:
    """Whether no shell of this session could make this process group go on after a stop.

    The kernel then ignores Ctrl-Z for the whole group. See setpgid(2). False if /proc cannot
    tell.
    """
    group, session = os.getpgrp(), os.getsid(0)
    parent = os.getppid()
    while parent:
        try:
            if os.getsid(parent) != session:
                return True
            if os.getpgid(parent) != group:
                return False
        except OSError:
            return False
        fields = stat_fields(parent)
        if not fields:
            return False
        parent = int(fields[1])
    return True


def number_here(number: int, maker: int, is_sibling: bool, others: set[int]) -> int:
    """The pid, here, of the process that has that number in the pid namespace of its maker.

    It is the maker's child or sibling, and none of the ``others``: two pid namespaces have the same
    numbers. 0 if /proc does not tell of it: then it has ended and been reaped. See NSpid in
    proc_pid_status(5).
    """
    depth = len(_numbers(str(maker)))
    fields = stat_fields(maker)  # of a zombie, too
    if depth < 2 or not fields:
        return number if depth == 1 else 0
    parent = int(fields[1]) if is_sibling else maker
    # The short list may leave one out when another one on it ends at that moment.
    return _numbered(number, depth, parent, set(_children(parent)) - others) or _numbered(
        number, depth, parent, set(pids()) - others
    )


def _numbered(number: int, depth: int, parent: int, among: set[int]) -> int:
    """The child of ``parent`` that has that number in the pid namespace so many levels down, or 0."""
    for pid in among:
        if stat_fields(pid)[1:2] == [str(parent)]:
            numbers = _numbers(str(pid))
            if len(numbers) >= depth and numbers[depth - 1] == number:
                return pid
    return 0


def _children(pid: int) -> list[int]:
    """The children of a process, as far as the kernel lists them. See proc_tid_children(5)."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    lists = [read_text(f"/proc/{pid}/task/{each}/children") or "" for each in threads]
    return [int(word) for text in lists for word in text.split()]


def _numbers(pid: str) -> list[int]:
    """The numbers of a process in each pid namespace that it is in, the one of /proc first."""
    status = read_text(f"/proc/{pid}/status") or ""
    return [int(word) for word in status_field(status, "NSpid").split()]
