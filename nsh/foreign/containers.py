"""docker(1) and podman(1), chroot(1) and pivot_root(8), as lines of nsh.

A run has no root file system of its own: what is said here goes as far as namespaces go.
"""

from __future__ import annotations

import re

from nsh.foreign.facts import Answer, Typed, answer
from nsh.foreign.options import Options
from nsh.parts.mounts.queue import mount_command
from nsh.state import Mount
from nsh.words import join

_RUN = {
    "-d": ("detach", ""),
    "--detach": ("detach", ""),
    "-i": ("", ""),
    "--interactive": ("", ""),
    "-t": ("", ""),
    "--tty": ("", ""),
    "--rm": ("", ""),
    "--name": ("name", "="),
    "-h": ("hostname", "="),
    "--hostname": ("hostname", "="),
    "--domainname": ("domainname", "="),
    "-v": ("volume", "="),
    "--volume": ("volume", "="),
    "--tmpfs": ("tmpfs", "="),
    "-e": ("env", "="),
    "--env": ("env", "="),
    "-w": ("workdir", "="),
    "--workdir": ("workdir", "="),
    "-u": ("user", "="),
    "--user": ("user", "="),
    "--net": ("net", "="),
    "--network": ("net", "="),
    "--pid": ("pid", "="),
    "--ipc": ("ipc", "="),
    "--uts": ("uts", "="),
    "--init": ("init", ""),
    "--ulimit": ("ulimit", "="),
    "--cpus": ("left out", "="),
    "-m": ("left out", "="),
    "--memory": ("left out", "="),
    "-p": ("left out", "="),
    "--publish": ("left out", "="),
    "--cap-add": ("left out", "="),
    "--cap-drop": ("left out", "="),
    "--security-opt": ("left out", "="),
    "--mount": ("left out", "="),
    "-l": ("left out", "="),
    "--label": ("left out", "="),
    "--restart": ("left out", "="),
    "--entrypoint": ("left out", "="),
    "--device": ("left out", "="),
    "--env-file": ("left out", "="),
    "--userns": ("left out", "="),
}

_EXEC = {
    "-i": ("", ""),
    "-t": ("", ""),
    "-d": ("", ""),
    "--interactive": ("", ""),
    "--tty": ("", ""),
    "--detach": ("", ""),
    "-u": ("", "="),
    "--user": ("", "="),
    "-w": ("", "="),
    "--workdir": ("", "="),
    "-e": ("", "="),
    "--env": ("", "="),
}


def docker(name: str, rest: list[str], typed: Typed) -> Answer:
    """A line of docker or podman."""
    if rest[:1] == ["container"] and rest[1:]:
        rest = rest[1:]
    match rest:
        case ["run" | "create", *more]:
            return _run(name, more, typed)
        case ["exec", *more]:
            words = Options(more, _EXEC).rest
            return answer(
                name, "a child is entered", join(["enter", *words]) if words else "children"
            )
        case ["attach", child, *_]:
            return answer(name, "a child is entered", join(["enter", child]))
        case ["ps" | "ls" | "container", *_]:
            return answer(name, "what stays is a child of nsh", "children")
        case ["kill", *more] if more:
            options = Options(more, {"-s": ("signal", "="), "--signal": ("signal", "=")})
            signal = (options.value("signal") or "KILL").removeprefix("SIG")
            lines = [join(["signal", child, signal]) for child in options.rest]
            return answer(name, "a child gets a signal", *lines or ["children"])
        case ["stop" | "rm" | "logs" | "wait" as what, *more]:
            command = {"stop": "stop", "rm": "stop", "logs": "log", "wait": "wait"}[what]
            names = [word for word in more if not word.startswith("-") and not word.isdigit()]
            lines = [join([command, child]) for child in names]
            return answer(name, "what stays is a child of nsh", *lines or ["children"])
        case ["top" | "inspect" as what, child, *_]:
            line = join(["enter", child, "ps"]) if what == "top" else join(["ns", child])
            return answer(name, "what stays is a child of nsh", line)
    return answer(name, "nsh makes namespaces, and has no images", "explain namespace")


_LIMIT = re.compile(r"\w+=\d+(:\d+)?")


def _run(name: str, words: list[str], typed: Typed) -> Answer:
    options = Options(words, _RUN)
    image, command = options.rest[:1], options.rest[1:]
    shared = [kind for kind in ("net", "pid", "ipc", "uts") if options.value(kind) == "host"]
    kinds = [kind for kind in ("mnt", "uts", "ipc", "pid", "net") if kind not in shared]
    lines = typed.new(*kinds)
    if "pid" not in shared:
        lines += typed.queue("mount proc /proc")
    volumes = [each for each in options.values("volume") if ":" in each and each[0] in "./"]
    lines += typed.queue(*[_volume(each) for each in volumes])
    for each in options.values("tmpfs"):
        target, _, how = each.partition(":")
        lines += typed.queue(mount_command(Mount("tmpfs", "none", target, how)))
    for command_here in ("hostname", "domainname"):
        if value := options.value(command_here):
            lines.append(join([command_here, value]))
    if value := options.value("workdir"):
        lines.append(join(["cd", value]))
    pairs = [each for each in options.values("env") if "=" in each[1:]]
    lines += [join(["env", *pairs])] if pairs else []
    limits = [each for each in options.values("ulimit") if _LIMIT.fullmatch(each)]
    lines += [f"rlimit {each.replace('=', ' ')}" for each in limits]
    user = options.value("user") or ""
    if user.partition(":")[0].isdigit() and user.replace(":", "", 1).isdigit():
        lines.append(f"user {user}")
    if options.value("init") is not None:
        lines.append("init on")
    child = options.value("name")
    if options.value("detach") is not None:
        lines.append(join(["start", child or "web", *command]))
    else:
        lines.append(typed.run(command))
    named = [each for each in options.values("volume") if each not in volumes]
    left = [*image, *named, *options.values("left out"), *options.unknown]
    what = f" (left out: {' '.join(left)})" if left else ""
    return answer(
        name,
        f"nsh has no images, and a run keeps the root directory of the host{what}",
        *lines,
    )


def _volume(volume: str) -> str:
    """``-v SOURCE:TARGET[:ro]`` as a bind."""
    source, target, *how = volume.split(":")
    options = "ro" if "ro" in ",".join(how).split(",") else ""
    return mount_command(Mount("bind", source, target, options))


def other_root(name: str, rest: list[str], typed: Typed) -> Answer:
    """chroot: a run has no root of its own, and chroot(1) can be what it runs."""
    words = [word for word in rest if not word.startswith("-")]
    why = "a run keeps the root directory of the host; chroot(1) can be its command"
    if not words:
        return answer(name, why, "explain pivot_root")
    alone = [] if typed.host.is_privileged or typed.has("user") else ["flags +user", "map root"]
    return answer(name, why, *alone, typed.run(["chroot", *rest]))


def pivots(name: str, rest: list[str], typed: Typed) -> Answer:
    """pivot_root: it moves the root of a whole mount namespace, so that must be a new one."""
    why = "it moves the root of its whole mnt namespace, which must be a new one"
    words = [word for word in rest if not word.startswith("-")]
    if len(words) != 2 or not all(words):
        return answer(name, why, "explain pivot_root")
    new = words[0]
    bind = [] if new in (".", "/") else typed.queue(join(["mount", "rbind", new, new]))
    return answer(
        name,
        f"{why}; and it ends with the run, so use it there",
        *typed.new("mnt"),
        *bind,
        f"sh {join(['pivot_root', *words])} && cd / && echo *",
    )
