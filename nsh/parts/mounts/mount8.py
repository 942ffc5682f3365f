"""Lines of mount(8), and calls of mount(2) in C, as the lines of nsh that do the same.

Pure functions on words, but for a look at what a path is and at /proc/filesystems.
"""

from __future__ import annotations

import os
import stat

from nsh.linux.mountflags import MS_NAMES, MS_REMOUNT, OPTIONS, default_source, parse_options
from nsh.parts.mounts.filesystems import is_known, without_device
from nsh.parts.mounts.queue import mount_command
from nsh.state import Mount
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nsh.state import State

    Here = tuple[str, list[str]]
    """Why a line is not one of nsh, and the lines to type in its place, in order."""

USUAL = {
    "proc": "/proc",
    "sysfs": "/sys",
    "devpts": "/dev/pts",
    "mqueue": "/dev/mqueue",
    "cgroup2": "/sys/fs/cgroup",
}
"""Where file systems are mounted that have one usual place."""

_BINDS = {"--bind": "bind", "-B": "bind", "--rbind": "rbind", "-R": "rbind"}
_QUIET = ("-n", "-v", "--no-mtab", "--verbose", "--no-canonicalize", "-c")
_VALUES = {"-t": "-t", "--types": "-t", "-o": "-o", "--options": "-o"}
_PLACES = ("--source", "--target")
_FIRST = "the type comes first here"


class _Typed:
    """The words of a line of mount(8), sorted.

    known  whether each option is one that is looked at here
    kind   what -t, --bind or an option of -o says, "" if nothing
    sets   the propagations that --make-... ask for, in order
    """

    def __init__(self, words: list[str]) -> None:
        self.known = True
        self.kind = ""
        self.moves = False
        self.options: list[str] = []
        self.sets: list[str] = []
        self.places: list[str] = []
        self.foreign = ""
        at = 0
        while at < len(words):
            word = words[at]
            name, equals, value = word.partition("=")
            if name in _VALUES or name in _PLACES:
                if not equals or not name.startswith("--"):
                    at += 1
                    value = words[at] if at < len(words) else ""
                self._value(_VALUES.get(name, name), value)
            elif word[:2] in ("-t", "-o") and len(word) > 2:
                self._value(word[:2], word[2:])
            else:
                self._word(word)
            at += 1

    def _value(self, name: str, value: str) -> None:
        if name == "-o":
            self.options += [option for option in value.split(",") if option]
            return
        self.foreign = self.foreign or name
        if name == "-t":
            self.kind = value
        else:
            self.places.append(value)

    def _word(self, word: str) -> None:
        if not word.startswith("-") or len(word) == 1:
            self.places.append(word)
            return
        self.foreign = self.foreign or word
        if word in _BINDS:
            self.kind = _BINDS[word]
        elif word in ("--move", "-M"):
            self.moves = True
        elif word in ("-r", "--read-only"):
            self.options.append("ro")
        elif word in ("-w", "--rw", "--read-write"):
            self.options.append("rw")
        elif word.startswith("--make-") and "unchanged" not in word and word[7:] in OPTIONS:
            self.sets.append(word[7:])
        elif word not in _QUIET:
            self.known = False


def here(words: list[str], state: State, inside: Callable[[str], str]) -> Here | None:
    """What a line after ``mount`` is called here, None if it is a line of nsh, or none at all.

    ``inside`` makes a path absolute. See mount(8), mount(2).
    """
    if in_c := _of_c(words):
        return in_c
    typed = _Typed(words)
    if not typed.known:
        return None
    if typed.sets or typed.moves or typed.kind in ("bind", "rbind") or typed.foreign:
        return _with_options(typed, state, inside)
    if "remount" in typed.options and len(typed.places) == 1:
        return _remount(typed, state, inside)
    match typed.places:
        case [first, second] if _is_path(first):
            return _two_paths(typed, first, second, inside)
        case [place] if is_known(place) and place in USUAL:
            return f"a {place} needs a TARGET too", [_mount(place, "", USUAL[place], typed)]
        case [place] if _is_path(place):
            return _one_path(place, typed)
    return None


def _is_path(word: str) -> bool:
    return "/" in word or word in (".", "..")


def _mount(kind: str, source: str, target: str, typed: _Typed) -> str:
    given = [option for option in typed.options if option not in ("bind", "rbind", "move")]
    if source in ("", "none", kind):
        source = default_source(kind)
    return mount_command(Mount(kind, source, target, ",".join(given)))


def _with_options(typed: _Typed, state: State, inside: Callable[[str], str]) -> Here | None:
    """A line with -t, --bind, --move, --make-... and the like."""
    why = f"{_FIRST}, without {typed.foreign}"
    sets = [_propagation(kind, typed.places[-1]) for kind in typed.sets if typed.places]
    if typed.sets and not typed.foreign.startswith("--make") and not sets:
        return None
    match typed.places:
        case [target] if sets and not (typed.kind or typed.moves):
            return "the propagation of a mount is a command of its own here", sets
        case [target] if "remount" in typed.options:
            return _remount(typed, state, inside)
        case [target] if typed.kind and typed.kind not in ("bind", "rbind") and not typed.moves:
            return None if target == typed.kind else (why, [_mount(typed.kind, "", target, typed)])
        case [source, target] if typed.moves:
            return (
                "a mount moves by an option here",
                [join(["mount", "none", source, target, "-o", "move"]), *sets],
            )
        case [source, target] if typed.kind in ("bind", "rbind"):
            return why, [join_bind(typed.kind, source, target, typed.options), *sets]
        case [source, target] if typed.kind and "remount" not in typed.options:
            return why, [_mount(typed.kind, source, target, typed), *sets]
        case [kind, target] if not _is_path(kind) and not typed.kind:
            return why, [_mount(kind, "", target, typed), *sets]
        case [first, second] if not typed.kind:
            return _two_paths(typed, first, second, inside)
        case [kind, source, target] if not typed.kind and not _is_path(kind):
            return why, [_mount(kind, source, target, typed), *sets]
    return None


