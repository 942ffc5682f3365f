"""The eight kinds of namespace: one table that everything else reads.

Pure data. See namespaces(7) and, for each kind, the page named in its row.
"""

from __future__ import annotations

from nsh.linux.strace import Flags
from nsh.value import Value


class Namespace(Value):
    """One kind of namespace: what it is called here, in C and in /proc/PID/ns."""

    name: str
    constant: str
    flag: int
    proc: str
    man: str
    since: str
    isolates: str

    def __repr__(self) -> str:
        return f"<Namespace {self.name}>"


NAMESPACES: tuple[Namespace, ...] = (
    Namespace(
        "net",
        "CLONE_NEWNET",
        0x40000000,
        "net",
        "network_namespaces(7)",
        "2.6.29",
        "interfaces, addresses, routes, ports, firewall rules",
    ),
    Namespace(
        "mnt",
        "CLONE_NEWNS",
        0x00020000,
        "mnt",
        "mount_namespaces(7)",
        "2.4.19",
        "the list of mounts",
    ),
    Namespace(
        "uts",
        "CLONE_NEWUTS",
        0x04000000,
        "uts",
        "uts_namespaces(7)",
        "2.6.19",
        "the host name and the NIS domain name",
    ),
    Namespace(
        "ipc",
        "CLONE_NEWIPC",
        0x08000000,
        "ipc",
        "ipc_namespaces(7)",
        "2.6.19",
        "System V message queues, semaphores and shared memory, POSIX message queues",
    ),
    Namespace(
        "pid",
        "CLONE_NEWPID",
        0x20000000,
        "pid",
        "pid_namespaces(7)",
        "2.6.24",
        "process ids: the first process is PID 1",
    ),
    Namespace(
        "user",
        "CLONE_NEWUSER",
        0x10000000,
        "user",
        "user_namespaces(7)",
        "3.8",
        "user and group ids, capabilities, keys",
    ),
    Namespace(
        "cgroup",
        "CLONE_NEWCGROUP",
        0x02000000,
        "cgroup",
        "cgroup_namespaces(7)",
        "4.6",
        "the root of the cgroup tree as /proc shows it",
    ),
    Namespace(
        "time",
        "CLONE_NEWTIME",
        0x00000080,
        "time",
        "time_namespaces(7)",
        "5.6",
        "the offsets of the monotonic and boot-time clocks",
    ),
)

BY_NAME: dict[str, Namespace] = {namespace.name: namespace for namespace in NAMESPACES}

_WORDS: dict[str, Namespace] = {
    word: namespace
    for namespace in NAMESPACES
    for word in (
        namespace.name,
        namespace.constant.lower(),
        namespace.constant.lower().removeprefix("clone_"),
    )
}


def find(word: str) -> Namespace | None:
    """The namespace that a learner means: ``pid``, ``CLONE_NEWPID``, ``newpid``, in any case.

    >>> find("CLONE_NEWNS")
    <Namespace mnt>
    >>> find("mount") is None
    True
    """
    return _WORDS.get(word.lower())


_STRACE_ORDER = ("time", "mnt", "cgroup", "uts", "ipc", "user", "pid", "net")


class NewFlags(Flags):
    """The flags CLONE_NEW... of unshare(2)."""

    __slots__ = ()
    names = tuple([(kind.flag, kind.constant) for kind in map(BY_NAME.__getitem__, _STRACE_ORDER)])


def flags_of(names: tuple[str, ...]) -> NewFlags:
    """The names of namespaces as one number, as unshare(2) takes them."""
    flags = 0
    for name in names:
        flags |= BY_NAME[name].flag
    return NewFlags(flags)


def expression(names: tuple[str, ...]) -> str:
    """The names, in their order, as the last argument of clone(2) is written in C.

    >>> expression(("pid", "mnt"))
    'CLONE_NEWPID | CLONE_NEWNS | SIGCHLD'
    """
    return " | ".join([*(BY_NAME[name].constant for name in names), "SIGCHLD"])
