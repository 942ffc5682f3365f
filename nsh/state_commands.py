"""The commands that build up the state. Each changes it and is silent, or shows its part of it."""

from __future__ import annotations

import os

from nsh.core import Usage
from nsh.host import read_text
from nsh.map_commands import MapCommands
from nsh.mount_commands import MountCommands
from nsh.namespaces import BY_NAME, NAMESPACES, expression, find
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.completion import Item
    from nsh.shell import Shell


class StateCommands(MountCommands, MapCommands):
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
        if in_c := _written_in_c(line):
            mend = " ".join(["flags", *[f"+{name}" for name in in_c]])
            raise Usage("what is an expression in C is a list of words here, with + or -", mend)
        changes = self.words(line)
        if not changes:
            self.message(expression(self.state.flags))
            return
        for word in changes:
            sign, name = word[:1], word[1:]
            if sign not in "+-" or not name:
                bare = find(word)
                mends = [f"flags +{bare.name}"] if bare else _close_namespace("+", word)
                raise Usage(f"{word!r} begins with neither + nor -", *mends)
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

    def complete_flags(self, before: list[str], word: str) -> Iterable[Item]:
        """Only what would change something."""
        chosen = set(self.state.flags)
        for sign, name in [(typed[:1], typed[1:].lower()) for typed in before]:
            namespace = find(name)
            names = set(BY_NAME) if name == "all" else {namespace.name} if namespace else set()
            chosen = chosen | names if sign == "+" else chosen - names
        for namespace in NAMESPACES:
            sign = "-" if namespace.name in chosen else "+"
            what = "shared again" if sign == "-" else "new"
            called = namespace.constant if word[1:2].isupper() else namespace.name
            yield f"{sign}{called}", f"{what}: {namespace.isolates}"
        if len(chosen) < len(NAMESPACES):
            yield "+all", "new: all eight"
        if chosen:
            yield "-all", "shared again: all eight"

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

    def complete_cd(self, before: list[str], word: str) -> Iterable[Item]:
        """Directories."""
        from nsh.completion import paths

        shell: Shell = self  # type: ignore[assignment]
        return () if before else paths(shell, word, only_directories=True)

    def do_env(self, line: str) -> None:
        """env [NAME=VALUE]... [-u NAME]...

        Set variables of the environment inside, or take them out with -u. Without
        arguments, show the whole environment that a run gets.

            env PS1='inside# ' -u HISTFILE

        See environ(7), execve(2).
        """
        found = self.words(line)
        if not found:
            pairs = self.host.environment(self.state.env)
            if pairs:
                self.page("\n".join(pairs))
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

    def complete_env(self, before: list[str], word: str) -> Iterable[Item]:
        """Names of variables with the values that they have, and -u."""
        unset = before[-1:] == ["-u"]
        if not unset:
            yield "-u", "take a variable out"
        for pair in self.host.environment(self.state.env):
            name, _, value = pair.partition("=")
            yield name if unset else f"{name}=", f"now {value[:60]}"


def _written_in_c(line: str) -> list[str]:
    """The namespaces of ``CLONE_NEWPID | CLONE_NEWNS | SIGCHLD``; none if the line is not like that."""
    constants = line.strip(" \t'\"").split("|")
    if len(constants) < 2:
        return []
    found = [find(each.strip()) for each in constants if each.strip() != "SIGCHLD"]
    names = [namespace.name for namespace in found if namespace]
    return names if len(names) == len(found) else []


def _close_namespace(sign: str, name: str) -> list[str]:
    import difflib

    aliases = {
        "mount": "mnt",
        "network": "net",
        "process": "pid",
        "proc": "pid",
        "hostname": "uts",
        "root": "user",
    }
    name = name.lower().removeprefix("clone_").removeprefix("new")
    if name in aliases or name in BY_NAME:
        return [f"flags {sign}{aliases.get(name, name)}"]
    close = difflib.get_close_matches(name[:80], list(BY_NAME), 1, 0.5)
    return [f"flags {sign}{close[0]}"] if close else ["help flags"]


def _no_options(found: list[str]) -> list[str]:
    for word in found:
        if word.startswith("-"):
            raise Usage(f"there is no option {word}")
    return found
