"""The command flags: which namespaces the next run gets new."""

from __future__ import annotations

import re

from nsh.base import BaseShell
from nsh.errors import Usage, closest
from nsh.linux.namespaces import BY_NAME, NAMESPACES, expression, find
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.offers import Item


class FlagsCommands(BaseShell):
    """flags."""

    group = "State"

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
            fix = " ".join(["flags", *[f"+{name}" for name in in_c]])
            raise Usage("what is an expression in C is a list of words here, with + or -", fix)
        changes = self.words(line)
        if any("," in word for word in changes):
            raise _with_commas(changes)
        if not changes:
            self.message(expression(self.state.flags))
            return
        for word in changes:
            sign, name = word[:1], word[1:]
            if word in ("+", "-"):
                raise Usage(f"a namespace is missing after {word}")
            if sign not in "+-" or not name:
                fixes = _mended(changes) or _close_namespace("+", word)
                known = _known(fixes) if name else ""
                raise Usage(f"{word!r} begins with neither + nor -{known}", *fixes)
            if name.lower() == "all":
                chosen = [namespace.name for namespace in NAMESPACES] if sign == "+" else []
                continue
            namespace = find(name)
            if namespace is None:
                fixes = _mended(changes) or _close_namespace(sign, name)
                raise Usage(f"there is no namespace {name!r}{_known(fixes)}", *fixes)
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


def cut_at_commas(changes: Iterable[str]) -> list[str]:
    """The words that commas hold together, each with its sign, which is that of the one before it.

    >>> cut_at_commas(["+net,-pid,uts"]), cut_at_commas(["net,"])
    (['+net', '-pid', '-uts'], ['+net'])
    """
    words: list[str] = []
    sign = "+"
    for word in ",".join(changes).split(","):
        sign = word[0] if word[:1] in ("+", "-") else sign
        words += [sign + word.lstrip("+-")] if word.lstrip("+-") else []
    return words


def _with_commas(changes: list[str]) -> Usage:
    """The error of `flags +net,+pid`: blanks stand between the words."""
    words = cut_at_commas(changes)
    good = words and all(find(word[1:]) or word[1:].lower() == "all" for word in words)
    return Usage(
        "blanks stand between the words, not commas", *[join(["flags", *words])] * bool(good)
    )


def _mended(changes: list[str]) -> list[str]:
    """The line for words without a sign or without blanks, if all of them are namespaces.

    >>> _mended(["net", "-CLONE_NEWPID"]), _mended(["+net+pid"]), _mended(["net", "x"])
    (['flags +net -pid'], ['flags +net +pid'], [])
    """
    words = []
    for sign, name in re.findall("([+-]?)([^ +-]+)", " ".join(changes)):
        namespace = find(name)
        if namespace is None:
            return []
        words.append(f"{sign or '+'}{namespace.name}")
    return [" ".join(["flags", *words])] if words else []


def _known(fixes: list[str]) -> str:
    """The names, where there is nothing better to propose."""
    return f": the eight are {', '.join(BY_NAME)}" if fixes == ["help flags"] else ""


def _written_in_c(line: str) -> list[str]:
    """The namespaces of ``CLONE_NEWPID | CLONE_NEWNS | SIGCHLD``; none if the line is not like that."""
    constants = line.strip(" \t'\"").split("|")
    if len(constants) < 2:
        return []
    found = [find(each.strip()) for each in constants if each.strip() != "SIGCHLD"]
    names = [namespace.name for namespace in found if namespace]
    return names if len(names) == len(found) else []


def _close_namespace(sign: str, name: str) -> list[str]:
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
    close = closest(name, BY_NAME, 0.6)
    return [f"flags {sign}{close}" if close else "help flags"]
