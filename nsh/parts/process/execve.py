"""Why the program did not start. See execve(2), execvp(3)."""

from __future__ import annotations

import errno
import os
import shutil
import stat

from nsh.errors import closest
from nsh.linux.constants import CAP_SETUID, DEFAULT_PATH
from nsh.linux.elf import of_this_machine, program_interpreter
from nsh.linux.mountinfo import mount_of
from nsh.parts.facts import acting, closed, spare, whole_map
from nsh.parts.join.own import in_another
from nsh.parts.mounts.places import places_of
from nsh.parts.mounts.queue import requeue
from nsh.parts.part import Diagnosis, FailedCall
from nsh.parts.process.calls import search_path
from nsh.state import Mount
from nsh.words import join, quote

SHELL_BUILTINS = frozenset(
    [
        ".",
        ":",
        "alias",
        "bg",
        "cd",
        "command",
        "eval",
        "exec",
        "exit",
        "export",
        "fc",
        "fg",
        "getopts",
        "hash",
        "jobs",
        "local",
        "read",
        "readonly",
        "set",
        "shift",
        "source",
        "times",
        "trap",
        "type",
        "ulimit",
        "umask",
        "unalias",
        "unset",
        "wait",
    ]
)

MAX_WORD = 131072
"""MAX_ARG_STRLEN in the kernel, where a page has 4096 bytes."""


class Program:
    """A program that did not start: its path as seen inside, and its place on the host.

    top  where the / inside is here before the mounts: "", or the root of a joined mnt namespace
    """

    def __init__(self, failed: FailedCall) -> None:
        self.failed = failed
        self.state = failed.state
        self.host = failed.host
        self.name = failed.plan.argv[0]
        self.rest = list(failed.plan.argv[1:])
        self.places = places_of(self.state, self.host, self.state.mounts)
        self.top = self.places.top
        start = self.state.cwd or ("/" if self.top else self.host.cwd)
        self.path = os.path.normpath(os.path.join(start, str(failed.call.args[0])))
        at = self.places.of(self.path)
        self.over, self.place = at.over, at.host

    def hiding(self, path: str) -> Mount | None:
        """The mount that covers a path of the host, None if it is still to be seen inside."""
        at = self.places.of(path)
        return at.over if at.host is None else None

    def which(self, name: str, path: str) -> str | None:
        """Where a program is found along a path, as seen inside before the mounts."""
        if not self.top:
            return shutil.which(name, path=path)
        path = ":".join([self.top + place for place in path.split(":") if place.startswith("/")])
        found = shutil.which(name, path=path)
        return None if found is None else found.removeprefix(self.top)

    def listing(self, place: str) -> list[str]:
        """The names in a directory, none if it cannot be read."""
        try:
            return os.listdir(self.top + place)
        except OSError:
            return []

    def uncover(self, over: Mount) -> tuple[str, ...]:
        """The lines that leave away the mount that covers it."""
        return requeue(self.state.mounts, self.state.mounts.index(over))

    def run(self, *words: str) -> str:
        """The line that runs other words in its place."""
        return join(["run", *words, *self.rest])


def not_started(failed: FailedCall) -> Diagnosis | None:
    """Why the command did not start."""
    program, error, commands = Program(failed), failed.error, failed.commands
    path = program.path
    if error == errno.ENOENT and program.name.startswith(("~", "$")):
        return Diagnosis(
            f"{program.name[0]} is replaced only by a shell, and run takes the words as they are",
            " ".join(["sh", program.name, join(program.rest)]).rstrip(),
        )
    if program.name in SHELL_BUILTINS and error == errno.EACCES:
        return _not_in_path(program, commands)
    match error:
        case errno.ENOENT if "/" not in program.name:
            return _not_in_path(program, commands)
        case errno.ENOENT:
            return _not_there(program)
        case errno.EACCES:
            return _not_executable(program)
        case errno.ENOEXEC:
            return _not_a_program(program)
        case errno.E2BIG:
            return _too_big(program)
        case errno.ENOTDIR:
            return Diagnosis(
                f"a part of {path} is used as a directory and is none",
                "run " + quote(_longest_file(path, program.top)),
            )
        case errno.ETXTBSY:
            return _copied(program, f"a process has {path} open for writing; a copy can be run")
    return None


def _longest_file(path: str, top: str) -> str:
    while not os.path.lexists(top + path):
        path = os.path.dirname(path)
    return path


