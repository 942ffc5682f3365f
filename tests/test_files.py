"""Scripts are cut into lines that belong together; a quote for sh goes on where sh says that it is open."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsh.files import LogicalLine, continuation, continues, joined, logical_lines
from tests.conftest import nsh

pieces = st.sampled_from(
    ["a", "b ", " ", "'", '"', "\\", "#", ";", "!", "$(", "(", ")", "`", "$", "sh "]
)


@pytest.mark.parametrize(
    ("line", "goes_on"),
    [
        ('sh echo "abc', True),
        ("!echo 'abc\\", True),
        ("flags +net; host echo it's", True),
        ("sh echo $(ls", True),
        ("sh echo `ls", True),
        ('sh echo "$(echo "a" ', True),
        ('sh echo "it\'s"', False),
        ("sh echo it\\'s", False),
        ("sh echo a # it's", False),
        ("sh echo `true # it's`", False),
        ("!echo $$ $# '$('", False),
        ("!echo $(( 1 + (2) ))", False),
        ("sh echo $'it\\'s'", False),
        ("shy echo 'a", False),
        ("run echo 'a", False),
        ("run 'a; sh \"b", False),
        ("# sh 'a", False),
    ],
)
def test_an_open_quote_continues_a_line_for_a_shell_alone(line: str, goes_on: bool) -> None:
    assert continues(line) == goes_on
    if goes_on:
        assert joined(line + "\nb") == line + "\nb"


SEVERAL = ("Unterminated quoted string", "EOF in backquote substitution")


@given(st.lists(st.sampled_from(["a", " ", "'", '"', "\\", "#", "`", "$"]), max_size=8))
def test_sh_agrees_that_a_quote_is_open(found: list[str]) -> None:
    line = "echo " + "".join(found)
    if line.endswith("\\") or "$'" in line or "\\`" in line:
        return  # a line that goes on by itself; a quote that not every sh knows; nested backquotes
    said = subprocess.run(["sh", "-n", "-c", line], capture_output=True, text=True, timeout=30)
    theirs = any(text in said.stderr for text in (*SEVERAL, "unexpected EOF"))
    assert continues("!" + line) == theirs


@given(st.lists(st.lists(pieces, max_size=6).map("".join), min_size=1, max_size=5))
def test_lines_are_joined_as_if_asked_about_as_a_whole(lines: list[str]) -> None:
    if any(line.endswith("sh\\") for line in lines):
        return  # a command whose name goes on is not for a shell
    expected = []
    start = ""
    for line in lines:
        whole = start + line
        more = continuation(whole)
        start = more[0] if more else ""
        if not more:
            expected.append(whole)
    if more:
        expected.append(start.removesuffix("\n"))
    assert [line.text for line in logical_lines(lines)] == expected


def test_a_copied_session_is_what_stands_behind_its_prompts() -> None:
    lines = [
        "# a comment",
        "```nsh",
        "nsh> flags +uts",
        "nsh> run echo \\",
        "> two",
        "two",
        "> printed",
        "  nsh> sh echo 'a",
        "... b'",
        "[1]",
        "nsh> sh it's",
        "sh: Unterminated quoted string",
        "nsh>",
        "```",
    ]
    assert list(logical_lines(lines)) == [
        LogicalLine(1, "# a comment", ("# a comment",)),
        LogicalLine(3, "flags +uts", ("flags +uts",)),
        LogicalLine(4, "run echo two", ("run echo \\", "two")),
        LogicalLine(8, "sh echo 'a\nb'", ("sh echo 'a", "b'")),
        LogicalLine(11, "sh it's", ("sh it's",)),
        LogicalLine(13, "", ("",)),
    ]
    typed = ["flags +uts", "nsh> flags", "> what", "sh echo 'a", "nsh> b'"]
    assert [line.text for line in logical_lines(typed)] == [
        "flags +uts",
        "flags",
        "> what",
        "sh echo 'a\nnsh> b'",
    ]


def test_a_script_with_prompts_and_one_with_an_open_quote() -> None:
    copied = "nsh> flags +uts\nnsh> flags\nCLONE_NEWUTS | SIGCHLD\nnsh> !echo 'a\n> b'\n"
    result = nsh("-v", stdin=copied)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == copied.replace("> b'", "> b'\na\nb")
    result = nsh(stdin="!echo 'a\nshow\n")
    assert (result.returncode, result.stdout) == (2, "")
    assert "nterminated" in result.stderr or "unexpected EOF" in result.stderr
