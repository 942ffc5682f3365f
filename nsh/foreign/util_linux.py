"""unshare(1), nsenter(1), ip-netns(8) and newuidmap(1) as lines of nsh."""

from __future__ import annotations

import os

from nsh.foreign.facts import Answer, Typed, answer
from nsh.foreign.options import Options
from nsh.linux.namespaces import BY_NAME
from nsh.words import join

_KINDS = {
    "m": ("mount", "mnt"),
    "u": ("uts", "uts"),
    "i": ("ipc", "ipc"),
    "n": ("net", "net"),
    "p": ("pid", "pid"),
    "U": ("user", "user"),
    "C": ("cgroup", "cgroup"),
    "T": ("time", "time"),
}
"""The options for the kinds: the letter, the long name, and the name of the kind."""

_NAMESPACES = {
    option: (kind, "?")
    for letter, (long, kind) in _KINDS.items()
    for option in (f"-{letter}", f"--{long}")
}

_UNSHARE = {
    **{f"-{letter}": (kind, "") for letter, (_, kind) in _KINDS.items()},
    **{f"--{long}": (kind, "?") for long, kind in _KINDS.values()},
    "-f": ("fork", ""),
    "--fork": ("fork", ""),
    "-r": ("root", ""),
    "--map-root-user": ("root", ""),
    "-c": ("self", ""),
    "--map-current-user": ("self", ""),
    "--map-auto": ("auto", ""),
    "--map-user": ("map-user", "="),
    "--map-group": ("map-group", "="),
    "--map-users": ("map-users", "="),
    "--map-groups": ("map-groups", "="),
    "--mount-proc": ("mount-proc", "?"),
    "--kill-child": ("kill-child", "?"),
    "--propagation": ("propagation", "="),
    "--setgroups": ("setgroups", "="),
    "-w": ("wd", "="),
    "--wd": ("wd", "="),
    "-S": ("uid", "="),
    "--setuid": ("uid", "="),
    "-G": ("gid", "="),
    "--setgid": ("gid", "="),
    "-R": ("root-directory", "="),
    "--root": ("root-directory", "="),
    "--monotonic": ("left out", "="),
    "--boottime": ("left out", "="),
    "-l": ("left out", "="),
    "--load-interp": ("left out", "="),
}

_NSENTER = _NAMESPACES | {
    "-t": ("target", "="),
    "--target": ("target", "="),
    "-a": ("all", ""),
    "--all": ("all", ""),
    "-w": ("wd", "?"),
    "--wd": ("wd", "?"),
    "-S": ("uid", "="),
    "--setuid": ("uid", "="),
    "-G": ("gid", "="),
    "--setgid": ("gid", "="),
    "-r": ("root", "?"),
    "--root": ("root", "?"),
    "-F": ("no-fork", ""),
    "--no-fork": ("no-fork", ""),
    "-e": ("env", ""),
    "--env": ("env", ""),
    "--preserve-credentials": ("keep", ""),
}


def unshare(name: str, rest: list[str], typed: Typed) -> Answer:
    """``unshare -n ip a`` as flags, maps, mounts and a run."""
    options = Options(rest, _UNSHARE)
    asked = [given for given, _ in options.given]
    kinds = [kind for kind in dict.fromkeys(asked) if kind in BY_NAME]
    maps = [word for word in ("root", "self", "auto") if word in asked]
    ranges = [
        word for word in asked if word in ("map-user", "map-group", "map-users", "map-groups")
    ]
    if (maps or ranges) and "user" not in kinds:
        kinds.append("user")
    if "mount-proc" in asked and "mnt" not in kinds:
        kinds.append("mnt")
    lacks = [kind for kind in kinds if kind not in typed.state.flags]
    by_itself = bool(lacks) and not typed.host.is_privileged and not typed.has("user")
    if by_itself and "user" not in lacks:
        lacks.insert(0, "user")
        maps = maps or ["root"]
    lines = [join(["flags", *[f"+{kind}" for kind in lacks]])] if lacks else []
    lines += [f"map {word}" for word in maps[-1:]]
    lines += _ranges(options, typed)
    if (word := options.value("setgroups")) in ("allow", "deny"):
        lines.append(f"setgroups {word}")
    if (word := options.value("propagation")) in ("slave", "shared", "unchanged"):
        lines.append(f"propagation {word}")
    if "mount-proc" in asked:
        target = options.value("mount-proc") or "/proc"
        lines += typed.queue(join(["mount", "proc", target]))
    lines += _person(options)
    words = options.rest
    if root := options.value("root-directory"):
        words = ["chroot", root, *words]
    lines.append(typed.run(words))
    left = [*options.unknown, *["the clocks or a loader"] * ("left out" in asked)]
    why = "its namespaces are flags here, and each run gets them new"
    return answer(name, why + _left(left), *lines)


