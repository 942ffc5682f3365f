"""Glob: text with wildcards and holes, matched in a time that stays in proportion to the line.

A regular expression would do for wildcards alone. With several holes it comes back to try every
way of sharing a line among them, so those are searched here, and no failure is tried twice. Pure
functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


class BadExpectation(ValueError):
    """A marked line that means nothing: an unknown hole, a bad escape, a bad regular expression."""


MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
_TIME = (
    rf"(?:{_DAY},? )?{MONTH} {{1,2}}[0-9]{{1,2}} {_CLOCK}{_ZONE}(?: [0-9]{{4}})?"
    rf"|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{_CLOCK}{_ZONE})?"
    rf"|(?:{_DAY}, )?[0-9]{{1,2}} {MONTH} [0-9]{{4}} {_CLOCK}{_ZONE}"
    rf"|{_CLOCK}{_ZONE}"
    r"|[0-9]{9,11}(?:\.[0-9]+)?"
)

KINDS: dict[str, str] = {
    "pid": "[1-9][0-9]*",
    "int": "[+-]?[0-9]+",
    "inode": "[0-9]+",
    "time": _TIME,
    "tmp": "",
    "host": "",
    "user": "",
}
"""The holes and what each lets through; the empty ones are filled from Facts."""

_HOLE = re.compile(r"\{([a-z]+)(?::([A-Za-z_][A-Za-z0-9_-]*))?((?:!=[A-Za-z_][A-Za-z0-9_-]*)*)\}")
_LIKE_HOLE = re.compile(r"\{[a-z]+(?:[:!][^{}\s]*)?\}")
_ESCAPES = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f"}
_ESCAPES |= {"v": "\v", "e": "\x1b", "0": "\0"}


@dataclass(frozen=True)
class Facts:
    """What ``{tmp}``, ``{host}`` and ``{user}`` stand for in one replay."""

    tmp: tuple[str, ...] = ()
    host: str = ""
    user: str = ""

    def pattern(self, kind: str) -> str:
        """The regular expression of a hole of that kind."""
        if kind == "tmp":
            places = "|".join(re.escape(place) for place in sorted(self.tmp, key=len, reverse=True))
            below = r"/(?:var/)?tmp/[^\s/:'\"]+"
            return f"{places}|{below}" if places else below
        if kind == "host":
            return re.escape(self.host) if self.host else r"[A-Za-z0-9._-]+"
        if kind == "user":
            return re.escape(self.user) if self.user else r"[A-Za-z0-9._-]+"
        return KINDS[kind]


_NO_FACTS = Facts()


@dataclass(frozen=True)
class Hole:
    """One hole: as written, its kind, the name that it binds ("" if none), the names it must differ from."""

    text: str
    kind: str
    name: str
    differs: tuple[str, ...]


def unescape(text: str) -> str:
    r"""A text with its escapes undone; ``\xNN`` are bytes. Raises BadExpectation.

    >>> unescape(r"a\x1b[1m\\ \xff").encode("utf-8", "surrogateescape")
    b'a\x1b[1m\\ \xff'
    """
    if "\\" not in text:
        return text
    out = b""
    at = 0
    while at < len(text):
        piece, at = _unescape_at(text, at) if text[at] == "\\" else (text[at], at + 1)
        out += piece.encode("utf-8", "surrogateescape")
    return out.decode("utf-8", "surrogateescape")


def _unescape_at(text: str, at: int) -> tuple[str, int]:
    letter = text[at + 1 : at + 2]
    if letter == "x":
        digits = text[at + 2 : at + 4]
        if not re.fullmatch("[0-9a-fA-F]{2}", digits):
            raise BadExpectation("\\x is followed by two hexadecimal digits")
        return bytes([int(digits, 16)]).decode("utf-8", "surrogateescape"), at + 4
    if letter not in _ESCAPES or not letter:
        raise BadExpectation(f"there is no escape \\{letter}; a backslash is \\\\")
    return _ESCAPES[letter], at + 2


def escape(text: str) -> str:
    r"""A text with what cannot be printed, and backslashes, as escapes.

    >>> escape("a\x1b[0m\\")
    'a\\x1b[0m\\\\'
    """
    out = []
    for char in text:
        if char == "\\":
            out.append("\\\\")
        elif char == "\r":
            out.append("\\r")
        elif char.isprintable() or char == "\t":
            out.append(char)
        else:
            out += [f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape")]
    return "".join(out)


_RUNS = ("pid", "int", "inode")
"""The holes that catch a run of digits: each shorter run is a catch, too."""

_WIDEST = 256
"""Characters up to which other ways of filling any other hole are tried."""


class Glob:
    r"""A glob made ready. Raises BadExpectation.

    ``*`` is any text, ``?`` any character; a backslash takes the meaning from ``* ? { } \`` and
    begins an escape otherwise.

    >>> Glob("a*[{int}]").catches("ab[12]"), Glob("a*[{int}]").catches("ab[x]")
    (['12'], None)
    """

    def __init__(self, text: str, facts: Facts = _NO_FACTS) -> None:
        self.holes: list[Hole] = []
        # What the glob is made of: "*", a hole, or the expression of a text of fixed length.
        self.pieces: list[str | Hole | re.Pattern[str]] = []
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._read(text, facts)
        self._whole = None if self.holes else self._expression()

    def _read(self, text: str, facts: Facts) -> None:
        fixed: list[str] = []
        raw = b""
        at = 0

        def end_text() -> None:
            nonlocal raw
            fixed.append(re.escape(raw.decode("utf-8", "surrogateescape")))
            raw = b""

        def end_piece() -> None:
            end_text()
            if body := "".join(fixed):
                self.pieces.append(re.compile(body, re.DOTALL))
            fixed.clear()

        while at < len(text):
            char = text[at]
            if char == "\\":
                if text[at + 1 : at + 2] and text[at + 1] in "*?{}":
                    piece, at = text[at + 1], at + 2
                else:
                    piece, at = _unescape_at(text, at)
                raw += piece.encode("utf-8", "surrogateescape")
                continue
            if char == "*":
                end_piece()
                if self.pieces[-1:] != ["*"]:
                    self.pieces.append("*")
            elif char == "?":
                end_text()
                fixed.append(".")
            elif char == "{" and (found := _HOLE.match(text, at)) and found[1] in KINDS:
                end_piece()
                differs = tuple(found[3].split("!=")[1:])
                hole = Hole(found[0], found[1], found[2] or "", differs)
                self.holes.append(hole)
                self.pieces.append(hole)
                self._patterns[hole.kind] = re.compile(facts.pattern(hole.kind))
                at = found.end()
                continue
            elif char == "{" and (like := _LIKE_HOLE.match(text, at)):
                names = ", ".join(KINDS)
                raise BadExpectation(
                    f"there is no hole {like[0]}: the holes are {names}; a brace is \\{{"
                )
            else:
                raw += char.encode("utf-8", "surrogateescape")
            at += 1
        end_piece()

    def _expression(self) -> re.Pattern[str]:
        """The whole as one expression, if there is no hole.

        The first place where a text fits is as good as any later one, because a * follows: with
        (?>...) the expression never comes back to try the others.
        """
        out = ""
        last = max((at for at, piece in enumerate(self.pieces) if piece == "*"), default=-1)
        for at, piece in enumerate(self.pieces):
            if isinstance(piece, re.Pattern):
                before = self.pieces[at - 1] if at else ""
                lazy = before == "*" and at < last
                out += f"(?>.*?{piece.pattern})" if lazy else piece.pattern
            elif at == last:
                out += ".*"
        return re.compile(out, re.DOTALL)

    def catches(self, text: str) -> list[str] | None:
        """What each hole catches in a text, None if the text does not match."""
        if self._whole is not None:
            return None if self._whole.fullmatch(text) is None else []
        # Depth first: ``ends`` of a piece are the places where it may end if it begins at ``starts``.
        dead: set[tuple[int, int]] = set()
        failed_from = [len(text) + 1] * len(self.pieces)
        starts = [0]
        ends = [self._ends(0, text, 0, failed_from)]
        while ends:
            at = len(ends) - 1
            end = next(ends[-1], None)
            if end is None:
                ends.pop()
                start = starts.pop()
                dead.add((at, start))
                failed_from[at] = min(failed_from[at], start)
            elif at + 1 < len(self.pieces):
                if (at + 1, end) not in dead:
                    starts.append(end)
                    ends.append(self._ends(at + 1, text, end, failed_from))
            elif end == len(text):
                bounds = zip(self.pieces, starts, [*starts[1:], end], strict=True)
                return [text[a:b] for piece, a, b in bounds if isinstance(piece, Hole)]
        return None

    def _ends(self, at: int, text: str, start: int, failed_from: list[int]) -> Iterator[int]:
        piece = self.pieces[at]
        if isinstance(piece, re.Pattern):
            if found := piece.match(text, start):
                yield found.end()
        elif isinstance(piece, Hole):
            yield from self._catch_ends(piece.kind, text, start)
        elif at + 1 == len(self.pieces):
            yield len(text)
        else:
            # What failed after this * from some place on fails again.
            following = self.pieces[at + 1]
            end = start
            while end < failed_from[at]:
                if isinstance(following, re.Pattern):
                    found = following.search(text, end)
                    if not found or found.start() >= failed_from[at]:
                        return
                    end = found.start()
                yield end
                end += 1

    def _catch_ends(self, kind: str, text: str, start: int) -> Iterator[int]:
        """The ends of what a hole may catch from there on, the likeliest first."""
        pattern = self._patterns[kind]
        found = pattern.match(text, start)
        if not found:
            return
        yield found.end()
        if kind in _RUNS:
            shortest = start + (2 if text[start] in "+-" else 1)
            yield from range(found.end() - 1, shortest - 1, -1)
            return
        for end in range(min(len(text), start + _WIDEST), start, -1):
            if end != found.end() and pattern.fullmatch(text, start, end):
                yield end


def holes_of(text: str) -> list[Hole]:
    """The holes of a glob, in order. Raises BadExpectation on one that there is not."""
    return Glob(text).holes
