"""Lines of C: the calls and the flags that a reader of clone(2) and unshare(2) knows."""

from __future__ import annotations

import re

from nsh.files import continues
from nsh.foreign.containers import other_root, pivots
from nsh.foreign.facts import Answer, Typed, kinds_in
from nsh.linux.namespaces import BY_NAME
from nsh.parts.mounts.mount8 import from_c
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Lines = tuple[str, list[str]]
    """What a call is here, and the lines that make it."""

_CALL = re.compile(r"(?<![\w.])([a-z_]\w*)\s*\((.*)", re.DOTALL)
_DEEPEST, _LONGEST = 20, 2000
"""So many calls inside one another are looked at, in a line of so many characters."""

_NULL = ("NULL", "0", "nullptr")


def of_c(typed: Typed, depth: int = 0) -> Answer | None:
    """What a line of C is called here, None if it is none that is known.

    ``depth`` is how many calls stand around it.
    """
    line = typed.line.strip().rstrip(";")
    if len(line) > _LONGEST:
        return None
    for found in _CALL.finditer(line):
        name, rest = found[1], _arguments(found[2])
        if name == "syscall" and rest:
            name, rest = rest[0].removeprefix("SYS_").removeprefix("__NR_"), rest[1:]
        known = _CALLS.get(name)
        if known is None:
            # What an if, a check or a sizeof is given is looked at too.
            inner = typed.replace(line=found[2].rstrip(" )"))
            if depth < _DEEPEST and (deeper := of_c(inner, depth + 1)) is not None:
                return deeper
            continue
        if (lines := known(rest, typed)) is not None:
            return Answer(f"{name} is a call in C: {lines[0]}", tuple(lines[1]))
    return _of_flags(line)


def _of_flags(line: str) -> Answer | None:
    """``int clone_flags = CLONE_NEWNET | SIGCHLD``, or the constants alone."""
    value = line.rpartition("=")[2]
    constants = [each.strip() for each in value.replace(",", "|").split("|")]
    if not all(re.fullmatch(r"CLONE_[A-Z_]+|SIGCHLD|0", each) for each in constants):
        return None
    kinds = kinds_in(value)
    if not kinds:
        if "=" in line and "SIGCHLD" in constants:
            return Answer("no flag but SIGCHLD is no new namespace here", ("flags -all",))
        if constants[0].startswith("CLONE_NEW"):
            return Answer(f"there is no flag {constants[0]}", ("help flags",))
        return None
    return Answer(
        "flags of clone(2) are the words of a command here",
        (join(["flags", *[f"+{kind}" for kind in kinds]]),),
    )


def _arguments(text: str) -> list[str]:
    """The arguments up to the closing parenthesis, strings without their quotes."""
    found: list[str] = []
    now, depth, at = "", 0, 0
    while at < len(text):
        char = text[at]
        if char == '"':
            end = at + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            now += text[at : end + 1]
            at = end + 1
            continue
        if char in "([{":
            depth += 1
        elif char in ")]}":
            if depth == 0:
                break
            depth -= 1
        if char == "," and depth == 0:
            found.append(now)
            now = ""
        else:
            now += char
        at += 1
    if now.strip() or found:
        found.append(now)
    return [each.strip() for each in found]


