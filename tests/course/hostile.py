"""Every goal and example of lessons on hostile states: a program, run where nothing of it can last.

To be started by a command that has made mnt, net, uts and ipc namespaces: those are the host of the
states. The places in which goals might write are given file systems in memory. What differs after a
goal is printed, a line each; the last line is the number of sessions that were run.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from nsh.course import goal, lesson
from nsh.shell import Shell

PLACES = tuple(
    place
    for place in ("/mnt", "/tmp", "/var/tmp", "/dev/shm", "/etc")
    if not os.path.abspath(__file__).startswith(place + "/")
)
"""The directories that stand for all of the host's: those that have not this program in them."""

NAMES = ("box", "web", "pod", "kept")
"""What the children are called that goals look into."""

FLAGS = ("net", "mnt", "uts", "ipc", "pid")

BINDS = ("/mnt", "/dev/shm", "/tmp", "/proc", "/usr/bin")


def states() -> Iterator[tuple[str, ...]]:
    """The lines that lead to each state; some start children, some of these are joined."""
    every = "flags " + " ".join([f"+{name}" for name in FLAGS])
    yield ()
    yield from ((f"flags +{name}",) for name in (*FLAGS, "user"))
    yield from ((every, f"flags -{name}") for name in FLAGS)
    yield from (("flags +mnt", f"mount bind /etc {target}") for target in BINDS)
    yield from ((every, "mount proc /proc", f"mount bind /etc {target}") for target in BINDS[:3])
    yield every, "mount bind / /mnt"
    yield "flags +mnt", "propagation unchanged"
    yield "flags +mnt", "propagation shared", "mount bind /etc /mnt"
    yield from (("flags +user", "map root", f"flags +{name}") for name in FLAGS)
    yield "flags +user", "map root", every, "mount bind /etc /mnt", "mount bind /etc /dev/shm"
    bare = tuple([f"start {name}" for name in NAMES])
    yield bare
    yield *bare, every
    yield *bare, "flags +user", "map root", every
    yield (*[line for name in NAMES for line in (f"start {name}", f"pin {name}", f"stop {name}")],)
    for made, then in (
        (("flags +net",), ()),
        (("flags +mnt", "propagation unchanged"), ()),
        (("flags +net", "flags +mnt", "propagation unchanged"), ("flags +user", "map root")),
        (("flags +user", "map root", "flags +uts"), ("flags +net",)),
    ):
        yield *made, *bare, "reset all", "join box", *then


def tree(place: str) -> dict[str, tuple[int, ...]]:
    """What is in a directory and may not change: path to inode, mode, size and times."""
    found: dict[str, tuple[int, ...]] = {}
    for folder, folders, files in os.walk(place):
        for name in (*folders, *files):
            stat = os.lstat(path := os.path.join(folder, name))
            found[path] = (stat.st_ino, stat.st_mode, stat.st_size, stat.st_mtime_ns)
    return found


def host() -> dict[str, object]:
    """All that could be changed here."""
    return {
        **{place: tree(place) for place in PLACES},
        "names": (socket.gethostname(), Path("/proc/sys/kernel/domainname").read_text()),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "interfaces": socket.if_nameindex(),
        "addresses": Path("/proc/self/net/fib_trie").read_text(),
        "objects": [Path(f"/proc/sysvipc/{kind}").read_text() for kind in ("msg", "sem", "shm")],
        "limit": Path("/proc/sys/kernel/msgmni").read_text(),
    }


def differing(before: dict[str, object], after: dict[str, object]) -> Iterator[str]:
    """The names of what is not the same, with what is new in a directory."""
    for name, was in before.items():
        now = after[name]
        if now != was:
            new = (
                sorted(set(now) - set(was))
                if isinstance(now, dict) and isinstance(was, dict)
                else ()
            )
            yield " ".join([name, *new])


def prepare() -> None:
    """Put something in memory in all places; in /etc what was there."""
    subprocess.run(["mount", "-t", "tmpfs", "nsh", "/mnt"], check=True)
    os.mkdir("/mnt/etc")
    # Not all of it can be copied by everybody, and the files alone are enough here.
    subprocess.run("cp /etc/* /mnt/etc", shell=True, stderr=subprocess.DEVNULL, check=False)
    for place in reversed(PLACES):
        source = ["--bind", "/mnt/etc"] if place == "/etc" else ["-t", "tmpfs", "nsh"]
        subprocess.run(["mount", *source, place], check=True)


def main(paths: list[str]) -> None:
    """Run all sessions of the lessons on all states."""
    lessons = [lesson.read(path) for path in paths]
    prepare()
    sessions = [
        (found.name, step.title, session)
        for found in lessons
        for step in found.steps
        for session in (step.goal, *step.examples)
    ]
    tried = 0
    for lines in states():
        shell = Shell()
        shell.said = lambda text: None
        try:
            for line in lines:
                shell.run_line(line)
            before = host()
            for name, title, session in sessions:
                goal.missed(session, shell.state, [], 10, shell.started)
                tried += 1
                after = host()
                for what in differing(before, after):
                    print(f"{name}: {title}: {'; '.join(lines)}: {what}")
                before = after
        finally:
            shell.end_children()
            for child in shell.started.values():
                child.close()
    print(tried)


if __name__ == "__main__":
    main(sys.argv[1:])
