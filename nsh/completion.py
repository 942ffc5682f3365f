"""Completion: what could be typed next, without any knowledge of how it is shown.

`complete` cuts the text before the cursor, asks the command's ``complete_NAME(before, word)`` for
(text, description) pairs, and keeps and ranks those that fit the word. The helpers for paths and
programs stand here; what a command takes is said beside the command.
"""

from __future__ import annotations

import os

from nsh import words
from nsh.core import RAW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nsh.shell import Shell

    Item = tuple[str, str]
    """A text, and in one line what it is."""

MAX_ENTRIES = 10_000
"""Of a larger directory only so many names are offered."""


def complete(shell: Shell, text: str) -> list[tuple[str, int, str]]:
    """What may stand at the end of ``text``: (text, where in ``text`` it starts, description).

    The best comes first: what begins with the word, then what holds it; if nothing does, what
    holds its letters in their order. Never raises.
    """
    begin = command_start(text)
    if begin < 0:
        return []
    command = text[begin:]
    if command.startswith("!"):
        return _rest_of_shell_line(shell, text, begin + 1)
    name, rest = first_word(command)
    if not rest and command == command.rstrip(words.BLANKS):
        return _fit(commands(shell), command, begin, quoting=False)
    if name in RAW:
        return _rest_of_shell_line(shell, text, len(text) - len(rest))
    before, word, start = cut(text, len(text) - len(rest))
    method = getattr(shell, "complete_" + name.replace("-", "_"), None)
    if method is None or not hasattr(shell, "do_" + name):
        return []
    return _fit(method(before, word), word, start)


def _rest_of_shell_line(shell: Shell, text: str, at: int) -> list[tuple[str, int, str]]:
    """The rest of a line that a shell will read: programs where a command begins, else paths."""
    segment = max([text.rfind(sign, at) for sign in "|;&("]) + 1
    before, word, start = cut(text, max(segment, at))
    host = text[:at].rstrip().endswith(("!", "host"))
    return _fit(run_words(shell, before, word, host=host), word, start)


def command_start(text: str) -> int:
    """The index at which the last command of a line starts, after ``;`` and blanks; -1 in a comment.

    >>> command_start("flags +pid; run p"), command_start("sh a; b")
    (12, 0)
    """
    begin = at = 0
    in_word = False
    while at < len(text):
        char = text[at]
        if not in_word and at == begin and char in words.BLANKS:
            begin = at = at + 1
            continue
        if at == begin and (
            char == "!" or (first_word(text[at:])[0] in RAW and _ends_word(text, at))
        ):
            return begin
        if char in "'\"\\":
            try:
                at = words._skip_quoted(text, at)
            except words.WordError:
                return begin
            in_word = True
            continue
        if char == "#" and not in_word:
            return -1
        at += 1
        in_word = char not in words.BLANKS
        if char == ";":
            begin, in_word = at, False
    return begin


def _ends_word(text: str, at: int) -> bool:
    return len(text[at:].split(None, 1)) > 1 or text[-1:] in words.BLANKS


def cut(text: str, at: int) -> tuple[list[str], str, int]:
    """The words of ``text[at:]``: the whole ones, the one at the end, and where that one starts.

    The last one may be empty, and a quote in it may still be open. Operators are taken as letters.

    >>> cut("mount bind '/my dir", 6)
    (['bind'], '/my dir', 11)
    """
    before: list[str] = []
    word: list[str] = []
    start = -1
    while at < len(text):
        char = text[at]
        if char in words.BLANKS:
            if start >= 0:
                before.append("".join(word))
            word, start = [], -1
            at += 1
            continue
        if start < 0:
            start = at
        if char not in "'\"\\":
            word.append(char)
            at += 1
            continue
        try:
            end = words._skip_quoted(text, at)
            part = text[at:end]
            word += words.split(part) if len(part) > 1 else []
        except words.WordError:
            word.append(text[at + 1 :])
            end = len(text)
        at = min(end, len(text))
    return (before, "".join(word), start) if start >= 0 else (before, "", len(text))


def _fit(
    items: Iterable[Item], word: str, start: int, *, quoting: bool = True
) -> list[tuple[str, int, str]]:
    ranked = []
    seen = set()
    lower = word.lower()
    for number, (text, about) in enumerate(items):
        rank = _rank(text, word, lower)
        if rank is None or text in seen:
            continue
        seen.add(text)
        ranked.append((rank, number, text, about))
    ranked.sort()
    if ranked and ranked[0][0][0] < _SCATTERED:
        ranked = [entry for entry in ranked if entry[0][0] < _SCATTERED]
    return [(words.quote(text) if quoting else text, start, about) for _, _, text, about in ranked]


_SCATTERED = 3
"""The rank of a text that holds only the letters of the word: offered when none holds the word."""


def _rank(text: str, word: str, lower: str) -> tuple[int, int] | None:
    """How well a word fits a text: lower is better; None if it does not."""
    if text.startswith(word):
        return (0, 0)
    folded = text.lower()
    if folded.startswith(lower):
        return (1, 0)
    at = folded.find(lower)
    if at >= 0:
        return (2, at)
    at = first = -1
    for char in lower:
        at = folded.find(char, at + 1)
        if at < 0:
            return None
        if first < 0:
            first = at
    return (_SCATTERED, at - first)


