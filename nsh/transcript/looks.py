"""Looks: whether a command only looks, so that running it once more changes nothing. Pure functions.

What is not known to only look counts as one that acts. A change that ends with a namespace of the
command's own, such as a host name in a new uts namespace, is none.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Collection, Sequence

from nsh.linux.namespaces import BY_NAME
from nsh.state import Propagation, State
from nsh.words import RAW, WordError, command_word, commands, split

_WORDS_THAT_LOOK = """
sysctl hostname domainname
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
    "awk": r"-(?![Fv]).*|.*(?:system|getline|[|>@]).*",
    "mawk": r"-(?![Fv]).*|.*(?:system|getline|[|>]).*",
    "find": r"-(?:delete|exec.*|ok.*|fprint.*|fls)|.*\{.*",
    "date": r"-[uR]*s.*|[0-9.]+",
    "dmesg": r"-[a-zA-Z]*[cCDEn].*",
    "sort": r"-[a-zA-Z]*o.*",
    "shuf": r"-[a-zA-Z]*o.*",
    "ss": r"-[a-zA-Z0-9]*[KD].*",
    "file": r"-[a-zA-Z]*C.*",
    "ldd": r"(?!-|/(?:usr/)?s?bin/).*",
    "lsof": r"-D.*",
    "tree": r"-[a-zA-Z]*[oR].*",
    "prlimit": r"(?!--?[a-z]+$|-p[0-9]+$|--pid=[0-9]+$|[0-9]+$).*",
    "capsh": r"(?!--print$|--current$|--(?:decode|explain|supports|has-[a-z])=).*",
    "sysctl": r"-(?!-all$|-names$|-values$|[aAnNebX]+$).*|.*=.*",
    "hostname": r"(?!-[asdfiIAy]+$|--(?:alias|all-.*|domain|fqdn|ip-address|long|short|yp|nis)$).*",
    "domainname": ".*",
    "ip": r"--?b(?!r).*",
    "tc": r"e.*",
    "iptables": r"--m.*",
}
"""Arguments with which a program that looks does more: each a pattern for a whole argument."""

_LONG = {
    "date": ("set",),
    "dmesg": ("clear", "read-clear", "console-off", "console-on", "console-level"),
    "sort": ("output", "compress-program"),
    "shuf": ("output",),
    "ss": ("kill", "diag"),
    "file": ("compile",),
    "tree": ("output",),
}
"""Likewise long options, which may be cut short."""

_STEERS = re.compile(r"(?:PATH|IFS|ENV|BASH_ENV|LD_\w*|GCONV_PATH|POSIXLY_CORRECT)=")
"""Variables that make another program of a name, or other words of a line."""

_SYSTEM = ("/bin", "/sbin", "/usr/bin", "/usr/sbin")
_VARIABLE = re.compile(r"\$(?:\w+|[@*]|\{.*\})")
_REACHING = re.compile(
    r".*(?:remount|loop|overlay|/dev/).*|-a.*|--all|--?n(?:et.*)?|net|netns?|vrf?"
)
"""Words that reach out of a namespace of one's own: the superblock of a mount and a device are
shared, and so are the files of ip-netns(8)."""

_ADDRESS = r"(?:[0-9]+|\$|/(?:[^/\\\n]|\\.)*/)"
_SED = re.compile(
    rf"[\s;]*(?:{_ADDRESS}(?:,\s*\+?{_ADDRESS})?\s*!?)?\s*"
    r"(?:[pdqDPNnhHgGxl={}]|s(?P<by>[^\w\s\\;])(?:(?!(?P=by))[^\\\n]|\\.)*(?P=by)"
    r"(?:(?!(?P=by))[^\\\n]|\\.)*(?P=by)[gpIi0-9]*)\s*(?=[;}\n]|$|(?<=\{))"
)
"""A command of a script of sed that only looks."""

_IP_LOOKS = frozenset(("show", "list", "sh", "ls", "lst", "get"))
_WRAPS = ("env", "exec", "timeout", "nice", "setsid", "stdbuf")
_SHELLS = ("sh", "bash", "dash")
_FILES_OF_NSH = frozenset(("save", "source", "tree", "lesson", "skip"))
"""Commands of nsh that may write a file, or run what stands in one."""

