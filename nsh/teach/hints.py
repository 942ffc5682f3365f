"""Hints: which of the surprises of namespaces a run has just met. Pure.

That a surprise is there is a fact of the state, or of a child and what it was started with: a new pid namespace below the host's /proc, a new
mount namespace with nothing mounted in it. Whether the run met it depends on what the command looked
at; no fact that outlives the process tells that, so its words do. A shell looks at everything.
"""

from __future__ import annotations

import re

from nsh.state import Mount, State, Umount
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
JOINED = Hint(
    "joined",
    "a joined pid namespace, yet the host's processes: /proc belongs to the mnt namespace, and that"
    " one is not joined",
    "flags +mnt; mount proc /proc",
)
LEFT = Hint(
    "left",
    "what a run leaves in the background lives on: only with a pid namespace does it end with the"
    " command, and a child that you start ends with nsh at the latest",
    "flags +pid",
)
CUT_OFF = Hint(
    "cut off",
    "what stood in the background is gone: the command was PID 1, and with it the kernel ends all"
    " of its namespace; what is to stay is started",
    "help start",
)
LOOPBACK = Hint(
    "loopback",
    "new net namespace: its only interface is a loopback of its own, and it is down",
    "sh ip link set lo up; ip addr",
)


def met(
    state: State,
    argv: list[str],
    status: int,
    given: Collection[str] = (),
    joined: Collection[str] = (),
) -> Hint | None:
    """The hint that a run of these words, which ended with that status, calls for; or None.

    ``given`` are the names of hints that were given already, ``joined`` the kinds of namespaces
    that the joins of the state lead to.

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
        (JOINED, _joined_processes(state, joined), _at_processes, _mounts_proc),
    ):
        if not there or hint.name in given:
            continue
        met = sits or any(looks(*command) for command in commands)
        # A line that itself brings about what the hint would propose needs none.
        if met and not (changes and any(changes(*command) for command in commands)):
            return hint
    if not sits and _leaves(argv):
        hint = CUT_OFF if state.has("pid") else LEFT
        if hint.name not in given and not (joined and hint is LEFT):
            return hint
    return None


def met_child(
    command: str,
    name: str,
    made: State,
    state: State,
    argv: list[str],
    given: Collection[str] = (),
    deaf: bool = False,
) -> Hint | None:
    """The hint that what was done to a child calls for; or None.

    command  what was done: start, enter, signal ...
    name     the child's; ``made`` is the state that it was started with
    state    the state at the moment
    argv     the words of the command in it
    deaf     whether it was sent a signal that has no effect, because it is PID 1

    >>> met_child("start", "box", State(), State(), ["sh"])
    <Hint no input>
    >>> met_child("start", "box", State(), State(), ["sleep", "9"]) is None
    True
    """
    sits = len(argv) == 1 and _name(argv[0]) in SHELLS
    if command == "start" and sits:
        hint = Hint(
            "no input",
            f"its input is /dev/null, where a shell finds the end at once: {name} is over; without"
            " a command a child just stays",
            f"start {name}",
        )
    elif command == "signal" and deaf:
        hint = Hint(
            "deaf",
            f"nothing happens: {name} is PID 1 of its namespace, and PID 1 gets no signal that it"
            " does not handle; from outside KILL ends it, and an init hands signals on",
            f"signal {name} KILL; init on",
        )
    elif command == "stop" and deaf:
        hint = Hint(
            "killed",
            f"{name} had its 2 seconds and was killed: it is PID 1 of its namespace, and PID 1 gets"
            " no signal that it does not handle; an init hands SIGTERM on",
            "init on",
        )
    elif command != "enter":
        return None
    elif _host_processes(made) and (
        sits or any(_at_processes(*found) for found in _commands(argv))
    ):
        hint = Hint(
            "proc inside",
            f"{name} has a pid namespace, yet ps shows the host's processes: no proc was mounted in"
            " it, and a /proc shows the namespace of its mounter",
            f"stop {name}; flags +mnt; mount proc /proc",
        )
    elif left := _not_entered(state, made):
        hint = Hint(
            "entered",
            f"enter takes all that {name} has and nothing of the state: {left} is for run and start;"
            " join goes into its namespaces and lets the state come on top",
            f"help join; join {name}",
        )
    else:
        return None
    return None if hint.name in given else hint


# The facts.


def _not_entered(state: State, made: State) -> str:
    """The first line of the state that a child was not started with, "" if there is none."""
    from nsh.parts.table import state_commands

    known = state_commands(made)
    lines = state_commands(state.replace(flags=(), joins=()))
    return next((line for line in lines if line not in known), "")


def _joined_processes(state: State, joined: Collection[str]) -> bool:
    """Whether a pid namespace is joined, and /proc is the host's."""
    return (
        "pid" in joined and "mnt" not in joined and _host_processes(state.replace(flags=("pid",)))
    )


def _host_processes(state: State) -> bool:
    """Whether /proc inside is still the host's."""
    if not state.has("pid"):
        return False
    for entry in state.mounts:
        shows = isinstance(entry, Mount) and "bind" in entry.fstype
        if entry.target == "/proc" and isinstance(entry, Mount | Umount) and not shows:
            return False
    return True


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


def _leaves(argv: list[str]) -> bool:
    """Whether the words are a line of a shell that ends in the background and does not wait.

    >>> _leaves(["sh", "-c", "sleep 9 &", "sh"]), _leaves(["sh", "-c", "sleep 9 & wait"])
    (True, False)
    >>> _leaves(["sh", "-c", "echo 'a &'"]), _leaves(["echo", "&"])
    (False, False)
    """
    if not argv or _name(argv[0]) not in SHELLS or "-c" not in argv[1:-1]:
        return False
    line = argv[argv.index("-c") + 1]
    return "&" in _signs(line) and not any(words[:1] == ["wait"] for words in _split(line))


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


_SIGNS = frozenset("();<>|&")


def _split(line: str) -> list[list[str]]:
    """The words of each simple command of a line of sh, with the files of its redirections."""
    found: list[list[str]] = [[]]
    for word in _lexed(line):
        if not set(word) <= _SIGNS:
            found[-1].append(word)
        elif not set(word) & set("<>"):
            found.append([])
    return found


def _signs(line: str) -> list[str]:
    """What separates the commands of a line of sh: ; && | & and their like."""
    return [word for word in _lexed(line) if set(word) <= _SIGNS]


def _lexed(line: str) -> list[str]:
    """The words and signs of a line of sh; none if a quote is open, for then sh did not run it."""
    import shlex

    lexer = shlex.shlex(line.replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return []


def _name(word: str) -> str:
    return word.rpartition("/")[2]
