"""Words of shells: sudo, export, jobs, exec and others, as lines of nsh."""

from __future__ import annotations

import re

from nsh.foreign.facts import Answer, Typed, answer
from nsh.foreign.options import Options
from nsh.linux.namespaces import BY_NAME
from nsh.parts.mounts.mount8 import here
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_SUDO = {
    "-u": ("user", "="),
    "--user": ("user", "="),
    "-g": ("group", "="),
    "-E": ("", ""),
    "-H": ("", ""),
    "-i": ("", ""),
    "-s": ("", ""),
    "-n": ("", ""),
    "-S": ("", ""),
    "-b": ("", ""),
    "-k": ("", ""),
}


def sudo(
    name: str, rest: list[str], typed: Typed, again: Callable[[Typed], Answer | None]
) -> Answer:
    """sudo or doas before a line; ``again`` answers that line if it is none of nsh."""
    options = Options(rest, _SUDO)
    if options.rest[:1] in (["sudo"], ["doas"]):
        last = max([at for at, word in enumerate(rest) if word in ("sudo", "doas")])
        options = Options(rest[last + 1 :], _SUDO)
    words = options.rest
    while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]):
        words = words[1:]
    lines = [typed.run(words)] if words else ["run"]
    if words[:1] == ["mount"] and (meant := here(words[1:], typed.state, typed.inside)):
        lines = meant[1]
    elif words and (words[0] in typed.commands or words[0] in ("nsh", "su")):
        lines = [join(words)] if words[0] in typed.commands else ["run"]
    elif words and (found := again(typed.again(words))) is not None:
        if found.fixes[:1] and found.fixes[0].startswith("explain"):
            return found
        lines = list(found.fixes)
    if person := _person(options.value("user") or ""):
        lines.insert(-1, person)
        return answer(name, "who the command is, user says", *lines)
    if typed.host.is_privileged:
        return answer(name, "you are root here already", *lines)
    if typed.has("user"):
        return answer(name, "it is not needed in a user namespace", *lines)
    return answer(
        name,
        "for rights outside, start nsh with sudo; inside, a user namespace gives them",
        *[line for line in ("flags +user", "map root") if line not in lines],
        *lines,
    )


def _person(name: str) -> str:
    """The line that makes the command that user, "" if there is none of that name."""
    import pwd

    try:
        entry = pwd.getpwuid(int(name[1:])) if name[:1] == "#" else pwd.getpwnam(name)
    except (KeyError, ValueError, OverflowError):
        return ""
    return f"user {entry.pw_uid}:{entry.pw_gid}" if entry.pw_uid else ""


def export(name: str, rest: list[str], typed: Typed) -> Answer:
    """export, declare and setenv: the environment is said by env."""
    words = [word for word in rest if not word.startswith("-")]
    if name == "setenv" and len(words) == 2:
        words = ["=".join(words)]
    pairs = [word for word in words if "=" in word[1:]]
    return answer(name, "env sets what a run gets", join(["env", *pairs]) if pairs else "env")


def unset(name: str, rest: list[str], typed: Typed) -> Answer:
    """unset: env takes out."""
    words = [word for word in rest if not word.startswith("-") and "=" not in word]
    gone = [word for each in words for word in ("-u", each)]
    return answer(name, "env takes out what a run gets", join(["env", *gone]))


def jobs(name: str, rest: list[str], typed: Typed) -> Answer:
    """jobs, fg, bg: what stays is a child."""
    named = [word for word in rest if word in typed.children]
    if name == "fg" and named:
        return answer(name, "nsh has no jobs, but children", f"wait {named[0]}")
    return answer(name, "nsh has no jobs, but children, which start makes", "children")


def execs(name: str, rest: list[str], typed: Typed) -> Answer:
    """exec: of a child as docker means it, or of a program as a shell does."""
    words = Options(rest, {}).rest
    if words and words[0] in typed.children:
        return answer(name, "a child is entered", join(["enter", *words]))
    if words and not typed.is_program(words[0]):
        return answer(name, "enter runs a command in a child", "children")
    return answer(name, "run starts a program, and nsh stays", typed.run(words))


def of_child(name: str, rest: list[str], typed: Typed) -> Answer:
    """logs, attach and rm with the name of a child."""
    command = {"logs": "log", "attach": "enter", "rm": "stop", "inspect": "ns"}[name]
    return answer(name, "", join([command, *[word for word in rest if word in typed.children][:1]]))


def leave(name: str, rest: list[str], typed: Typed) -> Answer:
    """logout and the like."""
    return answer(name, "", "quit")


def clear(name: str, rest: list[str], typed: Typed) -> Answer:
    """clear: the prompt has a key."""
    return answer(name, "Ctrl-L clears the screen", "!clear")


def ulimit(name: str, rest: list[str], typed: Typed) -> Answer:
    """ulimit: rlimit, for the limits that both count the same way."""
    names = {"-n": "nofile", "-u": "nproc", "-t": "cpu", "-q": "msgqueue", "-x": "locks"}
    words = [word for word in rest if word not in ("-S", "-H")]
    match words:
        case [option, value] if option in names and (value.isdigit() or value == "unlimited"):
            return answer(name, "", f"rlimit {names[option]} {value}")
        case [option] if option in names:
            return answer(name, "", f"rlimit {names[option]}")
    return answer(name, "", "rlimit")


def setns(name: str, rest: list[str], typed: Typed) -> Answer:
    """setns: join."""
    known = [word for word in rest if word in typed.children or word.isdigit() or "/" in word]
    kinds = [word for word in rest if word in BY_NAME]
    fix = join(["join", known[0], *kinds]) if known else "help join"
    return answer(name, "join names what each run enters", fix)


def strace(name: str, rest: list[str], typed: Typed) -> Answer:
    """strace: trace prints the calls that nsh makes."""
    return answer(
        name,
        "trace prints the calls that set a run up",
        "trace on",
        typed.run(Options(rest, {"-o": ("", "="), "-e": ("", "="), "-p": ("", "=")}).rest),
    )


def clone(name: str, rest: list[str], typed: Typed) -> Answer:
    """clone as a word: what a run does."""
    kinds = [word.lstrip("+-") for word in rest if word.lstrip("+-") in BY_NAME]
    flags = [join(["flags", *[f"+{kind}" for kind in kinds]])] if kinds else []
    words = [] if kinds else [word for word in rest if not word.startswith("-")]
    good = words if words and typed.is_program(words[0]) else []
    return answer(name, "each run makes a process, as clone(2) does", *flags, typed.run(good))
