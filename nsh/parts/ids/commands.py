"""The commands that say who is who in a new user namespace: map, uidmap, gidmap, setgroups."""

from __future__ import annotations

from nsh.base import BaseShell
from nsh.errors import Usage, no_such_word
from nsh.linux.idmaps import Range
from nsh.words import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

    from nsh.offers import Item

MAPS = ("root", "self", "auto", "none")
_SETGROUPS = ("allow", "deny", "default")
_LAST_ID = 4294967295


class MapCommands(BaseShell):
    """map, uidmap, gidmap and setgroups."""

    group = "State"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"map": MAPS, "setgroups": _SETGROUPS}

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

    def complete_map(self, before: list[str], word: str) -> Iterable[Item]:
        """The four maps."""
        if not before:
            yield "root", f"uid 0 inside is your uid {self.host.uid}"
            yield "self", f"uid {self.host.uid} inside too"
            yield "auto", "root, and your ranges of /etc/subuid and /etc/subgid"
            yield "none", "no map: every id is the overflow id, nobody"

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

    def complete_uidmap(self, before: list[str], word: str) -> Iterable[Item]:
        """A range for the own id, and what /etc/subuid allows."""
        return self._complete_range("uid", before)

    def complete_gidmap(self, before: list[str], word: str) -> Iterable[Item]:
        """The same for groups."""
        return self._complete_range("gid", before)

    def _complete_range(self, kind: str, before: list[str]) -> Iterable[Item]:
        own = self.host.uid if kind == "uid" else self.host.gid
        subordinate = self.host.subordinate(kind)
        match len(before) % 3:
            case 0:
                yield "0", f"INSIDE: the first {kind} inside, root"
                if not before:
                    yield "none", "no map: every id is nobody"
            case 1:
                yield str(own), f"OUTSIDE: your own {kind}"
                for given in subordinate:
                    yield (
                        str(given.first),
                        f"OUTSIDE: {given.count} ids are yours in /etc/sub{kind}",
                    )
            case 2:
                yield "1", "COUNT: only this one"
                for given in subordinate:
                    if before[-1] == str(given.first):
                        yield str(given.count), "COUNT: all of the range"

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
                raise no_such_word("setgroups", word, _SETGROUPS)

    def complete_setgroups(self, before: list[str], word: str) -> Iterable[Item]:
        """The words."""
        if not before:
            yield "deny", "setgroups(2) fails inside"
            yield "allow", "setgroups(2) works inside; needs privileges"
            yield "default", "denied where the kernel demands it"

    def _map_text(self, kind: str, wanted: str | tuple[Range, ...]) -> str:
        from nsh.parts.ids.calls import ranges

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
        wanted_ranges = tuple([Range(*numbers[at : at + 3]) for at in range(0, len(numbers), 3)])
        self.change(**{f"{kind}map": wanted_ranges})
        if self.hinting:
            from nsh.parts.ids.own import tell

            tell(self, kind, wanted_ranges)


def range_words(ranges: tuple[Range, ...]) -> list[str]:
    """A map as the numbers of ``uidmap`` and ``gidmap``."""
    return [word for entry in ranges for word in str(entry).split()]
