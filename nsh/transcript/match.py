"""Match: one expected line against one printed line.

What the holes of a glob such as ``{inode:a}`` catch is compared with what the same name caught
before. Pure but for the time that a regular expression may take.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from nsh.transcript.glob import BadExpectation, Facts, Glob, Hole, unescape
from nsh.transcript.limit import fullmatch

BLANKS = " \t"


class Line(NamedTuple):
    """A printed line: its text without the newline, and whether the newline was there."""

    text: str
    eol: bool = True


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
        Glob(text)
    elif kind == "re":
        try:
            re.compile(text)
        except re.error as error:
            raise BadExpectation(f"bad regular expression: {error}") from None
    return expect


Bindings = dict[str, str]
"""What each named hole has caught."""


@dataclass
class Matcher:
    """Expected lines made ready for one replay: ``facts`` fill the holes that depend on it.

    ``slow`` are the regular expressions that took too long; they match nothing from then on.
    """

    facts: Facts = field(default_factory=Facts)
    slow: list[Expect] = field(default_factory=list)
    _globs: dict[str, Glob] = field(default_factory=dict)

    def caught(self, expect: Expect, line: Line) -> list[tuple[Hole, str]] | None:
        """What each hole catches if the line fits by itself, None if it does not."""
        if line.eol is expect.no_eol:
            return None
        text = line.text.rstrip(BLANKS)
        if expect.kind in ("eq", "esc"):
            return [] if text == expect.text.rstrip(BLANKS) else None
        if expect.kind == "re":
            return [] if self._matches_re(expect, text, line.text) else None
        glob = self._globs.get(expect.text)
        if glob is None:
            glob = self._globs[expect.text] = Glob(expect.text, self.facts)
        catches = glob.catches(text)
        if catches is None and text != line.text:
            catches = glob.catches(line.text)
        return None if catches is None else list(zip(glob.holes, catches, strict=True))

    def _matches_re(self, expect: Expect, *texts: str) -> bool:
        if expect in self.slow:
            return False
        expression = re.compile(expect.text)
        try:
            return any(fullmatch(expression, text) for text in dict.fromkeys(texts))
        except TimeoutError:
            self.slow.append(expect)
            return False

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