def _options(options: list[str]) -> str:
    return f" {join(['-o', ','.join(options)])}" if options else ""


def join_bind(kind: str, source: str, target: str, options: list[str]) -> str:
    """The line that binds, with those of the options that are not in its name."""
    given = [option for option in options if option not in ("bind", "rbind", "defaults")]
    return mount_command(Mount(kind, source, target, ",".join(given)))


def _propagation(kind: str, target: str) -> str:
    if target == "/" and kind in ("rprivate", "rslave", "rshared"):
        return f"propagation {kind[1:]}"
    return join(["propagation", kind, target])


def _remount(typed: _Typed, state: State, inside: Callable[[str], str]) -> Here:
    """``-o remount,ro TARGET``: of a mount of the queue with its type, of others with bind."""
    target = typed.places[-1]
    path = inside(target)
    queued = [each for each in state.mounts if isinstance(each, Mount) and each.target == path]
    mount = queued[-1] if queued else None
    own = mount is not None and mount.fstype in ("tmpfs", "ramfs", "proc", "devpts", "overlay")
    kind = mount.fstype if mount is not None and own else "none"
    flags, data = parse_options(",".join(typed.options))
    options = [option for option in typed.options if option not in ("bind", "remount")]
    if not own and data:  # data is for a file system, and bind changes only the mount
        options = [option for option in options if option in OPTIONS]
    first = ["remount"] if own else ["remount", "bind"]
    line = join(["mount", kind, target, "-o", ",".join([*first, *options])])
    if own or flags & MS_REMOUNT == 0:
        return f"{_FIRST}, also of a remount", [line]
    return f"{_FIRST}, and bind changes the mount inside, not its file system", [line]


def _two_paths(
    typed: _Typed, source: str, target: str, inside: Callable[[str], str]
) -> Here | None:
    if not _is_path(source):
        return None
    if target == "tmpfs" or target in USUAL:
        line = join(["mount", target, source]) + _options(typed.options)
        return f"{_FIRST}, then the target", [line]
    kind = "rbind" if "rbind" in typed.options else "bind"
    line = join_bind(kind, source, target, typed.options)
    if "move" in typed.options:
        line = join(["mount", "none", source, target, "-o", "move"])
    try:
        is_device = stat.S_ISBLK(os.stat(inside(source)).st_mode)
    except OSError:
        is_device = False
    if is_device:
        return (
            f"{_FIRST}: that of the file system on {source}, such as ext4",
            [join(["mount", "ext4", source, target]) + _options(typed.options)],
        )
    return f"{_FIRST}, and to show {source} on {target} too is bind", [line]


def _one_path(target: str, typed: _Typed) -> Here:
    places = {place: kind for kind, place in USUAL.items()}
    kind = places.get(target.rstrip("/"), "tmpfs")
    return f"{_FIRST}: nothing is looked up in /etc/fstab", [_mount(kind, "", target, typed)]


def _of_c(words: list[str]) -> Here | None:
    """The arguments of mount(2): SOURCE TARGET TYPE, FLAGS and DATA, in this order."""
    commas = len(words) > 2 and all(word.endswith(",") for word in words[:-1])
    if commas:
        words = [word.removesuffix(",") for word in words]
    match words:
        case [source, target, kind]:
            flags, data = "0", ""
        case [source, target, kind, flags]:
            data = ""
        case [source, target, kind, flags, data]:
            pass
        case _:
            return None
    if source.startswith("-") or target.startswith("-") or kind.startswith("-"):
        return None
    if len(words) > 3 and not (flags.isdigit() or flags.startswith("MS_")):
        return None
    if not commas and len(words) == 3:
        if not is_known(kind) or _is_path(kind) or source in ("bind", "rbind"):
            return None
        if is_known(source) and source != kind and not ("/" in target and without_device(source)):
            return None
    lines = from_c(source, target, kind, flags, data)
    return None if lines is None else (f"{_FIRST}, unlike in C", lines)


def from_c(source: str, target: str, kind: str, flags: str, data: str) -> list[str] | None:
    """A call of mount(2) as lines of nsh, None if its flags are none. An argument NULL is "".

    >>> from_c("none", "/mytmp", "tmpfs", "MS_NOSUID | MS_NODEV", "size=1m")
    ['mount tmpfs /mytmp -o nosuid,nodev,size=1m']
    >>> from_c("none", "/", "", "MS_REC | MS_SLAVE", "")
    ['propagation slave']
    """
    constants = {name: number for number, name in MS_NAMES}
    given = [each.strip() for each in flags.split("|")]
    if not all(each in constants or each in ("0", "") for each in given):
        return None
    names = {each.removeprefix("MS_").lower() for each in given if each in constants}
    recursive = "r" if "rec" in names else ""
    for word in ("private", "slave", "shared", "unbindable"):
        if word in names:
            return [_propagation(recursive + word, target)]
    by_flag = {on: name for name, (on, off) in reversed(OPTIONS.items()) if on and not off}
    by_name = {name: by_flag[number] for number, name in MS_NAMES if number in by_flag}
    options = [by_name[each] for each in given if each in by_name]
    options += [each for each in data.split(",") if each]
    if "move" in names:
        return [join(["mount", "none", source, target, "-o", "move"])]
    if "bind" in names and "remount" not in names:
        return [join_bind(recursive + "bind", source, target, options)]
    kind = kind or "none"
    head = ["mount", kind, source, target]
    if source in ("", "none", kind) or "remount" in names:
        del head[2]
    return [join(head) + _options(options)]
