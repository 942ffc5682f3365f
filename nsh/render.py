"""Render: plans, traces and states as text. Calls look as strace(1) prints them."""

from __future__ import annotations

import errno
import os

from nsh import plan as plans
from nsh.call import Call, Plan, Slot
from nsh.host import Environment
from nsh.mounts import MS_NAMES, default_source
from nsh.namespaces import NAMESPACES
from nsh.state import START, Mount, Range, State, Umount
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_LINES = 20
"""The most mounts that are listed to be typed again."""

_ESCAPES = {
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\v": "\\v",
    "\f": "\\f",
    '"': '\\"',
    "\\": "\\\\",
}

# In strace's order.
_CLONE_ORDER = ("time", "mnt", "cgroup", "uts", "ipc", "user", "pid", "net")
_CLONE_FLAGS = tuple(
    (namespace.flag, namespace.constant)
    for name in _CLONE_ORDER
    for namespace in NAMESPACES
    if namespace.name == name
)
_FLAGS: dict[tuple[str, int], tuple[tuple[int, str], ...]] = {
    ("unshare", 0): _CLONE_FLAGS,
    ("mount", 3): MS_NAMES,
    ("umount2", 1): ((plans.MNT_DETACH, "MNT_DETACH"),),
    ("pipe2", 1): ((plans.O_CLOEXEC, "O_CLOEXEC"),),
    ("openat", 2): ((plans.O_WRONLY, "O_WRONLY"), (plans.O_CLOEXEC, "O_CLOEXEC")),
}
_WORDS: dict[tuple[str, int, int], str] = {
    ("openat", 0, plans.AT_FDCWD): "AT_FDCWD",
    ("prctl", 0, plans.PR_SET_PDEATHSIG): "PR_SET_PDEATHSIG",
    ("prctl", 1, plans.SIGKILL): "SIGKILL",
}


def c_string(text: str | bytes) -> str:
    r"""A text as strace writes it: double quotes, \n and octal escapes, one per byte.

    >>> c_string("a\tb\x01é")
    '"a\\tb\\1\\303\\251"'
    """
    data = os.fsencode(text) if isinstance(text, str) else text
    out: list[str] = []
    for at, byte in enumerate(data):
        char = chr(byte)
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif 32 <= byte < 127:
            out.append(char)
        elif at + 1 < len(data) and chr(data[at + 1]) in "01234567":
            out.append(f"\\{byte:03o}")
        else:
            out.append(f"\\{byte:o}")
    return '"' + "".join(out) + '"'


def symbols(number: int, names: tuple[tuple[int, str], ...]) -> str:
    """A bit set as the names of its flags; what has no name is left as a hexadecimal number."""
    found = [name for flag, name in names if number & flag]
    for flag, _ in names:
        number &= ~flag
    if number:
        found.append(hex(number))
    return "|".join(found) or "0"


def _argument(call: Call, at: int, values: Mapping[str, int]) -> str:
    value = call.args[at]
    if isinstance(value, Slot):
        return _slot(value, values)
    if isinstance(value, Environment):
        where = hex(values["envp"]) if "envp" in values else "envp"
        return f"{where} /* {len(value)} var{'s' * (len(value) != 1)} */"
    if isinstance(value, tuple):
        if call.name == "pipe2":
            return "[" + ", ".join([str(values.get(name, name)) for name in value]) + "]"
        return "[" + ", ".join([_word(word, values) for word in value]) + "]"
    if isinstance(value, int):
        names = _FLAGS.get((call.name, at))
        if names is not None:
            return symbols(value, names)
        return _WORDS.get((call.name, at, value), str(value))
    if value is None:
        return "NULL"
    assert isinstance(value, str | bytes)
    return c_string(value)


def _word(word: object, values: Mapping[str, int]) -> str:
    return _slot(word, values) if isinstance(word, Slot) else c_string(str(word))


def _slot(slot: Slot, values: Mapping[str, int]) -> str:
    known = str(values[slot.name]) if slot.name in values else slot.name.upper().replace(" ", "_")
    if not slot.is_text:
        return known if slot.name in values else slot.name
    return c_string((slot.before + known + slot.after).strip())


def call_text(call: Call, values: Mapping[str, int] | None = None) -> str:
    """The call as strace prints it, without its result. Unknown slots stand as their names."""
    values = values or {}
    args = [_argument(call, at, values) for at in range(len(call.args))]
    match call.name:
        case "clone":
            flags = symbols(
                int(str(call.args[0])) & ~plans.SIGCHLD, ((plans.CLONE_PARENT, "CLONE_PARENT"),)
            )
            flags = "SIGCHLD" if flags == "0" else f"{flags}|SIGCHLD"
            return f"clone(child_stack=NULL, flags={flags})"
        case "poll":
            return f"poll([{{fd={args[0]}, events=0}}], {args[1]}, {args[2]})"
        case "readlink":
            return f"readlink({args[0]})"
        case "wait4":
            return f"wait4({args[0]}, [{{WIFEXITED(s) && WEXITSTATUS(s) == 0}}], 0, NULL)"
        case "setdomainname" | "sethostname":
            return f"{call.name}({args[0]}, {args[1]})"
    return f"{call.name}({', '.join(args)})"


