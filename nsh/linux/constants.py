"""The numbers of Linux's system calls, as the manual page of each call names them.

Those that a trace shows by name are Named: ints that know how strace(1) prints them.
"""

from __future__ import annotations

from nsh.linux.strace import Flags, Named

AT_FDCWD = Named(-100, "AT_FDCWD")

CLONE_PARENT = 0x8000
# The numbers that signals have everywhere but on mips, parisc and alpha. See signal(7).
SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM = 1, 2, 3, 10, 12, 14
SIGKILL = Named(9, "SIGKILL")
SIGTERM = Named(15, "SIGTERM")
SIGCHLD, SIGCONT, SIGSTOP, SIGWINCH = 17, 18, 19, 28

MNT_DETACH = 2


class UmountFlags(Flags):
    """The flags of umount2(2)."""

    __slots__ = ()
    names = ((MNT_DETACH, "MNT_DETACH"),)


O_CLOEXEC = 0o2000000
O_WRONLY = 1


class PipeFlags(Flags):
    """The flags of pipe2(2)."""

    __slots__ = ()
    names = ((O_CLOEXEC, "O_CLOEXEC"),)


class OpenFlags(Flags):
    """The flags of openat(2); to read is the bit that is not set."""

    __slots__ = ()
    names = ((O_WRONLY, "O_WRONLY"), (O_CLOEXEC, "O_CLOEXEC"))

    def strace(self) -> str:
        """The names, the access mode first."""
        return super().strace() if self & O_WRONLY else f"O_RDONLY|{super().strace()}"


PR_SET_PDEATHSIG = Named(1, "PR_SET_PDEATHSIG")
PR_SET_NAME = Named(15, "PR_SET_NAME")
PR_SET_CHILD_SUBREAPER = Named(36, "PR_SET_CHILD_SUBREAPER")


# Capabilities, by number in a bit set. See capabilities(7).
CAP_SETGID = 6
CAP_SETUID = 7
CAP_SYS_CHROOT = 18
CAP_SYS_ADMIN = 21
CAP_SETFCAP = 31

NS_GET_USERNS = 0xB701
"""ioctl_nsfs(2): a descriptor of the user namespace that owns a namespace."""
NS_GET_PARENT = 0xB702
"""ioctl_nsfs(2): a descriptor of the pid or user namespace around one."""
NS_GET_OWNER_UID = 0xB704
"""ioctl_nsfs(2): the uid of the one who made a user namespace."""

ALL_IDS = 4294967295
"""How many uids, or gids, the first user namespace maps: all but (uid_t) -1."""

NOBODY = 65534
"""The overflow id: what an id is shown as that is not mapped. See user_namespaces(7)."""

DEFAULT_PATH = "/bin:/usr/bin"
"""Where execvp(3) looks for a program when PATH is not set."""

NS_GET_NSTYPE = 0xB703
"""ioctl_nsfs(2): the flag CLONE_NEW... of a namespace's kind."""
