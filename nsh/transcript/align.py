"""Align: expected lines beside the lines that were printed.

First an exact match is looked for (``solve``); only where there is none, the alignment with the
least cost (``alignment``) says which expectations still hold. ``...`` takes any number of lines, as
many as the lines around it leave, not as many as it can. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nsh.transcript.match import Bindings, Expect, Line, Matcher

MAX_CELLS = 1_000_000
"""The largest table for the least cost; beyond, only lines that stand out are aligned."""

MAX_STEPS = 2_000_000
"""Comparisons after which the search for an exact match gives up."""

# No number of extra lines is worth an expectation that still matches: a ``...`` could swallow them.
_DROP = 10_000_000
_DROP_PATTERN = 11_000_000  # an author's wildcard is worth more than a literal line
_EXTRA = 100
_ABSORBED = 1


class Step(NamedTuple):
    """One row of an alignment.

    what  "match", "any" (the line is taken by ``...``), "missing" (expected, not printed),
          "absent" (optional, or ``...`` that takes nothing) or "extra" (printed, not expected)
    at    the index of the expectation, -1 for extra
    line  the index of the printed line, -1 for missing and absent
    """

    what: str
    at: int
    line: int


class _GivenUp(Exception):
    pass


class Solver:
    """The search for an exact match of all expectations with all lines."""

    def __init__(
        self, expects: Sequence[Expect], lines: Sequence[Line], matcher: Matcher, bindings: Bindings
    ) -> None:
        self.expects = expects
        self.lines = lines
        self.matcher = matcher
        self.start = bindings
        self.steps = 0
        self.segments: list[tuple[int, int]] = []
        begin = 0
        for at, expect in enumerate(expects):
            if expect.kind == "any":
                self.segments.append((begin, at))
                begin = at + 1
        self.segments.append((begin, len(expects)))

    def solve(self) -> tuple[list[int], Bindings] | None:
        """For each expectation the index of its line (-1: none), and the bindings; None if no match."""
        stack = [self._places(0, 0, self.start)]
        chosen: list[tuple[int, list[int], Bindings]] = []
        try:
            while stack:
                del chosen[len(stack) - 1 :]
                found = next(stack[-1], None)
                if found is None:
                    stack.pop()
                    continue
                chosen.append(found)
                if len(chosen) == len(self.segments):
                    taken: list[int] = []
                    for _, rows, _ in chosen:
                        taken += [*rows, -1]
                    return taken[:-1], found[2]
                stack.append(self._places(len(chosen), found[0], found[2]))
        except _GivenUp:
            return None
        return None

    def _places(
        self, number: int, after: int, bindings: Bindings
    ) -> Iterator[tuple[int, list[int], Bindings]]:
        """Where a segment between two ``...`` fits from that line on: (end, rows, bindings)."""
        begin, end = self.segments[number]
        last = number == len(self.segments) - 1
        total = len(self.lines)
        mandatory = sum(not expect.optional for expect in self.expects[begin:end])
        if number == 0:
            starts = range(1)
        elif last:
            starts = range(max(after, total - (end - begin)), total - mandatory + 1)
        else:
            starts = range(after, total - mandatory + 1)
        free = not any(
            expect.kind == "glob" and "{" in expect.text for expect in self.expects[begin:end]
        )
        for start in starts:
            best: tuple[int, list[int], Bindings] | None = None
            for found in self._fit(begin, end, start, bindings):
                if last and found[0] != total:
                    continue
                if last or not free:
                    yield found
                elif best is None or found[0] < best[0]:
                    best = found
            if best:
                # Nothing is bound here and a ``...`` follows: what the earliest end cannot
                # lead to, no later one can.
                yield best
                return

    def _fit(
        self, begin: int, end: int, start: int, bindings: Bindings
    ) -> Iterator[tuple[int, list[int], Bindings]]:
        """The ways in which expectations begin..end take lines from ``start`` on."""
        todo: list[tuple[int, int, list[int], Bindings]] = [(begin, start, [], bindings)]
        while todo:
            at, line, rows, known = todo.pop()
            while at < end:
                self.steps += 1
                if self.steps > MAX_STEPS:
                    raise _GivenUp
                expect = self.expects[at]
                after = None
                if line < len(self.lines):
                    after = self.matcher.match(expect, self.lines[line], known)
                if expect.optional and after is not None:
                    todo.append((at + 1, line, [*rows, -1], known))
                if after is not None:
                    rows.append(line)
                    line += 1
                    known = after
                elif expect.optional:
                    rows.append(-1)
                else:
                    break
                at += 1
            else:
                yield line, rows, known


def alignment(
    expects: Sequence[Expect], lines: Sequence[Line], matcher: Matcher, bindings: Bindings
) -> tuple[list[Step], Bindings]:
    """The alignment, exact if there is one, else with the least cost; and the bindings after it."""
    solved = Solver(expects, lines, matcher, bindings).solve()
    if solved is not None:
        return _rows(expects, len(lines), solved[0]), solved[1]
    refused: set[tuple[int, int]] = set()
    while True:
        steps = _aligned(expects, lines, matcher, bindings, refused)
        known = bindings
        wrong = None
        for step in steps:
            if step.what == "match":
                after = matcher.match(expects[step.at], lines[step.line], known)
                if after is None:
                    wrong = (step.at, step.line)
                    break
                known = after
        if wrong is None:
            return steps, known
        refused.add(wrong)
        if len(refused) > 20:
            return _without_conflicts(steps, expects, lines, matcher, bindings)


def matches(steps: Sequence[Step]) -> bool:
    """Whether an alignment leaves nothing missing and nothing extra."""
    return all(step.what not in ("missing", "extra") for step in steps)


def _without_conflicts(
    steps: list[Step],
    expects: Sequence[Expect],
    lines: Sequence[Line],
    matcher: Matcher,
    known: Bindings,
) -> tuple[list[Step], Bindings]:
    kept = []
    for step in steps:
        if step.what == "match":
            after = matcher.match(expects[step.at], lines[step.line], known)
            if after is None:
                kept += [_unmatched(expects, step.at), Step("extra", -1, step.line)]
                continue
            known = after
        kept.append(step)
    return kept, known


def _unmatched(expects: Sequence[Expect], at: int) -> Step:
    expect = expects[at]
    return Step("absent" if expect.optional or expect.kind == "any" else "missing", at, -1)


def _rows(expects: Sequence[Expect], total: int, taken: list[int]) -> list[Step]:
    """The steps of an exact match: lines between those that are taken belong to a ``...``."""
    steps: list[Step] = []
    line = 0
    for at, expect in enumerate(expects):
        if expect.kind == "any":
            following = [row for row in taken[at + 1 : at + 2] if row >= 0]
            end = following[0] if following else _next_taken(taken, at, total)
            if end == line:
                steps.append(Step("absent", at, -1))
            steps += [Step("any", at, number) for number in range(line, end)]
            line = end
        elif taken[at] < 0:
            steps.append(Step("absent", at, -1))
        else:
            steps.append(Step("match", at, taken[at]))
            line = taken[at] + 1
    return steps


def _next_taken(taken: list[int], at: int, total: int) -> int:
    for row in taken[at + 1 :]:
        if row >= 0:
            return row
    return total


def _aligned(
    expects: Sequence[Expect],
    lines: Sequence[Line],
    matcher: Matcher,
    bindings: Bindings,
    refused: set[tuple[int, int]],
) -> list[Step]:
    """The alignment with the least cost, in parts between lines that stand out if it is large."""

    def fits(at: int, line: int) -> bool:
        return (at, line) not in refused and matcher.fits(expects[at], lines[line], bindings)

    steps: list[Step] = []
    at = line = 0
    end, total = len(expects), len(lines)
    while at < end and line < total and _plain(expects[at]) and fits(at, line):
        steps.append(Step("match", at, line))
        at, line = at + 1, line + 1
    tail: list[Step] = []
    while end > at and total > line and _plain(expects[end - 1]) and fits(end - 1, total - 1):
        end, total = end - 1, total - 1
        tail.append(Step("match", end, total))
    blocks = [(at, end, line, total)]
    if (end - at) * (total - line) > MAX_CELLS:
        blocks = _blocks(expects, lines, blocks[0], fits)
    for block in blocks:
        if block[1] - block[0] == block[3] - block[2] == 1 and fits(block[0], block[2]):
            steps.append(Step("match", block[0], block[2]))
        elif (block[1] - block[0]) * (block[3] - block[2]) > MAX_CELLS:
            steps += _replaced(expects, block)
        else:
            steps += _cheapest(expects, block, fits)
    return steps + tail[::-1]


def _plain(expect: Expect) -> bool:
    return expect.kind != "any" and not expect.optional


Block = tuple[int, int, int, int]
"""Expectations from, to; lines from, to."""


def _replaced(expects: Sequence[Expect], block: Block) -> list[Step]:
    """A block too large to align: everything in it is missing or extra; ``...`` takes what it can."""
    begin, end, line, total = block
    steps = []
    rest: list[Step] = [Step("extra", -1, number) for number in range(line, total)]
    for at in range(begin, end):
        if expects[at].kind == "any" and rest:
            steps += [Step("any", at, step.line) for step in rest]
            rest = []
        else:
            steps.append(_unmatched(expects, at))
    return steps + rest


def _blocks(
    expects: Sequence[Expect], lines: Sequence[Line], whole: Block, fits: object
) -> list[Block]:
    """The block cut at the literal lines that stand once on each side, in the same order."""
    from bisect import bisect_left

    begin, end, line, total = whole
    once: dict[str, list[int]] = {}
    for number in range(line, total):
        once.setdefault(lines[number].text.rstrip(), []).append(number)
    mine: dict[str, list[int]] = {}
    for at in range(begin, end):
        if expects[at].fixed and not expects[at].optional:
            mine.setdefault(expects[at].text.rstrip(), []).append(at)
    pairs = [
        (ats[0], once[text][0])
        for text, ats in mine.items()
        if len(ats) == 1 and len(once.get(text, ())) == 1 and fits(ats[0], once[text][0])  # type: ignore[operator]
    ]
    pairs.sort()
    # The longest run of pairs that goes up on both sides (patience sorting).
    ends: list[int] = []
    tops: list[int] = []
    back: list[int] = []
    for number, (_, row) in enumerate(pairs):
        pile = bisect_left(tops, row)
        if pile == len(tops):
            tops.append(row)
            ends.append(number)
        else:
            tops[pile], ends[pile] = row, number
        back.append(ends[pile - 1] if pile else -1)
    blocks: list[Block] = []
    number = ends[-1] if ends else -1
    while number >= 0:
        at, row = pairs[number]
        blocks += [(at + 1, end, row + 1, total), (at, at + 1, row, row + 1)]
        end, total = at, row
        number = back[number]
    blocks.append((begin, end, line, total))
    return blocks[::-1]


def _cheapest(expects: Sequence[Expect], block: Block, fits: object) -> list[Step]:
    """Dynamic programming over expectations by lines."""
    begin, end, line, total = block
    width = total - line
    assert callable(fits)
    # cost[i][j]: of the expectations from i on beside the lines from j on, built from the end.
    cost = [width * _EXTRA - j * _EXTRA for j in range(width + 1)]
    moves: list[bytearray] = []
    for at in range(end - 1, begin - 1, -1):
        expect = expects[at]
        row = [0] * (width + 1)
        move = bytearray(width + 1)
        any_ = expect.kind == "any"
        drop = 0 if any_ or expect.optional else _DROP if expect.fixed else _DROP_PATTERN
        extra = _ABSORBED if any_ else _EXTRA
        row[width] = cost[width] + drop
        for j in range(width - 1, -1, -1):
            best, how = cost[j] + drop, 0
            if row[j + 1] + extra < best:
                best, how = row[j + 1] + extra, 1
            # A line that fits is never dearer than dropping it, so the test can wait until then.
            if not any_ and cost[j + 1] <= best and fits(at, line + j):
                best, how = cost[j + 1], 2
            row[j], move[j] = best, how
        moves.append(move)
        cost = row
    moves.reverse()
    steps: list[Step] = []
    at, j = begin, 0
    took = False
    while at < end:
        expect = expects[at]
        how = moves[at - begin][j]
        if how == 2:
            steps.append(Step("match", at, line + j))
            at, j, took = at + 1, j + 1, False
        elif how == 1:
            any_ = expect.kind == "any"
            steps.append(Step("any", at, line + j) if any_ else Step("extra", -1, line + j))
            took = any_
            j += 1
        else:
            if not took:
                steps.append(_unmatched(expects, at))
            at, took = at + 1, False
    return steps + [Step("extra", -1, number) for number in range(line + j, total)]
