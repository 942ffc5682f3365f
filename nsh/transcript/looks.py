"""Looks: whether a command only looks, so that running it once more changes nothing. Pure functions.

What is not known to only look counts as one that acts. A change that ends with a namespace of the
command's own, such as a host name in a new uts namespace, is none.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Sequence

from nsh.words import RAW, WordError, command_word, commands, split

_WORDS_THAT_LOOK = """
: [ awk basename break cal capsh cat cd cksum cmp column comm continue cut date df diff dirname
dmesg du echo egrep env exec exit export expr false fgrep file find findmnt fold for free getcap
getconf getent getpcaps grep groups head hexdump hostid id ip ipcs kill last ldd locale ls lsblk
lscpu lsipc lslocks lsmem lsns lsof mawk md5sum mount mountpoint namei netstat nl nproc numfmt
od paste pgrep pidof ping pinky pmap printenv printf prlimit ps pstree pwd pwdx readelf readlink
realpath return rev sed seq set sha256sum shift shuf sleep sort ss stat strings sum sync tac
tail test timeout tr tree true tty type ulimit umask uname uniq unset uptime uuidgen vmstat w
wait wc whereis which who whoami yes
"""
_LOOK = frozenset(_WORDS_THAT_LOOK.split())
"""Programs, and words of sh, that only look with the arguments that ``_acts`` lets through."""

_OWN = {
    "hostname": "uts",
    "domainname": "uts",
    "ip": "net",
    "ifconfig": "net",
    "tc": "net",
    "iptables": "net",
    "nft": "net",
    "mount": "mnt",
    "umount": "mnt",
    "ipcmk": "ipc",
    "ipcrm": "ipc",
    "kill": "pid",
    "pkill": "pid",
    "killall": "pid",
}
"""Programs whose changes stay inside a namespace, and its kind."""

_ACTING = {
    "awk": r".*(?:system|getline|inplace|[|>]).*|-f.*",
    "mawk": r".*(?:system|getline|[|>]).*|-f.*",
    "sed": r"-[a-zA-Z]*[if].*|--(?:in-place|file).*|[wWe]\b.*|.*[/}0-9;$]\s*[gpIi0-9]*[wWe]\b.*",
    "find": r"-(?:delete|exec|execdir|ok|okdir|fprint.*|fls)",
    "date": r"-s.*|--set.*|[0-9]+",
    "dmesg": r"-[a-zA-Z]*[cCDEn].*|--(?:clear|read-clear|console.*)",
    "sort": r"-[a-zA-Z]*o.*|--output.*",
    "shuf": r"-[a-zA-Z]*o.*|--output.*",
    "ss": r"-[a-zA-Z]*K.*|--kill",
    "prlimit": r"--[a-z]+=.*",
    "tree": r"-o.*",
}
"""Arguments with which a program that looks does more: each a pattern for a whole argument."""

_IP_LOOKS = frozenset(("show", "list", "sh", "ls", "lst", "get"))
_SHOWN = 40
_WRAPS = ("env", "exec", "timeout", "nice", "setsid", "stdbuf")
_SHELLS = ("sh", "bash", "dash")
_FILES_OF_NSH = frozenset(("save", "source", "tree", "lesson", "skip"))
"""Commands of nsh that may write a file, or run what stands in one."""

_RUNS = ("run", "step", "diff", "start", "enter")
_WORDS_OF_SH = frozenset(
    ("if", "then", "else", "elif", "fi", "do", "done", "while", "until", "{", "}", "!")
)
_SEPARATORS = frozenset(("|", "||", "&&", ";", "&", "|&", "(", ")"))


def only_looks(argv: Sequence[str], own: Collection[str] = ()) -> bool:
    """Whether a command only looks. ``own`` are the kinds of namespaces that are its own.

    >>> only_looks(["ps", "aux"]), only_looks(["mkdir", "/x"]), only_looks(["ip", "link"])
    (True, False, True)
    >>> only_looks(["hostname", "box"]), only_looks(["hostname", "box"], ["uts"])
    (False, True)
    >>> only_looks(["sh", "-c", "ps aux | wc -l"]), only_looks(["sh", "-c", "echo a > /x"])
    (True, False)
    """
    words = list(argv)
    while words and re.match(r"[A-Za-z_]\w*=", words[0]):
        words.pop(0)
    if not words:
        return True
    name, *args = words
    name = os.path.basename(name)
    if name in _SHELLS and args[:1] in (["-c"], ["-ec"], ["-xc"]):
        return len(args) > 1 and line_only_looks(args[1], own)
    if name in _WRAPS:
        return _wrapped_looks(name, args, own)
    if _OWN.get(name) in own:
        # These two reach out: the superblock of a mount, and the files of ip-netns(8), are shared.
        return not any("remount" in arg or arg == "netns" for arg in args)
    if name in ("hostname", "domainname"):
        return all(arg.startswith("-") and arg not in ("-F", "-b") for arg in args)
    if name in ("sysctl",):
        return not any("=" in arg or arg.startswith(("-w", "-p", "--")) for arg in args)
    if name == "top":
        return any(re.match(r"-[a-zA-Z]*b", arg) for arg in args)
    return name in _LOOK and not _acts(name, args)


def _acts(name: str, args: list[str]) -> bool:
    """Whether a program that looks does more with these arguments."""
    if name == "ip":
        said = [arg for arg in args if not arg.startswith("-")]
        return len(said) > 1 and said[1] not in _IP_LOOKS
    if name == "mount":
        return not (args in ([], ["-l"]) or (args[:1] == ["-t"] and len(args) == 2))
    if name == "uniq":
        return len([arg for arg in args if not arg.startswith("-")]) > 1
    if name == "kill":
        return not any(arg in ("-0", "-l") for arg in args[:1])
    pattern = _ACTING.get(name)
    return pattern is not None and any(re.fullmatch(pattern, arg, re.DOTALL) for arg in args)


def _wrapped_looks(name: str, args: list[str], own: Collection[str]) -> bool:
    """Whether what a program such as env(1) starts only looks."""
    rest = list(args)
    if any(re.match("-[a-zA-Z]*S|--split", arg) for arg in args) and name == "env":
        return False
    while rest and (rest[0].startswith("-") or "=" in rest[0] or re.match("[0-9]", rest[0])):
        word = rest.pop(0)
        if word in ("-u", "-n", "-s", "-k", "-C") and rest:
            rest.pop(0)
    return only_looks(rest, own)


def line_only_looks(line: str, own: Collection[str] = ()) -> bool:
    """Whether a line of sh only looks: each of its commands does, and it writes no file.

    >>> line_only_looks("ls -l /x 2>/dev/null || echo none"), line_only_looks("echo `reboot`")
    (True, False)
    """
    if "`" in line or re.search(r"\$\(|<\(|<<", line):
        return False
    line = re.sub(r"[0-9]?>&[0-9-]|&?[0-9]?>>? ?/dev/(?:null|stdout|stderr)\b", " ", line)
    lexer = shlex.shlex(line.replace("\n", ";"), posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:
        return False
    command: list[str] = []
    for token in [*tokens, ";"]:
        if token in _SEPARATORS:
            if not only_looks(command, own):
                return False
            command = []
        elif set(token) <= set("|&;()<>"):
            if "<" not in token or ">" in token:
                return False
        elif command or token not in _WORDS_OF_SH:
            command.append(token)
    return True


def typed_only_looks(line: str, own: Collection[str] = ()) -> bool:
    """Whether a typed line of nsh only looks: it may change the state, and no more than that.

    >>> typed_only_looks("flags +uts; run hostname"), typed_only_looks("!mkdir /x")
    (True, False)
    """
    try:
        return all(_typed_looks(each, own) for each in commands(line, RAW))
    except WordError:
        return True  # nsh runs nothing of such a line


def _typed_looks(command: str, own: Collection[str]) -> bool:
    if command.startswith("!"):
        return line_only_looks(command[1:])
    name, rest = command_word(command)
    if name in ("sh", "host"):
        return line_only_looks(rest, own if name == "sh" else ())
    if name in _FILES_OF_NSH:
        return name == "tree" and "-o" not in rest
    if name not in _RUNS:
        return True
    words = split(rest)
    if name in ("start", "enter"):
        # A child has namespaces of its own if it was started with them, whatever the state is now.
        return only_looks(words[1:], own if name == "start" else ())
    if name == "diff":
        return only_looks(words[2:] if words[:1] == ["-c"] else words)
    return only_looks(words, own)


def shown(line: str) -> str:
    """A typed line, short enough for a message."""
    first = line.split("\n")[0]
    return first if len(first) <= _SHOWN else first[: _SHOWN - 3] + "..."
