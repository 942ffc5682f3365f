"""The commands that build up the state. Each changes it and is silent, or shows its part of it."""

from __future__ import annotations

import os
import posixpath

from nsh.core import Core, Usage, number
from nsh.host import read_text
from nsh.mounts import MS_BIND, MS_MOVE, MS_REMOUNT, parse_options
from nsh.namespaces import BY_NAME, NAMESPACES, expression, find
from nsh.plan import default_mount, ranges
from nsh.render import mount_command, range_words
from nsh.state import MAPS, PROPAGATIONS, Mount, Range, Umount
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_LAST_ID = 4294967295


class StateCommands(Core):
    """flags, hostname, domainname, mount, umount, propagation, the maps, cd and env."""

    def do_flags(self, line: str) -> None:
        """flags [+NS|-NS|+all|-all ...]

        Choose the namespaces that the next run gets new. Without arguments, show them
        as the last argument of clone(2).

        NS is net, mnt, uts, ipc, pid, user, cgroup or time, or the constant
        (CLONE_NEWPID). +NS asks for a new one, -NS shares the host's again.

            flags +pid +mnt
            flags -CLONE_NEWNS

        See namespaces(7), unshare(2).
        """
        chosen = list(self.state.flags)
        changes = self.words(line)
        if not changes:
            self.message(expression(self.state.flags))
            return
        for word in changes:
            sign, name = word[:1], word[1:]
            if sign not in "+-" or not name:
                bare = find(word)
                mend = f"flags +{bare.name}" if bare else "help flags"
                raise Usage(f"{word!r} begins with neither + nor -", mend)
            if name.lower() == "all":
                chosen = [namespace.name for namespace in NAMESPACES] if sign == "+" else []
                continue
            namespace = find(name)
            if namespace is None:
                raise Usage(f"there is no namespace {name!r}", *_close_namespace(sign, name))
            if namespace.name in chosen:
                if sign == "-":
                    chosen.remove(namespace.name)
            elif sign == "+":
                chosen.append(namespace.name)
        self.change(flags=tuple(chosen))

    def do_hostname(self, line: str) -> None:
        """hostname [NAME]

        The host name that the next run sees. Without NAME, show it.

        Needs `flags +uts`: without a new uts namespace it would rename the host, so
        `run` refuses. `reset hostname` leaves the name alone again.

        See sethostname(2), uts_namespaces(7).
        """
        match _no_options(self.words(line, at_most=1)):
            case []:
                name = self.state.hostname
                self.message(os.uname().nodename if name is None else name)
            case [name]:
                self.change(hostname=name)

    def do_domainname(self, line: str) -> None:
        """domainname [NAME]

        The NIS domain name that the next run sees. Without NAME, show it.

        Needs `flags +uts`, as hostname does.

        See setdomainname(2), uts_namespaces(7).
        """
        match _no_options(self.words(line, at_most=1)):
            case []:
                name = self.state.domainname
                if name is None:
                    name = (read_text("/proc/sys/kernel/domainname") or "(none)").strip()
                self.message(name)
            case [name]:
                self.change(domainname=name)

    def do_mount(self, line: str) -> None:
        """mount FSTYPE [SOURCE] TARGET [-o OPTIONS]

        Queue a mount; each run makes the queued mounts in the order typed. Without
        arguments, list them.

        FSTYPE is a file system of /proc/filesystems, or `bind` (or `rbind`: with what
        is mounted below) to show SOURCE a second time on TARGET. OPTIONS are those of
        mount(8), with commas. Needs `flags +mnt`.

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
            elif word == "-t" and at + 1 < len(found):
                rest = [found[at + 1], *found[:at], *found[at + 2 :]]
                raise Usage("the type comes first here, without -t", join(["mount", *rest]))
            elif word.startswith("-") and len(word) > 1:
                raise Usage(f"there is no option {word}")
            else:
                positional.append(word)
            at += 1
        places = default_mount(positional[0], positional[1:]) if positional else None
        if places is None:
            if positional[:1] in (["bind"], ["rbind"]):
                raise Usage(f"{positional[0]} takes a SOURCE and a TARGET")
            raise Usage
        fstype = positional[0]
        source, target = places
        if not (target and source and fstype):
            raise Usage("a word is empty")
        flags, data = parse_options(options)
        binds = fstype in ("bind", "rbind") or flags & MS_BIND
        if binds and data and not flags & MS_REMOUNT:
            raise Usage(
                f"a bind mount has no option {data}: the file system stays the same one",
                join(["mount", *positional]),
            )
        if binds or flags & MS_MOVE:
            source = self.inside(source)
        mount = Mount(fstype, source, self.inside(target), options)
        self.change(mounts=(*self.state.mounts, mount))

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
            elif word.startswith("-") and len(word) > 1:
                raise Usage(f"there is no option {word}")
            else:
                targets.append(word)
        if len(targets) != 1 or not targets[0]:
            raise Usage
        target = self.inside(targets[0])
        self.change(mounts=(*self.state.mounts, Umount(target, lazy)))

    def do_propagation(self, line: str) -> None:
        """propagation [private|slave|shared|unchanged]

        What happens between the mounts inside and those outside. Without an argument,
        show it.

        private    nothing crosses: how every run starts (MS_REC|MS_PRIVATE on /)
        slave      mounts made outside later appear inside, not the other way
        shared     mounts made inside propagate on to namespaces made from it
        unchanged  as inherited; refused where a mount would reach the host

        See mount_namespaces(7), mount(2).
        """
        match self.words(line, at_most=1):
            case []:
                self.message(self.state.propagation)
            case [word] if word in PROPAGATIONS:
                self.change(propagation=word)
            case [word]:
                raise no_such_word("propagation", word, PROPAGATIONS)

    def do_uidmap(self, line: str) -> None:
        """uidmap [INSIDE OUTSIDE COUNT]... | none

        Map user ids: COUNT ids from INSIDE on are those from OUTSIDE on. Without
        arguments, show the map that the next run gets.

        Needs `flags +user`. Without privileges only your own id can be mapped directly;
        ranges go through newuidmap(1), as far as /etc/subuid allows.

            uidmap 0 1000 1
            uidmap 0 100000 65536

        See user_namespaces(7), newuidmap(1), subuid(5).
        """
        self._id_map("uid", self.words(line))

    def do_gidmap(self, line: str) -> None:
        """gidmap [INSIDE OUTSIDE COUNT]... | none

        Map group ids, as uidmap does for users. Without privileges setgroups(2) is
        denied first, because the kernel demands it.

        See user_namespaces(7), newgidmap(1), subgid(5).
        """
        self._id_map("gid", self.words(line))

    def do_setgroups(self, line: str) -> None:
        """setgroups [allow|deny|default]

        Whether setgroups(2) works inside. Without an argument, show it. As default it
        is denied where the kernel demands it (an unprivileged gid map), and left alone
        elsewhere.

        Needs `flags +user`. See user_namespaces(7).
        """
        match self.words(line, at_most=1):
            case []:
                self.message(self.state.setgroups or "default")
            case ["allow" | "deny" as word]:
                self.change(setgroups=word)
            case ["default"]:
                self.change(setgroups=None)
            case [word]:
                raise no_such_word("setgroups", word, ("allow", "deny", "default"))

    def do_map(self, line: str) -> None:
        """map [root|self|auto|none]

        The usual maps in a word, for users and groups at once. Without an argument,
        show them.

        root  you are root inside (uid 0 is your uid)
        self  you are yourself inside
        auto  you are root, and your ranges of /etc/subuid and /etc/subgid follow
        none  no map: every id is the overflow id, nobody

        Needs `flags +user`. See user_namespaces(7).
        """
        match self.words(line, at_most=1):
            case []:
                for kind, wanted in (("uid", self.state.uidmap), ("gid", self.state.gidmap)):
                    self.message(f"{kind}map {self._map_text(kind, wanted)}")
            case [word] if word in MAPS:
                both: str | tuple[Range, ...] = () if word == "none" else word
                self.change(uidmap=both, gidmap=both)
            case [word]:
                raise no_such_word("map", word, MAPS)

    def _map_text(self, kind: str, wanted: str | tuple[Range, ...]) -> str:
        return " ".join(range_words(ranges(kind, wanted, self.host))) or "none"

    def _id_map(self, kind: str, found: list[str]) -> None:
        if not found:
            wanted = self.state.uidmap if kind == "uid" else self.state.gidmap
            self.message(self._map_text(kind, wanted))
            return
        if found == ["none"]:
            self.change(**{f"{kind}map": ()})
            return
        if len(found) % 3:
            raise Usage("a range is three numbers, INSIDE OUTSIDE COUNT")
        for word in found:
            if number(word, _LAST_ID) is None:
                raise Usage(f"{word!r} is no id or count: a whole number up to {_LAST_ID}")
        numbers = [int(word) for word in found]
        wanted_ranges = tuple(
            [(numbers[at], numbers[at + 1], numbers[at + 2]) for at in range(0, len(numbers), 3)]
        )
        self.change(**{f"{kind}map": wanted_ranges})

    def do_cd(self, line: str) -> None:
        """cd [DIR]

        The directory in which the next run starts. Without DIR, show it. It is entered
        after the mounts, so it may be a directory that is there only inside. The host's
        shell stays.

        See chdir(2).
        """
        match self.words(line, at_most=1):
            case []:
                self.message(self.state.cwd or self.host.cwd)
            case [""]:
                raise Usage("the name of the directory is empty")
            case ["-"]:
                raise Usage(
                    "there is no way back by -, but undo takes the last change back", "undo"
                )
            case [directory] if directory.startswith("-"):
                raise Usage(f"there is no option {directory}", join(["cd", f"./{directory}"]))
            case [directory] if directory.partition("/")[0] == "~":
                home = os.path.expanduser(directory)
                raise Usage("~ is not expanded here", join(["cd", home]))
            case [directory]:
                self.change(cwd=self.inside(directory))

    def do_env(self, line: str) -> None:
        """env [NAME=VALUE]... [-u NAME]...

        Set variables of the environment inside, or take them out with -u. Without
        arguments, show the whole environment that a run gets.

            env PS1='inside# ' -u HISTFILE

        See environ(7), execve(2).
        """
        found = self.words(line)
        if not found:
            for pair in self.host.environment(self.state.env):
                self.message(pair)
            return
        state = self.state
        at = 0
        while at < len(found):
            name, equals, value = found[at].partition("=")
            if equals and name:
                state = state.with_env(name, value)
            elif found[at] == "-u" and at + 1 < len(found) and "=" not in found[at + 1]:
                at += 1
                if not found[at]:
                    raise Usage("the name of a variable is empty")
                state = state.with_env(found[at], None)
            else:
                raise Usage(f"{found[at]!r} is not NAME=VALUE and not -u NAME")
            at += 1
        self.become(state)

    def inside(self, path: str) -> str:
        """A path as it is seen from the directory of the next run, absolute."""
        start = self.state.cwd or self.host.cwd
        joined = posixpath.normpath(posixpath.join(start, path))
        return "/" + joined.lstrip("/")


def _close_namespace(sign: str, name: str) -> list[str]:
    import difflib

    aliases = {
        "mount": "mnt",
        "network": "net",
        "process": "pid",
        "hostname": "uts",
        "root": "user",
    }
    if name.lower() in aliases:
        return [f"flags {sign}{aliases[name.lower()]}"]
    close = difflib.get_close_matches(name.lower()[:80], list(BY_NAME), 1, 0.5)
    return [f"flags {sign}{close[0]}"] if close else ["help flags"]


def no_such_word(command: str, word: str, known: Iterable[str]) -> Usage:
    """The error of an argument that is none of the words which a command knows."""
    import difflib

    close = difflib.get_close_matches(word[:80].lower(), list(known), 1, 0.5)
    mends = [f"{command} {close[0]}"] if close else []
    return Usage(f"{word!r} is none of {', '.join(known)}", *mends)


def _no_options(found: list[str]) -> list[str]:
    for word in found:
        if word.startswith("-"):
            raise Usage(f"there is no option {word}")
    return found