def _text(argument: str) -> str | None:
    """A string of C as text, None if it is no string."""
    if len(argument) > 1 and argument[0] == argument[-1] == '"':
        return argument[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return None


def _or_null(argument: str) -> str | None:
    return "" if argument in _NULL else _text(argument)


def _strings(arguments: list[str]) -> list[str]:
    return [text for each in arguments if (text := _text(each)) is not None]


def _clone(arguments: list[str], typed: Typed) -> Lines:
    kinds = kinds_in(" ".join(arguments))
    flags = [join(["flags", *[f"+{kind}" for kind in kinds]])] if kinds else []
    return "each run makes it", [*flags, "run"]


def _unshare(arguments: list[str], typed: Typed) -> Lines | None:
    if kinds := kinds_in(" ".join(arguments)):
        return "each run makes it", [join(["flags", *[f"+{kind}" for kind in kinds]])]
    return "each run makes it, with what flags names", ["help flags"]


def _setns(arguments: list[str], typed: Typed) -> Lines:
    kinds = kinds_in(" ".join(arguments))
    paths = re.findall(r'"(/[^"]*)"', " ".join(arguments))
    process = re.fullmatch(r"/proc/(\d+)/ns/(\w+)", paths[0]) if paths else None
    if process and process[2] in BY_NAME:
        return "join names what it enters", [f"join {process[1]} {process[2]}"]
    if paths:
        return "join names what it enters", [join(["join", paths[0]])]
    if typed.children:
        return "join names what it enters", [join(["join", typed.children[-1], *kinds])]
    return "join names what it enters", ["help join"]


def _mount(arguments: list[str], typed: Typed) -> Lines | None:
    if len(arguments) != 5:
        return None
    source, target, kind, data = [_or_null(arguments[at]) for at in (0, 1, 2, 4)]
    if source is None or target is None or kind is None or data is None or not target:
        return "the type comes first here", ["help mount"]
    lines = from_c(source, target, kind, arguments[3].strip("() "), data)
    return "mount queues it, the type first", lines or ["help mount"]


def _umount(arguments: list[str], typed: Typed) -> Lines:
    [target] = _strings(arguments[:1]) or [""]
    lazy = ["-l"] if "MNT_DETACH" in " ".join(arguments[1:]) else []
    return "umount queues it", [join(["umount", target, *lazy]) if target else "help umount"]


def _named(command: str) -> Callable[[list[str], Typed], Lines]:
    """A call whose first string is the argument of a command."""

    def lines(arguments: list[str], typed: Typed) -> Lines:
        texts = _strings(arguments)
        return f"{command} says it", [join([command, texts[0]]) if texts else f"help {command}"]

    return lines


def _number(command: str) -> Callable[[list[str], Typed], Lines]:
    def lines(arguments: list[str], typed: Typed) -> Lines:
        first = arguments[0] if arguments else ""
        is_one = re.fullmatch(r"-?\d+", first)
        return f"{command} says it", [f"{command} {first}" if is_one else f"help {command}"]

    return lines


def _execs(arguments: list[str], typed: Typed) -> Lines:
    """execl and execlp: the name, and then all words, the first of which is the name again."""
    texts = _strings(arguments)
    return "run starts a program", [typed.run([*texts[:1], *texts[2:]])]


def _exec(arguments: list[str], typed: Typed) -> Lines:
    return "run starts a program", [typed.run(_strings(arguments[:1]))]


def _system(arguments: list[str], typed: Typed) -> Lines:
    texts = _strings(arguments[:1])
    line = f"sh {texts[0]}" if texts and texts[0].strip() else "help sh"
    return "sh takes the line", ["help sh" if continues(line) else line]


def _fork(arguments: list[str], typed: Typed) -> Lines:
    return "each run forks", ["run"]


def _wait(arguments: list[str], typed: Typed) -> Lines:
    fix = f"wait {typed.children[-1]}" if typed.children else "help wait"
    return "a run waits by itself, and wait waits for a child of start", [fix]


def _kill(arguments: list[str], typed: Typed) -> Lines:
    signal = next((each[3:] for each in arguments if re.fullmatch("SIG[A-Z0-9]+", each)), "TERM")
    child = typed.children[-1:]
    fix = join(["signal", *child, *[signal] * (signal != "TERM")]) if child else "help signal"
    return "signal sends one to a child of start", [fix]


def _setenv(arguments: list[str], typed: Typed) -> Lines:
    texts = _strings(arguments)
    if len(texts) == 2:
        texts = [f"{texts[0]}={texts[1]}"]
    good = [text for text in texts if text.partition("=")[0] and "=" in text]
    return "env says it", [join(["env", *good]) if good else "help env"]


def _unsetenv(arguments: list[str], typed: Typed) -> Lines:
    texts = [text for text in _strings(arguments) if text]
    return "env says it", [join(["env", "-u", *texts[:1]]) if texts else "help env"]


def _pivot(arguments: list[str], typed: Typed) -> Lines:
    found = pivots("pivot_root", _strings(arguments), typed)
    return found.why.partition(": ")[2], list(found.fixes)


def _chroot(arguments: list[str], typed: Typed) -> Lines:
    found = other_root("chroot", _strings(arguments), typed)
    return found.why.partition(": ")[2], list(found.fixes)


_CALLS: dict[str, Callable[[list[str], Typed], Lines | None]] = {
    "clone": _clone,
    "clone3": _clone,
    "unshare": _unshare,
    "setns": _setns,
    "mount": _mount,
    "umount": _umount,
    "umount2": _umount,
    "sethostname": _named("hostname"),
    "setdomainname": _named("domainname"),
    "chdir": _named("cd"),
    "execl": _execs,
    "execlp": _execs,
    "execle": _execs,
    "execv": _exec,
    "execve": _exec,
    "execvp": _exec,
    "execvpe": _exec,
    "system": _system,
    "popen": _system,
    "fork": _fork,
    "vfork": _fork,
    "wait": _wait,
    "wait4": _wait,
    "waitid": _wait,
    "waitpid": _wait,
    "kill": _kill,
    "setenv": _setenv,
    "putenv": _setenv,
    "unsetenv": _unsetenv,
    "umask": _number("umask"),
    "nice": _number("nice"),
    "setuid": _number("user"),
    "exit": _number("quit"),
    "_exit": _number("quit"),
    "pivot_root": _pivot,
    "chroot": _chroot,
}