_RUNS = ("run", "step", "diff", "start", "enter")
_RUNS_SO = (*_RUNS, "sh", "host", "stop", "wait", "log", "signal", "children", "plan")
"""Commands that leave the flags as they are."""

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
        if _STEERS.match(words.pop(0)):
            return False
    if not words:
        return True
    name, *args = words
    if "/" in name and os.path.dirname(name) not in _SYSTEM:
        return False
    name = os.path.basename(name)
    if name in _SHELLS and args[:1] in (["-c"], ["-ec"], ["-xc"]):
        if name == "bash" and re.search(r"\$'|\{[^ ]*,", " ".join(args)):
            return False
        return len(args) > 1 and line_only_looks(args[1], own)
    if name in ("env", "export") and any(_STEERS.match(arg) for arg in args):
        return False
    if name in _WRAPS:
        return _wrapped_looks(name, args, own)
    kind = _OWN.get(name)
    if kind in own:
        reaches = kind in ("mnt", "net") and any(_REACHING.fullmatch(arg) for arg in args)
        return not reaches and (kind == "uts" or not _acts_by_option(name, args))
    if name == "top":
        return is_batch(args)
    return name in _LOOK and not _acts(name, args)


def is_batch(args: Collection[str]) -> bool:
    """Whether these arguments let top(1) write to its output, and not draw on the terminal."""
    return any(re.match("-[a-zA-Z]*b", arg) for arg in args)


def _acts(name: str, args: list[str]) -> bool:
    """Whether a program that looks does more with these arguments."""
    if name == "ip":
        said = [arg for arg in args if not arg.startswith("-")]
        if len(said) > 1 and said[1] not in _IP_LOOKS:
            return True
    if name == "mount":
        return not (args in ([], ["-l"]) or (args[:1] == ["-t"] and len(args) == 2))
    if name == "uniq":
        return len([arg for arg in args if arg == "-" or not arg.startswith("-")]) > 1
    if name == "kill":
        return not any(arg in ("-0", "-l") for arg in args[:1])
    if name == "sed":
        return not _sed_looks(args)
    return _acts_by_option(name, args)


def _acts_by_option(name: str, args: list[str]) -> bool:
    """Whether one of the arguments alone makes the program do more."""
    pattern = _ACTING.get(name)
    if pattern is None:
        return False
    for arg in args:
        # What a shell puts in the place of a variable is not known.
        if re.fullmatch(pattern, arg, re.DOTALL) or (name != "ip" and _VARIABLE.fullmatch(arg)):
            return True
        cut = arg.partition("=")[0][2:] if arg.startswith("--") else ""
        if cut and any(long.startswith(cut) for long in _LONG.get(name, ())):
            return True
    return False


def _sed_looks(args: list[str]) -> bool:
    """Whether sed only looks: its options are known, and so is each command of its scripts."""
    scripts: list[str] = []
    rest = list(args)
    while rest and re.fullmatch("-[nErsuz]*e?|--(?:quiet|silent|regexp-extended)", rest[0]):
        if rest.pop(0)[-1] == "e" and rest[0:1]:
            scripts.append(rest.pop(0))
    if not scripts and rest:
        scripts.append(rest.pop(0))
    if any(arg.startswith("-") for arg in rest):
        return False  # options may come last, too
    for script in scripts:
        at = 0
        while script[at:].strip("; \n"):
            found = _SED.match(script, at)
            if found is None:
                return False
            at = found.end()
    return True


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
    harmless = r"(?:[0-9]?>&[0-9-]|&?[0-9]?>>? ?/dev/(?:null|stdout|stderr))(?![^\s;|&()<>])"
    line = re.sub(harmless, " ", line)
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


def own_kinds(state: State) -> set[str]:
    """The kinds of namespaces that are a run's own, with nothing of them reaching the host."""
    own = {kind for kind in BY_NAME if state.has(kind)}
    crossing = [entry.kind for entry in state.mounts if isinstance(entry, Propagation)]
    if any(kind.endswith(("shared", "unchanged")) for kind in (state.propagation, *crossing)):
        own.discard("mnt")
    return own


def is_steered(state: State) -> bool:
    """Whether the environment of a run may make another program of a name."""
    return any(_STEERS.match(f"{variable.name}=") for variable in state.env)


def typed_only_looks(line: str, own: Collection[str] = ()) -> bool:
    """Whether a typed line of nsh only looks: it may change the state, and no more than that.

    >>> typed_only_looks("flags +uts; run hostname"), typed_only_looks("!mkdir /x")
    (True, False)
    """
    try:
        found = commands(line, RAW)
        # What is new now may not be so in the middle of a line that changes the state.
        if any(
            not each.startswith("!") and command_word(each)[0] not in _RUNS_SO for each in found
        ):
            own = ()
        return all(_typed_looks(each, own) for each in found)
    except WordError:
        return True  # nsh runs nothing of such a line


def _typed_looks(command: str, own: Collection[str]) -> bool:
    if command.startswith("!"):
        return line_only_looks(command[1:])
    name, rest = command_word(command)
    if name in RAW:
        return line_only_looks(rest, own if name == "sh" else ())
    if name == "env":
        return not any(_STEERS.match(word) for word in split(rest))
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