def _not_in_path(program: Program, commands: tuple[str, ...]) -> Diagnosis:
    name = program.name
    if not name:
        return Diagnosis("the name of the program is empty", "run")
    places = [place for place in search_path(program.state, program.host).split(":") if place]
    there = program.which(name, ":".join(places)) if places else None
    if there is not None:
        over = program.hiding(there)
        if over is not None:
            return _covered(there, over, program)
        return _no_interpreter(program, there)
    if name in commands:
        return Diagnosis(
            f"{name} is a command of nsh itself, no program", join([name, *program.rest])
        )
    if name in SHELL_BUILTINS:
        return Diagnosis(
            f"{name} is no program: it is built into shells", "sh " + join([name, *program.rest])
        )
    hidden = program.which(name, DEFAULT_PATH + ":/sbin:/usr/sbin:/usr/local/bin")
    if hidden:
        return Diagnosis(
            f"{name} is in {os.path.dirname(hidden)}, which is not in PATH", program.run(hidden)
        )
    names = {entry for place in places for entry in program.listing(place)}
    close = closest(name, sorted(names), 0.75)
    return Diagnosis(
        f"no directory of PATH has a program {name}",
        program.run(close) if close else "sh echo $PATH",
    )


def _covered(path: str, over: Mount, program: Program) -> Diagnosis:
    return Diagnosis(
        f"{path} is there on the host, but inside your {over.fstype} on {over.target} covers it",
        *program.uncover(over),
    )


def _not_there(program: Program) -> Diagnosis:
    path = program.path
    if program.over is not None and program.place is None:
        if os.path.exists(program.top + path):
            return _covered(path, program.over, program)
        return Diagnosis(
            f"there is no {path}: your {program.over.fstype} on {program.over.target} is new",
            *program.uncover(program.over),
        )
    place = program.place or program.top + path
    if os.path.exists(place):
        return _no_interpreter(program, path)
    where = os.path.dirname(path)
    close = closest(os.path.basename(path), sorted(program.listing(where)), 0.6)
    elsewhere = program.which(os.path.basename(path), program.host.environ.get("PATH", ""))
    if elsewhere:
        fix = program.run(elsewhere)
    elif close:
        fix = program.run(os.path.join(where, close))
    else:
        fix = f"!ls {quote(program.top + (where if os.path.isdir(program.top + where) else '/'))}"
    return Diagnosis(f"there is no {path}", fix)


