"""The commands that queue mounts: mount, umount, propagation."""

from __future__ import annotations

import os

from nsh.base import BaseShell
from nsh.errors import Usage, no_such_word
from nsh.linux.mountflags import (
    MS_BIND,
    MS_MOVE,
    MS_NAMES,
    MS_REMOUNT,
    OPTIONS,
    default_source,
    parse_options,
)
from nsh.parts.mounts.queue import mount_command
from nsh.state import Mount, Propagation, Umount
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nsh.offers import Item

PROPAGATIONS = ("private", "slave", "shared", "unchanged")
OF_ONE = ("private", "slave", "shared", "unbindable")
KINDS = (*OF_ONE, *[f"r{kind}" for kind in OF_ONE])
"""The propagations of one mount; those with an r are of the mounts below it too."""

_USUAL = ("tmpfs", "proc", "bind", "rbind", "sysfs", "none")


class MountCommands(BaseShell):
    """mount, umount and propagation."""

    group = "State"

    def do_mount(self, line: str) -> None:
        """mount FSTYPE [SOURCE] TARGET [-o OPTIONS]

        Queue a mount; each run makes the queued mounts in the order typed. Without
        arguments, list them.

        FSTYPE is a file system of /proc/filesystems, or `bind` (or `rbind`: with what
        is mounted below) to show SOURCE a second time on TARGET. OPTIONS are those of
        mount(8), with commas. Needs `flags +mnt`.

        What a run writes through a bind, into the upperdir of an overlay or on a disk
        is written on the host: the mount is inside, the files are not.

            mount tmpfs /mytmp
            mount proc /proc
            mount bind /etc /mytmp -o ro
            mount tmpfs /mytmp -o size=1m,nosuid

        See mount(2), mount(8), mount_namespaces(7).
        """
        found = self.words(line)
        if not found:
            for entry in self.state.mounts:
                self.message(mount_command(entry))
            return
        if _may_be_of_mount8(found):
            from nsh.parts.mounts.mount8 import here

            if meant := here(found, self.state, self.inside):
                raise Usage(meant[0], *meant[1])
        positional: list[str] = []
        options = ""
        at = 0
        while at < len(found):
            word = found[at]
            if word == "--":
                positional += found[at + 1 :]
                break
            if word.startswith("-o"):
                at += 1 if word == "-o" else 0
                if at >= len(found):
                    raise Usage("-o is followed by the options")
                more = found[at] if word == "-o" else word[2:]
                options = f"{options},{more}" if options else more
            elif word.startswith("-") and len(word) > 1:
                raise Usage(f"there is no option {word}")
            else:
                positional.append(word)
            at += 1
        match positional:
            case [fstype, source, target]:
                pass
            case [("bind" | "rbind") as fstype, source, target, more] if not options:
                fix = join(["mount", fstype, source, target, "-o", more])
                raise Usage(f"{fstype} takes a SOURCE and a TARGET, and options after -o", fix)
            case [("bind" | "rbind") as fstype, *_]:
                raise Usage(f"{fstype} takes a SOURCE and a TARGET")
            case [fstype, target]:
                source = default_source(fstype)
            case _:
                raise Usage
        if not (target and source and fstype):
            raise Usage("a word is empty")
        if fstype not in _USUAL:
            from nsh.parts.mounts.filesystems import is_known, misspelt

            if close := misspelt(fstype):
                if source == default_source(fstype):
                    source = default_source(close)
                fix = mount_command(Mount(close, source, target, options))
                raise Usage(f"there is no file system {fstype}: did you mean {close}?", fix)
            if (
                len(positional) == 2
                and not is_known(fstype)
                and os.path.exists(self.inside(fstype))
            ):
                raise Usage(
                    f"the type comes first here, and to show {fstype} elsewhere is bind",
                    mount_command(Mount("bind", fstype, target, options)),
                )
        flags, data = parse_options(options)
        binds = fstype in ("bind", "rbind") or flags & MS_BIND
        if binds and data and not flags & MS_REMOUNT:
            raise Usage(
                f"a bind mount has no option {data}: the file system stays the same one",
                join(["mount", *positional]),
            )
        if (binds or flags & MS_MOVE) and not flags & MS_REMOUNT:
            source = self.inside(source)
        mount = Mount(fstype, source, self.inside(target), options)
        self.change(mounts=(*self.state.mounts, mount))
        if binds and self.hinting and not flags & MS_REMOUNT:
            from nsh.parts.mounts.bound import tell

            tell(self, mount)

    def complete_mount(self, before: list[str], word: str) -> Iterable[Item]:
        """A file system, paths, -o and its options."""
        from nsh.offers import paths

        if before[-1:] == ["-o"]:
            yield from mount_options(word)
            return
        if word.startswith("-o") and len(word) > 2:
            for text, about in mount_options(word[2:]):
                yield f"-o{text}", about
            return
        places = [
            typed
            for at, typed in enumerate(before)
            if not typed.startswith("-") and before[at - 1 : at] != ["-o"]
        ]
        if not places:
            yield from filesystems()
            return
        if len(places) > 1 + (places[0] in ("bind", "rbind")) and "-o" not in before:
            yield "-o", "options follow, with commas"
        if len(places) < 3:
            if places == ["proc"]:
                yield "/proc", "where ps and top look for it"
            binds = places[0] in ("bind", "rbind")
            here = self.directory()
            yield from paths(here, word, only_directories=not binds)

    def do_umount(self, line: str) -> None:
        """umount TARGET [-l]

        Queue the removal of the mount on TARGET; it is made in its turn among the
        mounts.

        -l detaches it at once and lets it end when nobody uses it any more
        (MNT_DETACH). Needs `flags +mnt`; the host keeps its mount.

        See umount2(2), umount(8).
        """
        lazy = False
        targets: list[str] = []
        found = self.words(line, at_least=1)
        for at, word in enumerate(found):
            if word == "--":
                targets += found[at + 1 :]
                break
            if word in ("-l", "--lazy"):
                lazy = True
            elif word in ("-R", "--recursive"):
                rest = [each for each in found if each[:1] != "-"]
                raise Usage(
                    f"{word} is -l here, which takes away what is mounted below too",
                    *[join(["umount", each, "-l"]) for each in rest],
                )
            elif word.startswith("-") and len(word) > 1:
                raise Usage(f"there is no option {word}")
            else:
                targets.append(word)
        if len(targets) > 1 and all(targets):
            each = [join(["umount", target, *["-l"] * lazy]) for target in targets]
            raise Usage("one TARGET at a time", *each)
        if not targets or not targets[0]:
            raise Usage
        target = self.inside(targets[0])
        self.change(mounts=(*self.state.mounts, Umount(target, lazy)))

    def complete_umount(self, before: list[str], word: str) -> Iterable[Item]:
        """Queued mounts, the host's mounts, -l."""
        if not [typed for typed in before if not typed.startswith("-")]:
            yield from self._mount_targets()
        if "-l" not in before:
            yield "-l", "detach it now, let it end when nobody uses it (MNT_DETACH)"

    def _mount_targets(self) -> Iterator[Item]:
        """What is mounted in a run, as far as it is known: queued mounts, and the host's."""
        for entry in self.state.mounts:
            if isinstance(entry, Mount):
                yield entry.target, f"{entry.fstype}, queued"
        yield from mounted()

    def do_propagation(self, line: str) -> None:
        """propagation [private|slave|shared|unchanged] | KIND TARGET [-R]

        What happens between the mounts inside and those outside. Without an argument,
        show it.

        private    nothing crosses: how every run starts (MS_REC|MS_PRIVATE on /)
        slave      mounts made outside later appear inside, not the other way
        shared     mounts made inside propagate on to namespaces made from it
        unchanged  as inherited; refused where a mount would reach the host

        With a TARGET, queue a change of that one mount, made in its turn among the
        mounts, as `mount --make-slave TARGET` does. KIND is private, slave, shared or
        unbindable (no bind mount shows it again). With -R, or an r before KIND, of all
        mounts below it too: `propagation rslave /mnt` is --make-rslave.

            propagation slave
            propagation shared /mytmp

        See mount_namespaces(7), mount(2), mount(8).
        """
        found = self.words(line, at_most=3)
        recursive = "-R" in found
        if options := [word for word in found if word.startswith("-") and word != "-R"]:
            raise Usage(f"there is no option {options[0]}")
        match [word for word in found if word != "-R"]:
            case [] if not recursive:
                self.message(self.state.propagation)
            case [word] if word in PROPAGATIONS and not recursive:
                self.change(propagation=word)
            case [word] if word in PROPAGATIONS:
                raise Usage("without a TARGET, all mounts are meant anyway", f"propagation {word}")
            case [word] if word in ("unbindable", "runbindable"):
                raise Usage(f"{word} is for one mount, and its TARGET is not named")
            case [word]:
                raise no_such_word("propagation", word, PROPAGATIONS)
            case [target, kind] if kind in KINDS and target not in KINDS:
                raise Usage("the KIND comes first", join(["propagation", kind, target]))
            case ["unchanged", _]:
                raise Usage("a mount that no line changes is as inherited", "mount")
            case [kind, _] if kind not in KINDS:
                raise no_such_word("propagation", kind, KINDS)
            case [_, ""]:
                raise Usage("the name of the target is empty")
            case [kind, target]:
                kind = f"r{kind}" if recursive and kind in OF_ONE else kind
                entry = Propagation(kind, self.inside(target))
                self.change(mounts=(*self.state.mounts, entry))
            case _:
                raise Usage

    def complete_propagation(self, before: list[str], word: str) -> Iterable[Item]:
        """The words; then the mounts that one of them may be for, and -R."""
        if not before:
            yield "private", "no mount crosses, in or out"
            yield "slave", "mounts made outside later come in, none goes out"
            yield "shared", "mounts go on to namespaces made from it"
            yield "unchanged", "as inherited from the host"
            yield "unbindable", "of one mount: private, and not to be bound again"
            for kind in OF_ONE:
                yield f"r{kind}", f"{kind}, of a mount and all below it"
        elif before[0] in KINDS:
            if len([typed for typed in before if typed != "-R"]) == 1:
                yield from self._mount_targets()
            if "-R" not in before and before[0] in OF_ONE:
                yield "-R", "of all mounts below it too (MS_REC)"


