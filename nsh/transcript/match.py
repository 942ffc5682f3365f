"""Match: one expected line against one printed line.

An expected line becomes a regular expression once; holes such as ``{inode:a}`` become groups whose
catches are compared with what the same name caught before. Pure functions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

BLANKS = " \t"

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
_TIME = (
    rf"(?:{_DAY},? )?{_MONTH} {{1,2}}[0-9]{{1,2}} {_CLOCK}{_ZONE}(?: [0-9]{{4}})?"
    rf"|[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?:[T ]{_CLOCK}{_ZONE})?"
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


class Line(NamedTuple):
    """A printed line: its text without the newline, and whether the newline was there."""

    text: str
    eol: bool = True


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


@dataclass(frozen=True)
class Hole:
    """One hole: as written, its kind, the name that it binds ("" if none), the names it must differ from."""

    text: str
    kind: str
    name: str
    differs: tuple[str, ...]


@dataclass(frozen=True)
class Expect:
    """One expected line.

    line      its number in the file
    raw       as it stands in the file, without indentation and newline
    kind      "any" for ``...``, else eq, glob, re or esc; eq too where nothing is marked
    text      what is to be matched: for esc with the escapes undone
    no_eol    whether the newline must be missing
    optional  whether the line may be absent
    """

    line: int
    raw: str
    kind: str
    text: str
    no_eol: bool = False
    optional: bool = False

    @property
    def fixed(self) -> bool:
        """Whether it lets only one text through."""
        return self.kind in ("eq", "esc")


class BadExpectation(ValueError):
    """A marked line that means nothing: an unknown hole, a bad escape, a bad regular expression."""


_KIND = re.compile(r"(?s)(.*) \((eq|glob|re|esc)(\?)?\)\Z")
_NO_EOL = re.compile(r"(?s)(.*) \(no-eol(\?)?\)\Z")


def expectation(raw: str, line: int = 0) -> Expect:
    """The expected line that this text is. Raises BadExpectation.

    >>> expectation("uts:[{inode}] (glob)").kind
    'glob'
    >>> expectation("a (glob) (eq) (no-eol)").text
    'a (glob)'
    """
    if raw.rstrip(BLANKS) == "...":
        return Expect(line, raw, "any", "")
    text = raw.rstrip(BLANKS)
    no_eol = optional = False
    if found := _NO_EOL.match(text):
        text, no_eol, optional = found[1], True, bool(found[2])
    kind = "eq"
    if found := _KIND.match(text):
        text, kind = found[1], found[2]
        optional = optional or bool(found[3])
    expect = Expect(line, raw, kind, text.rstrip(BLANKS), no_eol, optional)
    if kind == "esc":
        return Expect(line, raw, kind, unescape(text), no_eol, optional)
    if kind == "glob":
        compile_glob(text, Facts())
    elif kind == "re":
        try:
            re.compile(text)
        except re.error as error:
            raise BadExpectation(f"bad regular expression: {error}") from None
    return expect


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


def holes_of(text: str) -> list[Hole]:
    """The holes of a glob, in order. Raises BadExpectation on one that there is not."""
    return compile_glob(text, Facts())[1]


def compile_glob(text: str, facts: Facts) -> tuple[re.Pattern[str], list[Hole]]:
    r"""A glob as a regular expression with one group ``hN`` for each hole. Raises BadExpectation.

    ``*`` is any text, ``?`` any character; a backslash takes the meaning from ``* ? { } \`` and
    begins an escape otherwise.

    >>> compile_glob("a*[{int}]", Facts())[0].fullmatch("ab[12]")["h0"]
    '12'
    """
    chunks: list[list[str]] = [[]]
    with_hole = [False]
    holes: list[Hole] = []
    raw = b""

    def literal() -> None:
        nonlocal raw
        chunks[-1].append(re.escape(raw.decode("utf-8", "surrogateescape")))
        raw = b""

    at = 0
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
            literal()
            chunks.append([])
            with_hole.append(False)
        elif char == "?":
            literal()
            chunks[-1].append(".")
        elif char == "{" and (found := _HOLE.match(text, at)) and found[1] in KINDS:
            literal()
            differs = tuple(found[3].split("!=")[1:])
            chunks[-1].append(f"(?P<h{len(holes)}>{facts.pattern(found[1])})")
            holes.append(Hole(found[0], found[1], found[2] or "", differs))
            with_hole[-1] = True
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
    literal()
    # The first place where a piece fits is as good as any later one, because a * follows: with
    # (?>...) the expression never comes back to try the others. A hole may need that, though.
    parts = ["".join(chunks[0])]
    for chunk, open_ in zip(chunks[1:-1], with_hole[1:-1], strict=True):
        body = "".join(chunk)
        parts.append(f".*?{body}" if open_ else f"(?>.*?{body})")
    if len(chunks) > 1:
        parts.append(".*" + "".join(chunks[-1]))
    return re.compile("".join(parts), re.DOTALL), holes


Bindings = dict[str, str]
"""What each named hole has caught."""


@dataclass
class Matcher:
    """Expected lines made ready for one replay: ``facts`` fill the holes that depend on it."""

    facts: Facts = field(default_factory=Facts)
    _compiled: dict[tuple[str, str], tuple[re.Pattern[str], list[Hole]]] = field(
        default_factory=dict
    )

    def compiled(self, expect: Expect) -> tuple[re.Pattern[str], list[Hole]]:
        """The regular expression of a glob or re line, and its holes."""
        key = (expect.kind, expect.text)
        found = self._compiled.get(key)
        if found is None:
            if expect.kind == "glob":
                found = compile_glob(expect.text, self.facts)
            else:
                found = (re.compile(expect.text), [])
            self._compiled[key] = found
        return found

    def caught(self, expect: Expect, line: Line) -> list[tuple[Hole, str]] | None:
        """What each hole catches if the line fits by itself, None if it does not."""
        if line.eol is expect.no_eol:
            return None
        text = line.text.rstrip(BLANKS)
        if expect.kind in ("eq", "esc"):
            return [] if text == expect.text.rstrip(BLANKS) else None
        pattern, holes = self.compiled(expect)
        match = pattern.fullmatch(text)
        if match is None and expect.kind == "re":
            match = pattern.fullmatch(line.text)
        if match is None:
            return None
        return [(hole, match[f"h{number}"]) for number, hole in enumerate(holes)]

    def match(self, expect: Expect, line: Line, bindings: Bindings) -> Bindings | None:
        """The bindings after this line, None if it does not match. ``bindings`` is not changed."""
        caught = self.caught(expect, line)
        if not caught:
            return None if caught is None else bindings
        return None if conflict(caught, bindings) else bind(caught, bindings)

    def fits(self, expect: Expect, line: Line, bindings: Bindings) -> bool:
        """Whether the line can match if only the names in ``bindings`` are bound."""
        caught = self.caught(expect, line)
        return caught is not None and not conflict(caught, bindings, later=True)


def bind(caught: list[tuple[Hole, str]], bindings: Bindings) -> Bindings:
    """The bindings with the named catches added."""
    added = {hole.name: text for hole, text in caught if hole.name}
    return {**bindings, **added} if added else bindings


def conflict(caught: list[tuple[Hole, str]], bindings: Bindings, later: bool = False) -> str:
    """Why these catches contradict what is bound, "" if they do not.

    With ``later``, a name that is not bound yet may still become so.
    """
    known = dict(bindings)
    for hole, text in caught:
        if hole.name and known.get(hole.name, text) != text:
            return f"{hole.text} caught {text}, but {hole.name} is {known[hole.name]}"
        for other in hole.differs:
            if other not in known:
                if not later:
                    return f"{hole.text}: nothing was caught for {other}"
            elif known[other] == text:
                return f"{hole.text} caught {text}, and so did {other}: they must differ"
        if hole.name:
            known[hole.name] = text
    return ""
