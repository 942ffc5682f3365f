"""Hints: which of the surprises of namespaces a run has just met. A pure judge.

That a surprise is there is a fact of the state: a new pid namespace below the host's /proc, a new
mount namespace with nothing mounted in it. Whether the run met it depends on what the command looked
at; no fact that outlives the process tells that, so its words do. A shell looks at everything.
"""

from __future__ import annotations

from nsh.state import Mount, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

SHELLS = frozenset(("sh", "bash", "dash", "zsh", "fish", "ksh", "busybox"))


class Hint:
    """One surprise: its name, why it happens, and what to type."""

    __slots__ = ("mend", "name", "text")

    def __init__(self, name: str, text: str, mend: str) -> None:
        self.name = name
        self.text = text
        self.mend = mend

    def __repr__(self) -> str:
        return f"<Hint {self.name}>"


PROC = Hint(
    "proc",
    "new pid namespace, yet the host's processes: /proc is still the mount that the host made,"
    " and a proc shows the namespace of its mounter",
    "flags +mnt; mount proc /proc",
)
MOUNTS = Hint(
    "mounts",
    "new mount namespace, yet the same mounts: it starts as a copy, and what is mounted in it from"
    " now on is its own",
    "mount tmpfs /mnt",
)
NAME = Hint(
    "name",
    "new uts namespace, yet the old host name: it is inherited as a copy, and setting it now does"
    " not reach the host",
    "hostname box",
)
NOBODY = Hint(
    "nobody",
    "new user namespace without a map: every id is shown as the overflow id 65534, nobody",
    "map root",
)
LOOPBACK = Hint(
    "loopback",
    "new net namespace: its only interface is a loopback of its own, and it is down",
    "sh ip link set lo up; ip addr",
)


def judge(state: State, argv: list[str], status: int, given: Collection[str] = ()) -> Hint | None:
    """The hint that a run of these words, which ended with that status, calls for; or None.

    ``given`` are the names of hints that were given already.

    >>> judge(State(flags=("pid",)), ["ps", "aux"], 0)
    <Hint proc>
    >>> judge(State(flags=("pid",)), ["true"], 0) is None
    True
    """
    if status in (125, 126, 127):
        return None
    looked = Looked(argv)
    for hint, met in (
        (PROC, _host_processes(state) and looked.at(_PROCESSES, "/proc")),
        (NOBODY, _unmapped(state) and looked.at(_USERS)),
        (MOUNTS, _same_mounts(state) and looked.at(_MOUNTS, "/proc/mounts", "mountinfo")),
        (NAME, _same_name(state) and looked.at(_NAMES, "kernel/hostname")),
        (LOOPBACK, state.has("net") and looked.at(_NETWORK, "/proc/net", "/sys/class/net")),
    ):
        if met and hint.name not in given and not looked.changes(hint.name):
            return hint
    return None


def _host_processes(state: State) -> bool:
    """Whether /proc inside is still the host's."""
    if not state.has("pid"):
        return False
    return not any(
        isinstance(entry, Mount)
        and entry.target == "/proc"
        and entry.fstype not in ("bind", "rbind")
        for entry in state.mounts
    )


def _same_mounts(state: State) -> bool:
    return state.has("mnt") and not state.mounts


def _same_name(state: State) -> bool:
    return state.has("uts") and state.hostname is None


def _unmapped(state: State) -> bool:
    return state.has("user") and not state.uidmap


_PROCESSES = frozenset(("ps", "top", "htop", "pstree", "pgrep", "pidof", "pkill", "lsns"))
_MOUNTS = frozenset(("mount", "findmnt", "df", "lsblk"))
_NAMES = frozenset(("hostname", "uname", "hostnamectl"))
_USERS = frozenset(("id", "whoami", "groups", "ls", "stat", "logname"))
_NETWORK = frozenset(("ip", "ifconfig", "ping", "ss", "netstat", "curl", "wget", "nc", "route"))


class Looked:
    """What a command line looks at, as far as its words tell."""

    def __init__(self, argv: list[str]) -> None:
        words = list(argv)
        if len(words) > 2 and _name(words[0]) in SHELLS and words[1] == "-c":
            line = words[2]
            for sign in "|&;()<>\n":
                line = line.replace(sign, f" {sign} ")
            words = line.split()
            self.everything = False
        else:
            self.everything = len(words) == 1 and _name(words[0]) in SHELLS
            if not self.everything and _name(words[0]) not in ("env", "nice", "sudo", "time"):
                self.programs = {_name(words[0])}
                self.words = words
                return
        self.words = words
        self.programs = {_name(word) for word in words}

    def at(self, programs: frozenset[str], *paths: str) -> bool:
        """Whether one of these programs is run, or one of the files named."""
        if self.everything or self.programs & programs:
            return True
        return any(path in word for path in paths for word in self.words)

    def changes(self, hint: str) -> bool:
        """Whether the line itself brings about what the hint would propose."""
        words = self.words
        match hint:
            case "loopback":
                return "up" in words
            case "proc":
                return "proc" in words
            case "mounts":
                return any(word in ("--bind", "--rbind", "-t", "-o", "umount") for word in words)
            case "name":
                at = words.index("hostname") + 1 if "hostname" in words else len(words)
                return at < len(words) and words[at][0] not in "-|&;()<>#"
        return False


def _name(word: str) -> str:
    return word.rpartition("/")[2]
