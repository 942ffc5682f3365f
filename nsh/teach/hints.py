"""Hints: which of the surprises of namespaces a run has just met. Pure.

That a surprise is there is a fact of the state: a new pid namespace below the host's /proc, a new
mount namespace with nothing mounted in it. Whether the run met it depends on what the command looked
at; no fact that outlives the process tells that, so its words do. A shell looks at everything.
"""

from __future__ import annotations

import re

from nsh.state import State, Umount
from nsh.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SHELLS = frozenset(("sh", "bash", "dash", "zsh", "fish", "ksh", "busybox"))


class Hint(Value):
    """One surprise: its name, why it happens, and what to type."""

    name: str
    text: str
    fix: str

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
GROUPS = Hint(
    "groups",
    "another uid, yet nsh's groups: user UID changes the uid alone, and what the groups may do the"
    " command still may",
    "user 65534:65534",
)
LOOPBACK = Hint(
    "loopback",
    "new net namespace: its only interface is a loopback of its own, and it is down",
    "sh ip link set lo up; ip addr",
)


def met(state: State, argv: list[str], status: int, given: Collection[str] = ()) -> Hint | None:
    """The hint that a run of these words, which ended with that status, calls for; or None.

    ``given`` are the names of hints that were given already.

    >>> met(State(flags=("pid",)), ["ps", "aux"], 0)
    <Hint proc>
    >>> met(State(flags=("pid",)), ["true"], 0) is None
    True
    """
    if status in (125, 126, 127):
        return None
    sits = len(argv) == 1 and _name(argv[0]) in SHELLS
    commands = list(_commands(argv))
    for hint, there, looks, changes in (
        (PROC, _host_processes(state), _at_processes, _mounts_proc),
        (NOBODY, _unmapped(state), _at_users, None),
        (GROUPS, _own_groups(state), _at_users, None),
        (MOUNTS, _same_mounts(state), _at_mounts, _changes_mounts),
        (NAME, _same_name(state), _at_name, _changes_name),
        (LOOPBACK, state.has("net"), _at_network, _changes_network),
    ):
        if not there or hint.name in given:
            continue
        met = sits or any(looks(*command) for command in commands)
        # A line that itself brings about what the hint would propose needs none.
        if met and not (changes and any(changes(*command) for command in commands)):
            return hint
    return None


# The facts.


def _host_processes(state: State) -> bool:
    """Whether /proc inside is still the host's."""
    if not state.has("pid"):
        return False
    return not any(
        entry.target == "/proc"
        and (isinstance(entry, Umount) or entry.fstype not in ("bind", "rbind"))
        for entry in state.mounts
    )


def _same_mounts(state: State) -> bool:
    return state.has("mnt") and not state.mounts


def _same_name(state: State) -> bool:
    return state.has("uts") and state.hostname is None


def _unmapped(state: State) -> bool:
    return state.has("user") and not state.uidmap


def _own_groups(state: State) -> bool:
    return state.user is not None and state.user.uid != 0 and state.user.gid is None


# What a command looks at: its name without the directory, and its arguments.

_PROCESSES = frozenset(("ps", "top", "htop", "pstree", "pgrep", "pidof", "pkill", "lsns"))
_NETWORK = frozenset(("ip", "ifconfig", "ping", "ss", "netstat", "curl", "wget", "nc", "route"))


def _at_processes(name: str, args: list[str]) -> bool:
    return name in _PROCESSES or any(re.fullmatch(r"/proc/?([*\d].*)?", arg) for arg in args)


def _mounts_proc(name: str, args: list[str]) -> bool:
    return name == "mount" and "proc" in args


def _at_users(name: str, args: list[str]) -> bool:
    """Whether owners are shown, or who one is."""
    options = [arg for arg in args if arg.startswith("-")]
    if name == "ls":
        return any(re.match(r"-\w*[lnog]|--(author|numeric)", option) for option in options)
    if name == "stat":
        formats = [arg for arg in args if "%" in arg]
        return not formats or any(re.search("%[uUgG]", text) for text in formats)
    return name in ("id", "whoami", "groups", "logname")


def _at_mounts(name: str, args: list[str]) -> bool:
    return name in ("mount", "findmnt", "df", "lsblk") or any(
        re.fullmatch(r"/(proc|etc)/(\S+/)?(mounts|mountinfo|mtab)", arg) for arg in args
    )


def _changes_mounts(name: str, args: list[str]) -> bool:
    return name == "umount" or (name == "mount" and any(arg[0] != "-" for arg in args if arg))


def _at_name(name: str, args: list[str]) -> bool:
    if name == "uname":
        return any(re.fullmatch(r"-\w*[na]\w*|--(nodename|all)", arg) for arg in args)
    if name == "hostname":
        return all(arg in ("-s", "-f", "--short", "--fqdn", "--long") for arg in args)
    return name == "hostnamectl" or any(arg.endswith("kernel/hostname") for arg in args)


def _changes_name(name: str, args: list[str]) -> bool:
    return name == "hostname" and any(arg[:1] != "-" for arg in args)


def _at_network(name: str, args: list[str]) -> bool:
    paths = ("/proc/net", "/proc/self/net", "/dev/tcp/", "/dev/udp/")
    return name in _NETWORK or any(arg.startswith(paths) for arg in args)


def _changes_network(name: str, args: list[str]) -> bool:
    return name in ("ip", "ifconfig") and ("up" in args or "add" in args)


# The commands of a line.

_BEFORE = frozenset(
    [
        "env",
        "nice",
        "sudo",
        "time",
        "exec",
        "command",
        "nohup",
        "xargs",
        "watch",
        "if",
        "then",
        "else",
        "elif",
        "while",
        "until",
        "do",
        "!",
        "{",
    ]
)
"""Words that another command may follow."""


def _commands(argv: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each command that the words run, as (name, arguments); those of ``sh -c`` lines, too.

    >>> list(_commands(["sh", "-c", "A=1 ps aux | grep 'a;b' > /tmp/x", "sh"]))
    [('ps', ['aux']), ('grep', ['a;b', '/tmp/x'])]
    >>> list(_commands(["env", "-i", "sh", "-c", "(id -u; echo ps)"]))
    [('id', ['-u']), ('echo', ['ps'])]
    """
    at = 0
    before = ""
    while at < len(argv) and (
        argv[at] in _BEFORE
        or re.match(r"[A-Za-z_]\w*=", argv[at])
        or (before and re.match(r"-|\d+$", argv[at]))
    ):
        before = argv[at]
        at += 1
    if at == len(argv):
        return
    name, args = _name(argv[at]), argv[at + 1 :]
    if name in SHELLS and "-c" in args[:-1]:
        for words in _split(args[args.index("-c") + 1]):
            yield from _commands(words)
    else:
        yield name, args


def _split(line: str) -> list[list[str]]:
    """The words of each simple command of a line of sh, with the files of its redirections."""
    import shlex

    lexer = shlex.shlex(line.replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    try:
        for word in lexer:
            if not set(word) <= set("();<>|&"):
                found[-1].append(word)
            elif not set(word) & set("<>"):
                found.append([])
    except ValueError:
        return []  # a quote is open: sh did not run it
    return found


def _name(word: str) -> str:
    return word.rpartition("/")[2]
