"""Looks: what the words of a run look at and what they change, as far as words tell. Pure.

No fact that outlives the process tells what a command has read, so its name and its arguments do.
Each ``at_`` and ``changes_`` takes one command: its name without the directory, and its arguments.
"""

from __future__ import annotations

import re

from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SHELLS = frozenset(("sh", "bash", "dash", "zsh", "fish", "ksh", "busybox"))

_PROCESSES = frozenset(("ps", "top", "htop", "pstree", "pgrep", "pidof", "pkill", "lsns"))
_REACHING = frozenset(
    ("ping", "ping6", "curl", "wget", "nc", "ncat", "ssh", "telnet", "socat", "host", "dig")
)
_NETWORK = _REACHING | {"ip", "ifconfig", "ss", "netstat", "route"}
_DEVICES = ("/dev/tcp/", "/dev/udp/")
"""Files that bash connects to."""


def at_processes(name: str, args: list[str]) -> bool:
    return name in _PROCESSES or any(re.fullmatch(r"/proc/?([*\d].*)?", arg) for arg in args)


def mounts_proc(name: str, args: list[str]) -> bool:
    return name == "mount" and "proc" in args


def at_users(name: str, args: list[str]) -> bool:
    """Whether owners are shown, or who one is."""
    options = [arg for arg in args if arg.startswith("-")]
    if name == "ls":
        return any(re.match(r"-\w*[lnog]|--(author|numeric)", option) for option in options)
    if name == "stat":
        formats = [arg for arg in args if "%" in arg]
        return not formats or any(re.search("%[uUgG]", text) for text in formats)
    return name in ("id", "whoami", "groups", "logname")


def at_mounts(name: str, args: list[str]) -> bool:
    return name in ("mount", "findmnt", "df", "lsblk") or any(
        re.fullmatch(r"/(proc|etc)/(\S+/)?(mounts|mountinfo|mtab)", arg) for arg in args
    )


def changes_mounts(name: str, args: list[str]) -> bool:
    return name == "umount" or (name == "mount" and any(arg[0] != "-" for arg in args if arg))


def at_name(name: str, args: list[str]) -> bool:
    if name == "uname":
        return any(re.fullmatch(r"-\w*[na]\w*|--(nodename|all)", arg) for arg in args)
    if name == "hostname":
        return all(arg in ("-s", "-f", "--short", "--fqdn", "--long") for arg in args)
    return name == "hostnamectl" or any(arg.endswith("kernel/hostname") for arg in args)


def changes_name(name: str, args: list[str]) -> bool:
    return name == "hostname" and any(arg[:1] != "-" for arg in args)


def at_network(name: str, args: list[str]) -> bool:
    paths = ("/proc/net", "/proc/self/net", *_DEVICES)
    return name in _NETWORK or any(arg.startswith(paths) for arg in args)


def reaches(name: str, args: list[str]) -> bool:
    """Whether packets are sent to somebody."""
    return name in _REACHING or any(arg.startswith(_DEVICES) for arg in args)


def is_local(args: list[str]) -> bool:
    """Whether an address of the loopback is among the arguments.

    >>> is_local(["-c1", "127.0.0.1"]), is_local(["http://[::1]:80/"]), is_local(["1.1.1.1"])
    (True, True, False)
    """
    return any(re.search(r"(^|[/@\[])(127\.\d|localhost\b|::1\b)", arg) for arg in args)


def changes_network(name: str, args: list[str]) -> bool:
    """Whether something is set up, as in `ip link set lo up`; `ip netns` makes files.

    >>> changes_network("ip", ["link", "set", "lo", "up"]), changes_network("ip", ["link", "show", "up"])
    (True, False)
    """
    if name == "ip":
        verbs = {"add", "set", "del", "delete", "change", "replace", "flush"}
        return bool(verbs & {*args}) and "netns" not in args
    return name == "ifconfig" and "up" in args


def at_queues(name: str, args: list[str]) -> bool:
    """Whether what the ipc namespace holds is shown. See ipcs(1), sysvipc(7), mq_overview(7)."""
    return name == "ipcs" or any(arg.startswith(("/proc/sysvipc", "/dev/mqueue")) for arg in args)


def at_directory(name: str, args: list[str]) -> bool:
    """Whether it matters which directory one is in."""
    return name == "pwd" or (name == "ls" and all(arg.startswith("-") for arg in args))


def at_environment(name: str, args: list[str]) -> bool:
    """Whether the environment is shown."""
    return name == "printenv" or (name == "env" and not args)


def leaves(argv: list[str]) -> bool:
    """Whether the words are a line of a shell that ends in the background and does not wait.

    >>> leaves(["sh", "-c", "sleep 9 &", "sh"]), leaves(["sh", "-c", "sleep 9 & wait"])
    (True, False)
    >>> leaves(["sh", "-c", "echo 'a &'"]), leaves(["echo", "&"])
    (False, False)
    """
    if not argv or name_of(argv[0]) not in SHELLS or "-c" not in argv[1:-1]:
        return False
    line = argv[argv.index("-c") + 1]
    return "&" in _signs(line) and not any(words[:1] == ["wait"] for words in _split(line))


# The commands of a line.


def sits(argv: list[str]) -> bool:
    """Whether the words are a shell alone, in which somebody sits."""
    return len(argv) == 1 and name_of(argv[0]) in SHELLS


def line_of(argv: list[str]) -> str:
    """The line of sh that does what the words of a run do: what was typed after ``sh``, or the words.

    >>> line_of(["/bin/sh", "-c", "ps | wc -l", "sh"]), line_of(["ls", "a b"])
    ('ps | wc -l', "ls 'a b'")
    """
    return argv[2] if is_sh(argv) else join(argv)


def is_sh(argv: list[str]) -> bool:
    """Whether these are the words of ``sh LINE``, with the arguments of a script."""
    return argv[:2] == ["/bin/sh", "-c"] and argv[3:4] == ["sh"]


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


def commands(argv: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each command that the words run, as (name, arguments); those of ``sh -c`` lines, too.

    >>> list(commands(["sh", "-c", "A=1 ps aux | grep 'a;b' > /tmp/x", "sh"]))
    [('ps', ['aux']), ('grep', ['a;b', '/tmp/x'])]
    >>> list(commands(["env", "-i", "sh", "-c", "(id -u; echo ps)"]))
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
        if before == "env":  # which shows the environment
            yield before, []
        return
    name, args = name_of(argv[at]), argv[at + 1 :]
    if name in SHELLS and "-c" in args[:-1]:
        for words in _split(args[args.index("-c") + 1]):
            yield from commands(words)
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


def name_of(word: str) -> str:
    """The name of a program without its directory."""
    return word.rpartition("/")[2]