def _left(unknown: list[str]) -> str:
    return f" (left out: {' '.join(unknown)})" if unknown else ""


def _ranges(options: Options, typed: Typed) -> list[str]:
    """--map-user=5, --map-users=INSIDE:OUTSIDE:COUNT (or with commas), and likewise of groups."""
    lines = []
    for kind, own in (("user", typed.host.uid), ("group", typed.host.gid)):
        command = "uidmap" if kind == "user" else "gidmap"
        one = options.value(f"map-{kind}")
        if one is not None and one.isdigit():
            lines.append(f"{command} {one} {own} 1")
        numbers: list[str] = []
        for word in options.values(f"map-{kind}s"):
            found = word.replace(",", ":").split(":")
            if len(found) == 3 and all(each.isdigit() for each in found):
                # With commas the id outside comes first: the older form.
                numbers += [found[1], found[0], found[2]] if "," in word else found
        if numbers:
            lines.append(" ".join([command, *numbers]))
    return lines


def _person(options: Options) -> list[str]:
    """The directory and the ids that -w, -S and -G name."""
    lines = [join(["cd", directory]) for directory in options.values("wd") if directory]
    uid, gid = options.value("uid"), options.value("gid")
    if uid is not None and uid.isdigit():
        lines.append(f"user {uid}:{gid}" if gid is not None and gid.isdigit() else f"user {uid}")
    return lines


def nsenter(name: str, rest: list[str], typed: Typed) -> Answer:
    """``nsenter -t PID -n ss`` as join and a run; all of a child is entered."""
    options = Options(rest, _NSENTER)
    target = (options.value("target") or "").removeprefix("$")
    by_pid = {str(pid): child for child, pid in typed.host.living.items()}
    target = by_pid.get(target, target)
    kinds = [kind for kind, value in options.given if kind in BY_NAME and not value]
    files = [value for kind, value in options.given if kind in BY_NAME and value]
    whole = options.value("all") is not None
    if whole and target in typed.children:
        return answer(
            name, "a child is entered by its name", join(["enter", target, *options.rest])
        )
    joins = [join(["join", path]) for path in files]
    if target and (kinds or whole or not files):
        joins.insert(0, join(["join", target, *([] if whole else dict.fromkeys(kinds))]))
    if not joins:
        return answer(name, "join names what it enters", "help join")
    lines = [*joins, *_person(options), typed.run(options.rest)]
    why = "what it enters is joined here, and each run is in it"
    return answer(name, why + _left(options.unknown), *lines)


def netns(name: str, rest: list[str], typed: Typed) -> Answer:
    """``ip netns ...``: names of net namespaces are files on the host, and children here."""
    match rest:
        case ["exec", target, *words]:
            child = target if target in typed.children else f"/run/netns/{target}"
            return answer(name, "join enters it", f"join {child}", typed.run(words))
        case ["add", new, *_]:
            why = "ip netns makes a mount on the host; here a child keeps a namespace"
            return answer(name, why, *typed.new("net"), join(["start", new]))
        case ["del" | "delete", old, *_]:
            fix = join(["stop", old]) if old in typed.children else "children"
            return answer(name, "here a namespace ends with its child", fix)
    there = os.path.isdir("/run/netns")
    return answer(name, "here children keep namespaces", *["!ls /run/netns"] * there, "children")


def id_map(name: str, rest: list[str], typed: Typed) -> Answer:
    """``newuidmap PID INSIDE OUTSIDE COUNT...``, which nsh calls itself where it must."""
    command = "uidmap" if name.endswith("uidmap") else "gidmap"
    numbers = rest[1:] if len(rest) % 3 == 1 else rest
    good = numbers and len(numbers) % 3 == 0 and all(word.isdigit() for word in numbers)
    fix = " ".join([command, *numbers]) if good else f"help {command}"
    return answer(name, f"{command} names the ranges, and a run writes them", fix)
