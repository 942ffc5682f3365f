"""Merge: two outputs of one command as expected lines that both match. Pure functions.

Where lines differ in their numbers, times or single words, these become holes; a line that only one
of the two has may be absent. Nothing is merged into what any output would match.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from nsh.transcript.align import Step
from nsh.transcript.encode import ANY, encode_line, glob_escape
from nsh.transcript.glob import KINDS, Facts, Glob
from nsh.transcript.match import BLANKS, Expect, Line

_PIECES = re.compile(rf"\s+|(?:{KINDS['time']})(?!\S)|\S+")
"""A date is one word, as its hole is."""

_DIGITS = re.compile(r"[0-9]+")
_NUMBER = re.compile(r"[0-9]+(?:[.:][0-9]+)*")
_TIME = re.compile(rf"(?:{KINDS['time']})\Z")
_MARK = re.compile(r"(.*) \((eq|glob|esc|re)\)\Z", re.DOTALL)
_FEW = 3
"""So many lines that come and go stand as they are; more are `...`."""


def merged(
    expects: Sequence[Expect],
    steps: Sequence[Step],
    old: dict[int, str],
    new: Sequence[Line],
    facts: Facts,
) -> list[str] | None:
    """The expected lines that both outputs match, as they stand in a file; None if there are none.

    ``steps`` is the alignment of ``expects`` with ``new``; ``old`` has the text of the first output
    for each expectation, by its index.
    """
    out: list[str] = []
    kept = 0
    missing: list[int] = []
    extra: list[int] = []
    for step in (*steps, None):
        if step is not None and step.what in ("missing", "extra"):
            (missing if step.what == "missing" else extra).append(max(step.at, step.line))
            continue
        if missing or extra:
            found = _group(
                [expects[at] for at in missing],
                [old.get(at) for at in missing],
                [new[at] for at in extra],
                facts,
            )
            if found is None:
                return None
            kept += sum(not _is_loose(raw) for raw in found)
            out += [raw for raw in found if raw != ANY or out[-1:] != [ANY]]
            missing, extra = [], []
        if step is not None:
            raw = expects[step.at].raw
            if step.what == "any" or expects[step.at].kind == "any":
                if out[-1:] != [ANY]:
                    out.append(ANY)
                continue
            out.append(raw)
            kept += step.what == "match" and not expects[step.at].optional
    return out if kept else None


def _is_loose(raw: str) -> bool:
    """Whether an expected line says nothing: it may be absent, or any line matches it."""
    return raw == ANY or raw.endswith("?)") or raw == "* (glob)"


def _group(
    expects: list[Expect], old: list[str | None], new: list[Line], facts: Facts
) -> list[str] | None:
    """The lines for neighbours that did not match, and those that were printed in their place."""
    texts = [text or "" for text in old]
    if None not in old and len(expects) == len(new):
        rows = [
            merged_line(expect, text, line, facts)
            for expect, text, line in zip(expects, texts, new, strict=True)
        ]
        if None not in rows:
            return [row for row in rows if row is not None]
    # Lines of one shape are one line; the others come and go.
    shapes = difflib.SequenceMatcher(
        None, [_shape(text) for text in texts], [_shape(line.text) for line in new], autojunk=False
    )
    out: list[str] = []
    for what, a, b, c, d in shapes.get_opcodes():
        if what == "equal":
            for at, line in zip(range(a, b), new[c:d], strict=True):
                row = merged_line(expects[at], texts[at], line, facts)
                if row is None:
                    return None
                out.append(row)
            continue
        optional = [_optional(expect) for expect in expects[a:b]]
        if c == d and len(optional) <= _FEW and None not in optional:
            out += [raw for raw in optional if raw is not None]
        else:
            out.append(ANY)
    return out


def _shape(text: str) -> str:
    return _DIGITS.sub("0", " ".join(text.split()))


def _optional(expect: Expect) -> str | None:
    """The expected line as one that may be absent, None for one without newline."""
    if expect.no_eol:
        return None
    if expect.optional:
        return expect.raw
    if found := _MARK.match(expect.raw):
        return f"{found[1]} ({found[2]}?)"
    return f"{expect.raw} (eq?)"


def merged_line(expect: Expect, old: str, new: Line, facts: Facts) -> str | None:
    """The expected line that both texts match, None if they have too little in common.

    >>> from nsh.transcript.match import expectation
    >>> merged_line(expectation("up  9 s at x"), "up  9 s at x", Line("up 12 s at x"), Facts())
    'up *{int} s at x (glob)'
    """
    old, text = old.rstrip(BLANKS), new.text.rstrip(BLANKS)
    if new.eol is expect.no_eol or not old or not text or expect.optional:
        return None
    mine, theirs = _pieces(old), _pieces(text)
    ours = _pieces(expect.text) if expect.kind == "glob" else _quoted(mine)
    if len(ours) != len(mine):
        if "{inode:" in expect.text:
            return None
        ours = _quoted(mine)
    if len(mine) != len(theirs):
        return None
    out: list[str] = []
    same = told = 0
    for at, (have, one, other) in enumerate(zip(ours, mine, theirs, strict=True)):
        if at % 2 == 0:  # blanks
            if one == other or have != glob_escape(one):
                out.append(have)
            else:
                out += [" " if at else "", "*"]
        elif one == other or Glob(have, facts).catches(other) is not None:
            out.append(have)
            same += 1
        else:
            hole = _hole(one, other)
            told += hole != "*"
            if out[-1:] == ["*"] and hole[:1] == "*":
                out.pop()
            out.append(hole)
    changed = len(mine) // 2 - same
    if not same and told < changed:
        return None
    glob = re.sub(r"\*+", "*", "".join(out))
    return encode_line(Line(old, not expect.no_eol), glob=glob)


def _pieces(text: str) -> list[str]:
    """Blanks and words in turn, beginning with blanks that may be none."""
    found = _PIECES.findall(text)
    return found if text[:1].isspace() else ["", *found]


def _quoted(pieces: list[str]) -> list[str]:
    return [glob_escape(piece) for piece in pieces]


def _hole(one: str, other: str) -> str:
    """What stands for two words that differ: their numbers open if it is only those."""
    if not (one.isdigit() and other.isdigit()) and _TIME.match(one) and _TIME.match(other):
        return "{time}"
    fixed, fixed_other = _NUMBER.split(one), _NUMBER.split(other)
    numbers = list(zip(_NUMBER.findall(one), _NUMBER.findall(other), strict=False))
    if fixed != fixed_other or any(_DIGITS.split(a) != _DIGITS.split(b) for a, b in numbers):
        return "*"
    parts = [glob_escape(fixed[0])]
    for (a, b), text in zip(numbers, fixed[1:], strict=True):
        parts += [a if a == b else _DIGITS.sub("{int}", a), glob_escape(text)]
    return "".join(parts)