def first_word(text: str) -> tuple[str, str]:
    """The first word of a command, as typed, and the rest of it without leading blanks."""
    parts = text.split(None, 1)
    return (parts[0] if parts else "", parts[1] if len(parts) > 1 else "")


# What several commands take.


def commands(shell: Shell) -> list[Item]:
    """The commands, in the order of help, and what each does."""
    from nsh.shell import GROUPS, summary_of

    taught = [name for _, names in GROUPS for name in names]
    others = [name for name in shell.command_names() if name not in taught]
    return [(name, summary_of(shell, name)) for name in [*taught, *others]]


def paths(
    shell: Shell, word: str, *, only_directories: bool = False, from_host: bool = False
) -> Iterator[Item]:
    """The paths that the word may become, seen from the directory of the next run or from nsh's."""
    head, _, last = word.rpartition("/")
    head += "/" if "/" in word else ""
    here = shell.host.cwd
    directory = os.path.join(here if from_host else shell.state.cwd or here, head)
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.startswith(".") and not last.startswith("."):
                    continue
                try:
                    is_directory = entry.is_dir()
                except OSError:
                    is_directory = False
                if is_directory:
                    found.append((head + entry.name + "/", "directory"))
                elif not only_directories:
                    found.append((head + entry.name, "link" if entry.is_symlink() else "file"))
                if len(found) >= MAX_ENTRIES:
                    break
    except (OSError, ValueError):
        return
    found.sort()
    yield from found


_programs: dict[str, tuple[int, list[str]]] = {}


def programs(path: str) -> Iterator[Item]:
    """The programs in the directories of a PATH; the first of a name counts, as for execvp(3).

    The names in a directory are kept until its modification time changes.
    """
    seen = set()
    for directory in path.split(":"):
        for name in _programs_in(directory or "."):
            if name not in seen:
                seen.add(name)
                yield name, directory or "."


def _programs_in(directory: str) -> list[str]:
    try:
        changed = os.stat(directory).st_mtime_ns
        known = _programs.get(directory)
        if known is not None and known[0] == changed:
            return known[1]
        with os.scandir(directory) as entries:
            names = sorted(
                [
                    entry.name
                    for entry in entries
                    if os.access(entry.path, os.X_OK) and not entry.is_dir()
                ]
            )
    except OSError:
        return []
    _programs[directory] = (changed, names)
    return names


def run_words(shell: Shell, before: list[str], word: str, *, host: bool = False) -> Iterator[Item]:
    """What `run`, `plan` and shell lines take: a program, then paths."""
    if before or "/" in word:
        yield from paths(shell, word)
        return
    from nsh.plan import DEFAULT_PATH, variable
    from nsh.state import START

    path = variable(START if host else shell.state, shell.host, "PATH")
    yield from programs(DEFAULT_PATH if path is None else path)


def filesystems() -> Iterator[Item]:
    """The kernel's file systems, those without a device first, after the two kinds of bind.

    See filesystems(5).
    """
    from nsh.host import read_text

    yield "bind", "show a directory or file a second time"
    yield "rbind", "the same, with what is mounted below"
    with_device = []
    for line in (read_text("/proc/filesystems") or "").splitlines():
        kind, _, name = line.partition("\t")
        if kind == "nodev":
            yield name, _FILESYSTEMS.get(name, "file system without a device")
        else:
            with_device.append((name, "file system on a block device"))
    yield from with_device


_FILESYSTEMS = {
    "proc": "processes, as the pid namespace of its mounter sees them",
    "tmpfs": "files in memory, gone with the last user",
    "sysfs": "devices and drivers, as the net namespace of its mounter sees them",
    "devpts": "pseudo-terminals",
    "mqueue": "POSIX message queues of the ipc namespace",
    "overlay": "one directory laid over others: lowerdir=, upperdir=, workdir=",
    "cgroup2": "the tree of control groups",
    "ramfs": "files in memory, without a limit",
}


def mount_options(word: str) -> Iterator[Item]:
    """mount(8)'s options, after those that the word already has before its last comma."""
    from nsh.mounts import MS_NAMES, OPTIONS
    from nsh.render import symbols

    head, comma, _ = word.rpartition(",")
    given = head.split(",")
    for name, (on, off) in OPTIONS.items():
        if name not in given:
            about = symbols(on, MS_NAMES) if on else f"without {symbols(off, MS_NAMES)}"
            yield head + comma + name, about if on or off else "no flags"


def mounted() -> Iterator[Item]:
    """The mount points here, from /proc/self/mountinfo, and what is mounted. See proc(5)."""
    from nsh.host import read_text

    for line in (read_text("/proc/self/mountinfo") or "").splitlines():
        fields = line.split()
        target = fields[4].encode().decode("unicode_escape") if "\\" in line else fields[4]
        yield target, f"{fields[fields.index('-') + 1]}, mounted on the host"
