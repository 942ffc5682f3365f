"""Words are cut as sh cuts them: against shlex, against sh itself, and there and back."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nsh import words
from nsh.files import LogicalLine, continues, logical_lines

# What a line can hold: any character but NUL and newline, undecodable bytes included.
characters = st.characters(exclude_characters="\0\n", exclude_categories=()).filter(
    lambda char: not 0xD800 <= ord(char) <= 0xDFFF or 0xDC80 <= ord(char) <= 0xDCFF
)
word_lists = st.lists(st.text(characters))
# Nothing that sh expands: no $ ` * ? [ ~ ! { and no assignment.
quoting = st.text(st.sampled_from("ab \t'\"\\#;|&<>()-/é"))
# Neither operators: sh would do something with them.
plain_quoting = st.text(st.sampled_from("ab \t'\"\\#-/é"))


@given(word_lists)
def test_what_join_writes_split_reads(found: list[str]) -> None:
    assert words.split(words.join(found)) == found


@given(st.lists(st.text(characters), min_size=1))
def test_what_join_writes_is_one_command(found: list[str]) -> None:
    line = words.join(found)
    assert words.commands(line) == [line]
    assert words.command_word(line)[0] == found[0]
    assert not continues(line)


@given(plain_quoting)
def test_split_agrees_with_shlex(line: str) -> None:
    try:
        expected = shlex.split(line, comments=True, posix=True)
    except ValueError:
        return
    # shlex alone begins a comment in the middle of a word, and alone refuses a final backslash.
    before = ""
    for char in line:
        if char == "#" and before and before[-1] not in " \t":
            return
        if char == "#" and before[-2:-1] == "\\":
            return  # the blank before it is quoted, so it is part of a word
        before += char
    assert words.split(line) == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(plain_quoting, min_size=30, max_size=60))
def test_split_agrees_with_sh(lines: list[str]) -> None:
    # One sh for many lines: each is given to eval, which takes an error as the end of a subshell.
    script = "".join(
        [
            f"(eval {shlex.quote('set -- ' + line)} 2>/dev/null || exit 9\n"
            'for word do printf "<%s>" "$word"; done) || printf "<error>"\n'
            'printf "\\0"\n'
            for line in lines
        ]
    )
    answer = subprocess.run(["sh"], input=script.encode(), stdout=subprocess.PIPE, check=False)
    theirs = answer.stdout.decode().split("\0")[:-1]
    assert len(theirs) == len(lines)
    for line, expected in zip(lines, theirs, strict=True):
        try:
            ours = "".join([f"<{word}>" for word in words.split(line)])
        except words.WordError:
            ours = "<error>"
        if line.endswith("\\") and expected != ours:
            # At the end of eval's text the shells differ about a lone backslash.
            continue
        assert ours == expected, line


@given(quoting)
def test_commands_lose_nothing_but_separators_and_comments(line: str) -> None:
    try:
        found = words.commands(line)
    except words.WordError as error:
        if not error.lacks:
            return  # it ends in a backslash inside of double quotes
        line += error.lacks
        found = words.commands(line)
    at = 0
    for command in found:
        assert command.strip(" \t")
        between = line.index(command, at)
        assert not line[at:between].strip("; \t")
        at = between + len(command)
    assert line[at:].lstrip("; \t")[:1] in ("", "#")
    assert [word for command in found for word in _pieces(command)] == _pieces(" ; ".join(found))


def _pieces(command: str) -> list[str]:
    """The words with every operator and separator blanked out where it is not quoted."""
    while True:
        try:
            return words.split(command)
        except words.Operator as error:
            at = 0
            while command[at] != error.sign:
                at = words._skip_quoted(command, at) if command[at] in "'\"\\" else at + 1
            command = command[:at] + " " + command[at + 1 :]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", []),
        (" \t ", []),
        ("# run", []),
        ("; ;;", []),
        ("flags +pid;show", ["flags +pid", "show"]),
        ("flags;# show", ["flags"]),
        ("run a#b; show", ["run a#b", "show"]),
        ("run 'a;b' \"c;d\" e\\;f", ["run 'a;b' \"c;d\" e\\;f"]),
        ("sh a; b # c", ["sh a; b # c"]),
        ("show; sh a; b", ["show", "sh a; b"]),
        ("show; !a; 'b", ["show", "!a; 'b"]),
        ("'sh' it's", ["'sh' it's"]),
        ("shy a; b", ["shy a", "b"]),
        ("run a\\ ; show", ["run a\\ ", "show"]),
    ],
)
def test_commands(line: str, found: list[str]) -> None:
    assert words.commands(line, frozenset({"sh"})) == found


@pytest.mark.parametrize(
    ("lines", "joined"),
    [
        (["run a \\", "b"], ["run a b"]),
        (["run a\\", "b"], ["run ab"]),
        (["run a\\\\", "b"], ["run a\\\\", "b"]),
        (["# a \\", "b"], ["# a \\", "b"]),
        (["a;# b \\", "c"], ["a;# b \\", "c"]),
        (["a#b\\", "c"], ["a#bc"]),
        (["a\\", "#b \\", "c"], ["a#b c"]),
        (["a \\", "#b \\", "c"], ["a #b \\", "c"]),
        (['run "a \\', 'b"'], ['run "a b"']),
        (['run "a\\"b \\', 'c"'], ['run "a\\"b c"']),
        (["run 'a \\", "b'"], ["run 'a \\", "b'"]),
        (["run a \\", "b \\", "c"], ["run a b c"]),
        (["run a\\"], ["run a"]),
    ],
)
def test_continuation_lines(lines: list[str], joined: list[str]) -> None:
    assert [line.text for line in logical_lines(lines)] == joined


@given(st.lists(st.text(st.sampled_from("ab '\"\\#;")), min_size=1, max_size=6))
def test_lines_are_joined_as_if_asked_about_as_a_whole(lines: list[str]) -> None:
    expected: list[str] = []
    whole = ""
    for line in lines:
        whole += line
        if continues(whole):
            whole = whole[:-1]
        else:
            expected.append(whole)
            whole = ""
    if continues(lines[-1]) or (whole and lines):
        expected.append(whole)
    joined = [line.text for line in logical_lines(lines)]
    assert joined == expected or [*joined, ""] == expected or joined == [*expected, ""]


def test_numbers_of_lines_are_where_a_command_begins() -> None:
    lines = ["a\n", "b \\\r\n", "c\r\n", "d"]
    assert list(logical_lines(lines)) == [
        LogicalLine(1, "a", ("a",)),
        LogicalLine(2, "b c", ("b \\", "c")),
        LogicalLine(4, "d", ("d",)),
    ]


def test_a_hundred_thousand_separators_and_continuations() -> None:
    assert words.commands(";" * 100_000 + "show") == ["show"]
    assert len(words.commands("show;" * 100_000)) == 100_000
    [line] = logical_lines(["x\\\n"] * 100_000 + ["y"])
    assert (line.number, line.text) == (1, "x" * 100_000 + "y")


@pytest.mark.parametrize("sign", list("|&<>();"))
def test_an_unquoted_operator_is_an_error_of_its_own(sign: str) -> None:
    with pytest.raises(words.Operator) as caught:
        words.split(f"run a {sign} b")
    assert caught.value.sign == sign
    assert words.split(f"run '{sign}' \"{sign}\" \\{sign}") == ["run", sign, sign, sign]


def test_a_word_cannot_hold_nul() -> None:
    for cut in (words.split, words.commands):
        with pytest.raises(words.WordError, match="NUL"):
            cut("run a\0b")