def result_text(call: Call, result: int, number: int) -> str:
    """The result of a call as strace prints it: ``0``, a pid, ``-1 ENOENT (No such file …)``."""
    if number:
        return f"-1 {errno.errorcode.get(number, number)} ({os.strerror(number)})"
    if call.name == "poll" and result == 0:
        return "0 (Timeout)"
    return str(result)


def trace_text(call: Call, values: Mapping[str, int], result: int, number: int) -> str:
    """One line of a trace: the call and its result."""
    return f"{call_text(call, values)} = {result_text(call, result, number)}"


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan as a table: number, actor, call, and under it why.

    The directories of PATH that execve is tried in are one row.
    """
    import textwrap

    calls = plan.calls
    rows: list[tuple[str, Call, str]] = []
    at = 0
    while at < len(calls):
        end = at + 1
        while calls[at].name == "execve" and end < len(calls) and calls[end].name == "execve":
            end += 1
        number = str(at + 1) if end == at + 1 else f"{at + 1}-{end}"
        why = calls[at].why
        if end > at + 1:
            why += f"; if it is not there, the next of the {end - at} directories of PATH is tried"
        rows.append((number, calls[at], why))
        at = end
    wide = max([len(number) for number, _, _ in rows])
    actors = max([len(call.actor) for _, call, _ in rows])
    for number, call, why in rows:
        yield f"{number:>{wide}}  {call.actor:<{actors}}  {call_text(call)}"
        margin = " " * (wide + actors + 8)
        yield from textwrap.wrap(why, 80, initial_indent=margin, subsequent_indent=margin)


def state_commands(state: State) -> list[str]:
    """The commands that rebuild the state when typed from the start."""
    lines: list[str] = []
    if state.flags:
        lines.append("flags " + " ".join(["+" + name for name in state.flags]))
    lines += _map_commands(state)
    if state.setgroups is not None:
        lines.append(f"setgroups {state.setgroups}")
    if state.propagation != START.propagation:
        lines.append(f"propagation {state.propagation}")
    lines += [mount_command(entry) for entry in state.mounts]
    if state.hostname is not None:
        lines.append(join(["hostname", state.hostname]))
    if state.domainname is not None:
        lines.append(join(["domainname", state.domainname]))
    if state.cwd is not None:
        lines.append(join(["cd", state.cwd]))
    for name, value in state.env:
        lines.append(join(["env", "-u", name] if value is None else ["env", f"{name}={value}"]))
    return lines


def mount_command(entry: Mount | Umount) -> str:
    """One queued mount or umount as the command that queues it."""
    if isinstance(entry, Umount):
        return join(["umount", entry.target, *(["-l"] if entry.lazy else [])])
    words = [entry.fstype, entry.source, entry.target]
    if entry.source == default_source(entry.fstype) and entry.fstype not in ("bind", "rbind"):
        del words[1]
    options = ["-o", entry.options] if entry.options else []
    if any(word.startswith("-") for word in words):
        return join(["mount", *options, "--", *words])
    return join(["mount", *words, *options])


def requeue(
    mounts: tuple[Mount | Umount, ...], index: int, instead: tuple[str, ...]
) -> tuple[str, ...]:
    """The lines that queue all mounts again, with ``instead`` in the place of the one at ``index``.

    If they are too many to type, only the first of them.
    """
    lines = ["reset mounts"]
    if len(mounts) > MOST_LINES:
        return tuple(lines)
    for at, entry in enumerate(mounts):
        lines += instead if at == index else [mount_command(entry)]
    return tuple(lines)


def range_words(ranges: tuple[Range, ...]) -> list[str]:
    """A map as the numbers of ``uidmap`` and ``gidmap``."""
    return [str(number) for entry in ranges for number in entry]


def _map_commands(state: State) -> list[str]:
    lines: list[str] = []
    uids, gids = state.uidmap, state.gidmap
    word = uids if isinstance(uids, str) else gids
    if isinstance(word, str):
        lines.append(f"map {word}")
    for command, wanted in (("uidmap", uids), ("gidmap", gids)):
        if isinstance(wanted, str):
            continue
        if wanted:
            lines.append(join([command, *range_words(wanted)]))
        elif lines and isinstance(word, str):
            lines.append(f"{command} none")
    return lines


def ns_lines(here: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    """The table of ``ns``: each namespace, the inode here and the one in a child of the next run."""
    rows = [("ns", "flag", "this shell", "next run", "")]
    for namespace in NAMESPACES:
        mine = here.get(namespace.name, "-")
        theirs = there.get(namespace.name, "-")
        word = "-" if "-" in (mine, theirs) else "shared" if mine == theirs else "new"
        rows.append((namespace.name, namespace.constant, mine, theirs, word))
    widths = [max([len(row[column]) for row in rows]) for column in range(5)]
    return [
        "  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]).rstrip()
        for row in rows
    ]