def _may_be_of_mount8(found: list[str]) -> bool:
    """Whether words are certainly no plain line of nsh: then they are looked at more closely."""
    if "--" in found:
        return False
    if (
        (len(found) in (1, 4, 5) and "-o" not in found)
        or "/" in found[0]
        or found[0] in (".", "..")
    ):
        return True
    if len(found) == 3 and found[0] not in ("bind", "rbind"):
        return True
    return any(word[:1] == "-" and word != "-o" for word in found) or found[0] == "-o"


def filesystems() -> Iterator[Item]:
    """The kernel's file systems, those without a device first, after the two kinds of bind."""
    from nsh.linux import procfs

    yield "bind", "show a directory or file a second time"
    yield "rbind", "the same, with what is mounted below"
    without, with_device = procfs.filesystems()
    for name in without:
        yield name, _FILESYSTEMS.get(name, "file system without a device")
    for name in with_device:
        yield name, "file system on a block device"


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
    from nsh.linux.strace import symbols

    head, comma, _ = word.rpartition(",")
    given = head.split(",")
    for name, (on, off) in OPTIONS.items():
        if name not in given:
            about = symbols(on, MS_NAMES) if on else f"without {symbols(off, MS_NAMES)}"
            yield head + comma + name, about if on or off else "no flags"


def mounted() -> Iterator[Item]:
    """The mount points here, and what is mounted."""
    from nsh.linux.mountinfo import mount_points

    for mount in mount_points():
        yield mount.point, f"{mount.fstype}, mounted on the host"
