"""Transcripts, the pure parts: match, align, encode. Mostly properties."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsh.transcript.align import alignment, matches
from nsh.transcript.encode import expected_lines, lines_of
from nsh.transcript.glob import Facts, Glob
from nsh.transcript.match import Expect, Line, Matcher, conflict, expectation
from nsh.transcript.parse import Command
from tests.transcript.test_parse import one_command

SYNTAX = [
    "...",
    "nsh> flags",
    "nsh>",
    "> more",
    ">",
    "[1]",
    "[300]",
    "a (glob)",
    "a (eq)",
    "a (no-eol)",
    "(esc)",
    " (re?)",
    "```",
    "~~~~",
    "<<<<<<< HEAD",
    ">>>>>>> x",
    "---",
    "{int}",
    "*?",
    "\\",
]
pieces = st.one_of(
    st.sampled_from(SYNTAX).map(str.encode),
    st.binary(max_size=12),
    st.text(alphabet=" \tab*?{}\\[]()é\x1b\r", max_size=12).map(str.encode),
)
outputs = st.builds(
    lambda lines, end: b"\n".join(lines) + end,
    st.lists(pieces, max_size=8),
    st.sampled_from([b"", b"\n", b"\n\n"]),
)


def aligned(command: Command, lines: list[Line]) -> bool:
    steps, _ = alignment(command.expects, lines, Matcher(), {})
    return matches(steps)


@given(outputs, st.integers(0, 255), st.sampled_from(["t.nsht", "t.nsh.md"]))
@settings(deadline=None)
def test_any_output_matches_its_own_recording(output: bytes, status: int, path: str) -> None:
    lines = lines_of(output)
    session = "\n".join(["nsh> run x", *expected_lines(lines, status)]) + "\n"
    text = f"```nsh\n{session}```\n" if path.endswith(".md") else session
    command = one_command(text, path)
    assert command.status == status
    assert len(command.expects) == len(lines)
    assert aligned(command, lines)


@given(outputs, outputs)
@settings(deadline=None)
def test_a_recording_matches_no_other_output(output: bytes, other: bytes) -> None:
    command = one_command("\n".join(["nsh> run x", *expected_lines(lines_of(output)), ""]))
    seen, there = lines_of(output), lines_of(other)
    same = [(line.text.rstrip(" \t"), line.eol) for line in seen] == [
        (line.text.rstrip(" \t"), line.eol) for line in there
    ]
    assert aligned(command, there) is same


words = st.sampled_from(["a", "b", "c", "uts:[1]", "uts:[2]"])


@given(st.lists(words, max_size=8), st.integers(0, 8), st.lists(words, max_size=4))
@settings(deadline=None)
def test_dots_take_any_lines(lines: list[str], at: int, inserted: list[str]) -> None:
    expects = [expectation(line) for line in lines]
    expects.insert(min(at, len(lines)), expectation("..."))
    printed = [*lines[:at], *inserted, *lines[at:]]
    steps, _ = alignment(expects, [Line(line) for line in printed], Matcher(), {})
    assert matches(steps)


@given(st.lists(words, min_size=1, max_size=8), st.data())
@settings(deadline=None)
def test_a_wildcard_that_matches_survives_an_insertion_elsewhere(
    lines: list[str], data: st.DataObject
) -> None:
    wild = data.draw(st.integers(0, len(lines) - 1))
    place = data.draw(st.integers(0, len(lines)))
    expects = [expectation(line) for line in lines]
    expects[wild] = expectation("only * here (glob)")
    printed = [Line(line) for line in lines]
    printed[wild] = Line("only this here")
    printed.insert(place, Line("inserted"))
    steps, _ = alignment(expects, printed, Matcher(), {})
    assert [step.at for step in steps if step.what == "match"] == list(range(len(lines)))
    assert [step.what for step in steps].count("extra") == 1


def by_hand(expects: list[str], lines: list[str]) -> bool:
    """Whether expectations of ``...`` and literals match, by trying everything."""
    if not expects:
        return not lines
    if expects[0] == "...":
        return any(by_hand(expects[1:], lines[at:]) for at in range(len(lines) + 1))
    if expects[0].endswith(" (eq?)") and by_hand(expects[1:], lines):
        return True
    text = expects[0].removesuffix(" (eq?)")
    return lines[:1] == [text] and by_hand(expects[1:], lines[1:])


@given(
    st.lists(st.sampled_from(["...", "a", "b", "a (eq?)", "b (eq?)"]), max_size=7),
    st.lists(st.sampled_from("ab"), max_size=7),
)
@settings(deadline=None, max_examples=400)
def test_an_exact_match_is_found_if_there_is_one(expects: list[str], lines: list[str]) -> None:
    steps, _ = alignment([expectation(e) for e in expects], [Line(x) for x in lines], Matcher(), {})
    assert matches(steps) is by_hand(expects, lines)
    assert [step.line for step in steps if step.line >= 0] == list(range(len(lines)))
    assert sorted({step.at for step in steps if step.at >= 0}) == list(range(len(expects)))


def check(expects: list[str], lines: list[str], **bindings: str) -> dict[str, str] | None:
    steps, after = alignment(
        [expectation(e) for e in expects], [Line(x) for x in lines], Matcher(), bindings
    )
    return after if matches(steps) else None


def test_equal_names_catch_equal_texts() -> None:
    same = ["{inode:a} (glob)", "{inode:a} (glob)"]
    assert check(same, ["12", "12"]) == {"a": "12"}
    assert check(same, ["12", "13"]) is None
    assert check(same, ["12", "12"], a="13") is None


def test_a_name_with_another_must_differ() -> None:
    other = ["{inode:a} (glob)", "{inode:b!=a} (glob)"]
    assert check(other, ["12", "13"]) == {"a": "12", "b": "13"}
    assert check(other, ["12", "12"]) is None


def test_a_binding_is_looked_for_behind_dots() -> None:
    assert check(
        ["...", "x {int:n} (glob)", "...", "y {int:n} (glob)", "..."], ["x 1", "x 2", "y 2", "z"]
    ) == {"n": "2"}


@pytest.mark.parametrize(
    ("raw", "text", "good"),
    [
        ("{pid} (glob)", "12", True),
        ("{pid} (glob)", "0", False),
        ("{int} (glob)", "-3", True),
        ("at {time} (glob)", "at Mon Nov 23 19:22:42 UTC 2026", True),
        ("at {time} (glob)", "at 2026-11-23T19:22:42+00:00", True),
        ("at {time} (glob)", "at noon", False),
        ("{tmp}/x (glob)", "/tmp/nsh-1/room/x", True),
        ("{tmp}/x (glob)", "/home/x", False),
        ("{user}@{host} (glob)", "ann@sun", True),
        ("{user}@{host} (glob)", "bob@sun", False),
        ("\\{int\\} \\* (glob)", "{int} *", True),
        ("a?c (glob)", "abc", True),
        ("a*c*e (glob)", "abcde", True),
        ("a*c*e (glob)", "abce", True),
        ("a*c*e (glob)", "aec", False),
        ("a[b]c (glob)", "a[b]c", True),
        ("a{b c} (glob)", "a{b c}", True),
        ("[0-9]+ (re)", "12", True),
        ("[0-9]+ (re)", "12a", False),
        ("\\x1b[1mx (esc)", "\x1b[1mx", True),
        ("a  ", "a", True),
        ("a", "a \t", True),
        (" a", "a", False),
        ("x (no-eol)", "x", False),
    ],
)
def test_one_line(raw: str, text: str, good: bool) -> None:
    facts = Facts(("/tmp/nsh-1/room",), "sun", "ann")
    assert (Matcher(facts).match(expectation(raw), Line(text), {}) is not None) is good


def test_a_line_without_newline_says_so() -> None:
    assert Matcher().match(expectation("x (no-eol)"), Line("x", False), {}) == {}
    assert Matcher().match(expectation("x"), Line("x", False), {}) is None
    assert Matcher().match(expectation("{int} (glob) (no-eol)"), Line("4", False), {}) == {}


def test_many_stars_are_no_trap() -> None:
    start = time.monotonic()
    raw = "*a" * 40 + "b (glob)"
    assert Matcher().match(expectation(raw), Line("a" * 2000), {}) is None
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("*{int}" * 6 + "x", "1" * 300),
        ("*{int}*" * 6 + "x", "1" * 300),
        ("{int}" * 8 + "x", "1" * 300),
        ("*{int}*{pid} x*", "12 " * 3000),
        ("*{host}*" * 5 + "x", "sun " * 300),
        ("*{tmp}*" * 5 + "x", "/tmp/yy " * 100),
        ("*{time}*" * 5 + "x", "12:34:56 " * 100),
    ],
)
def test_many_holes_are_no_trap(raw: str, text: str) -> None:
    start = time.process_time()
    matcher = Matcher(Facts((), "sun", "ann"))
    assert matcher.match(expectation(f"{raw} (glob)"), Line(text), {}) is None
    assert matcher.match(expectation(f"{raw}* (glob)"), Line(text + "x x"), {}) == {}
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("raw", "text", "catches"),
    [
        ("*{int}", "pid 4242", ["4242"]),
        ("*{int}*", "a-12b34", ["-12"]),
        ("{int}{int}5", "1235", ["12", "3"]),
        ("{int}{int}", "7", None),
        ("{int}", "-", None),
        ("a{int}?b", "a123b", ["12"]),
        ("*{host}-{host}*", "a-b-c d", ["a-b", "c"]),
        ("{tmp}/{int}", "/tmp/nsh-1/room/3", ["/tmp/nsh-1/room", "3"]),
        ("{tmp}*", "/tmp/nsh-1/roomy:x", ["/tmp/nsh-1/room"]),
        ("at {time} {int}", "at 2026-11-23 19:22:42 7", ["2026-11-23 19:22:42", "7"]),
        ("at {time}*", "at 2026-11-23 19:22:42 7", ["2026-11-23 19:22:42"]),
        ("at {time} 19*", "at 2026-11-23 19:22:42 7", ["2026-11-23"]),
    ],
)
def test_what_holes_catch(raw: str, text: str, catches: list[str] | None) -> None:
    assert Glob(raw, Facts(("/tmp/nsh-1/room",))).catches(text) == catches


tiles = st.lists(st.sampled_from(["*", "?", "{int}", "{pid}", "1", "-", "a"]), max_size=6)


@given(tiles, st.text(alphabet="12-a", max_size=8))
@settings(deadline=None, max_examples=500)
def test_a_glob_matches_what_its_expression_does(tiles: list[str], text: str) -> None:
    parts = {"*": ".*", "?": ".", "{int}": "[+-]?[0-9]+", "{pid}": "[1-9][0-9]*"}
    expression = "".join(parts.get(tile, tile) for tile in tiles)
    found = Glob("".join(tiles)).catches(text)
    assert (found is not None) is bool(re.fullmatch(expression, text))
    assert found is None or len(found) == sum(tile[0] == "{" for tile in tiles)


def test_a_conflict_says_what_it_is() -> None:
    matcher = Matcher()
    caught = matcher.caught(expectation("{inode:b!=a} (glob)"), Line("7"))
    assert caught
    assert "they must differ" in conflict(caught, {"a": "7"})
    assert "nothing was caught for a" in conflict(caught, {})


def test_400_by_400_lines_take_well_under_a_second() -> None:
    expects = [
        expectation(f"line {at % 40} * (glob)" if at % 2 else f"text {at}") for at in range(400)
    ]
    lines = [Line(f"line {at % 40} x" if at % 2 else f"text {399 - at}") for at in range(400)]
    start = time.process_time()
    alignment(expects, lines, Matcher(), {})
    assert time.process_time() - start < 1


def test_100_000_lines_are_not_quadratic() -> None:
    lines = [Line(f"line {at}") for at in range(100_000)]
    expects: list[Expect] = [expectation(line.text) for line in lines]
    expects[10] = expectation("...")
    del lines[60_000]
    lines.insert(30_000, Line("new"))
    start = time.process_time()
    steps, _ = alignment(expects, lines, Matcher(), {})
    assert time.process_time() - start < 5
    wrong = [(step.what, step.at, step.line) for step in steps if step.what in ("missing", "extra")]
    assert wrong == [("extra", -1, 30_000), ("missing", 60_000, -1)]


def test_dots_before_something_that_never_comes_are_not_quadratic() -> None:
    lines = [Line(f"line {at}") for at in range(100_000)]
    expects = [expectation(raw) for raw in ["...", "* (glob)", "...", "never"] * 30]
    start = time.process_time()
    steps, _ = alignment(expects, lines, Matcher(), {})
    assert not matches(steps)
    assert time.process_time() - start < 10