def _first_line(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(256).split(b"\n", 1)[0]
    except OSError:
        return b""


def _no_interpreter(program: Program, path: str) -> Diagnosis:
    place = program.places.of(path).host or program.top + path
    line = _first_line(place)
    if line.startswith(b"#!"):
        words = line[2:].decode(errors="surrogateescape").split(None, 1)
        raw = line[2:].decode(errors="surrogateescape").strip(" \t").split(" ")[0].split("\t")[0]
        if raw.endswith("\r") or line.endswith(b"\r"):
            return Diagnosis(
                f"the first line of {path} ends with a carriage return, as on Windows, and the kernel"
                f" takes it for a part of the interpreter's name ({raw[:-1]}\\r)",
                f"!sed -i 's/\\r$//' {quote(place)}",
            )
        interpreter = words[0] if words else ""
        over = program.hiding(interpreter)
        if over is not None and os.path.exists(program.top + interpreter):
            return Diagnosis(
                f"{path} is there, but its interpreter {interpreter} (from its first line) is covered"
                f" inside by your {over.fstype} on {over.target}",
                *program.uncover(over),
            )
        path_inside = program.host.environ.get("PATH", "")
        other = program.which(os.path.basename(interpreter), path_inside)
        return Diagnosis(
            f"{path} is there, but its first line asks for the interpreter {interpreter}, and there"
            f" is none there{'; it is ' + other if other else ''}",
            program.run(other or "sh", *words[1:] if other else (), path),
        )
    loader = program_interpreter(place)
    over = program.hiding(loader) if loader else None
    if over is not None and os.path.exists(program.top + loader):
        return Diagnosis(
            f"{path} is there, but {loader}, which loads it and its libraries, is covered inside by"
            f" your {over.fstype} on {over.target}",
            *program.uncover(over),
        )
    if not loader:
        return Diagnosis(f"{path} leads to something that is not there", f"!ls -l {quote(path)}")
    ours = program_interpreter("/bin/sh")
    return Diagnosis(
        f"{path} is there, but {loader}, which is to load it and its libraries, is not: it was built"
        " for another system",
        program.run(ours, path) if ours else f"!ls -l {quote(path)}",
    )


def _copied(program: Program, why: str) -> Diagnosis:
    place = program.place or program.top + program.path
    copy = spare(program.path, program.top)
    there = quote(program.top + copy)
    return Diagnosis(why, f"!install -m 755 {quote(place)} {there}", program.run(copy))


def _script_run(program: Program) -> str | None:
    """The line that hands a script to its interpreter, None for what is no script."""
    line = _first_line(program.place or program.top + program.path)
    if line.startswith(b"#!"):
        words = os.fsdecode(line[2:]).split(None, 1)
        return program.run(*[word.strip() for word in words], program.path)
    if line.startswith(b"\x7fELF") or b"\0" in line:
        return None
    return program.run("sh", program.path)


def _not_executable(program: Program) -> Diagnosis | None:
    path, place = program.path, program.place
    state, host = program.state, program.host
    if place is None:
        over = program.over
        assert over is not None
        return Diagnosis(
            f"your {over.fstype} on {over.target} does not let {path} be run",
            *program.uncover(over),
        )
    shut = closed(place, state, host)
    if shut is not None:
        return Diagnosis(shut.cause, *(shut.fixes or [f"!ls -ld {quote(os.path.dirname(path))}"]))
    try:
        status = os.stat(place)
    except OSError:
        return None
    if stat.S_ISDIR(status.st_mode):
        return Diagnosis(f"{path} is a directory, and only a file can be run", join(["cd", path]))
    if not stat.S_ISREG(status.st_mode):
        return Diagnosis(f"{path} is no regular file, so it cannot be run", f"!ls -l {quote(path)}")
    over = program.over
    if over is not None and "noexec" in over.options.split(","):
        return Diagnosis(
            f"you mounted {over.target} with noexec, so nothing on it can be run",
            *program.uncover(over),
        )
    mount = mount_of(place.removeprefix(program.top), program.places.sees)
    if mount is not None and "noexec" in mount.options:
        why = f"{mount.point} is mounted noexec, so nothing on it can be run"
        script = _script_run(program)
        if script is not None:
            return Diagnosis(f"{why}; but its interpreter can read it", script)
        return _copied(program, f"{why}; a copy in another place can")
    if not status.st_mode & 0o111:
        why = f"{path} has no execute permission"
        if host.uid in (0, status.st_uid) and _first_line(place).startswith((b"#!", b"\x7fELF")):
            return Diagnosis(why, f"!chmod +x {quote(place)}")
        if not _first_line(place).startswith((b"#!", b"\x7fELF")):
            return Diagnosis(
                f"{why}, and it is neither a program nor a script", f"!ls -l {quote(place)}"
            )
        script = _script_run(program)
        return (
            Diagnosis(f"{why}; its interpreter can read it", script)
            if script
            else _copied(program, f"{why}; a copy can have it")
        )
    if in_another("user", state, host) and host.uid == 0 and host.can(CAP_SETUID):
        return Diagnosis(
            f"only its owner, uid {status.st_uid}, may run {path}, and in a user namespace root passes"
            " over permissions only for owners that are mapped; unmapped, you are nobody to it",
            *(whole_map(host) if state.has("user") else [f"!ls -l {quote(place)}"]),
        )
    return Diagnosis(
        f"uid {acting(state, host)[0]} may not run {path} by its permissions",
        f"!ls -l {quote(path)}",
    )


def _not_a_program(program: Program) -> Diagnosis:
    path, place = program.path, program.place or program.top + program.path
    if _first_line(place).startswith(b"\x7fELF"):
        if not of_this_machine(place):
            return Diagnosis(
                f"{path} is a program for another kind of processor than {os.uname().machine}",
                f"!od -A d -t x1 -N 20 {quote(place)}",
            )
        return Diagnosis(f"{path} is a damaged program", f"!ls -l {quote(place)}")
    return Diagnosis(
        f"{path} is neither a program nor a script that begins with #! and its interpreter;"
        " a shell can read it as a script",
        program.run("sh", program.path),
    )


def _too_big(program: Program) -> Diagnosis:
    environment = program.failed.call.args[2]
    assert isinstance(environment, tuple)
    words = [len(os.fsencode(word)) + 1 for word in program.failed.plan.argv]
    variables = {pair: len(os.fsencode(pair)) + 1 for pair in environment}
    largest = max(variables, key=lambda pair: variables[pair], default="")
    total = sum(words) + sum(variables.values())
    if largest and variables[largest] > max(words):
        name = largest.partition("=")[0]
        return Diagnosis(
            f"the variable {name} has {variables[largest]} bytes and all words together {total},"
            f" more than the kernel hands to a program (one word may have {MAX_WORD})",
            join(["env", "-u", name]),
        )
    return Diagnosis(
        f"the words of the command have {sum(words)} bytes, the longest {max(words)}, more than the"
        f" kernel hands to a program (one word may have {MAX_WORD}): put them into a file",
        join(["run", *[word for word in program.failed.plan.argv if len(word) < 256][:1]]),
    )
