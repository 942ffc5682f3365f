"""Options of a program as getopt_long(3) reads them, up to the first word that is none."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Known = Mapping[str, tuple[str, str]]
    """An option as it is typed, -x or --long: its name here, and whether a value follows: "" no, "="
    yes, "?" only in the same word."""


class Options:
    """The options of a line.

    given    (name, value) of each that is known, in order; the value is "" if there is none
    unknown  those that are not, as they were typed
    rest     the words after them
    """

    def __init__(self, words: Sequence[str], known: Known) -> None:
        self.given: list[tuple[str, str]] = []
        self.unknown: list[str] = []
        self.rest: list[str] = []
        at = 0
        while at < len(words):
            word = words[at]
            if word == "--" or not word.startswith("-") or word == "-":
                self.rest = list(words[at + (word == "--") :])
                return
            at += 1
            following = words[at] if at < len(words) else ""
            at += (
                self._long(word, following, known)
                if word[:2] == "--"
                else self._short(word[1:], following, known)
            )

    def _long(self, word: str, following: str, known: Known) -> int:
        """Read one long option; gives how many words more it takes."""
        option, equals, value = word.partition("=")
        found = known.get(option)
        if found is None:
            self.unknown.append(word)
            return 0
        name, takes = found
        if takes == "=" and not equals:
            self.given.append((name, following))
            return 1
        self.given.append((name, value))
        return 0

    def _short(self, letters: str, following: str, known: Known) -> int:
        """Read the short options of one word; gives how many words more they take."""
        for at, letter in enumerate(letters):
            found = known.get(f"-{letter}")
            if found is None:
                self.unknown.append(f"-{letter}")
                continue
            name, takes = found
            value = letters[at + 1 :]
            if takes == "=":
                self.given.append((name, value or following))
                return 0 if value else 1
            if takes == "?":
                self.given.append((name, value.removeprefix("=")))
                if value:
                    return 0
                continue
            self.given.append((name, ""))
        return 0

    def value(self, name: str) -> str | None:
        """The last value of an option, None if it was not given."""
        values = [value for each, value in self.given if each == name]
        return values[-1] if values else None

    def values(self, name: str) -> list[str]:
        """All values of an option."""
        return [value for each, value in self.given if each == name]
