"""diff CMD: the host's output beside the child's."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsh.teach import diff
from nsh.teach.diff import columns
from nsh.voice.text import plain
from tests import needs
from tests.conftest import NSH, nsh


def unified(host: list[str], inside: list[str]) -> list[str]:
    return [plain(line) for line in diff.unified(host, inside)]


def side_by_side(host: list[str], inside: list[str], column: int) -> list[str]:
    return [plain(line) for line in diff.side_by_side(host, inside, column)]


@needs.NAMESPACES
def test_a_difference_is_a_unified_diff_and_status_1() -> None:
    result = nsh("-c", "flags +uts; hostname box; diff uname -n")
    assert result.stdout == f"--- host\n+++ inside\n@@ -1 +1 @@\n-{os.uname().nodename}\n+box\n"
    assert (result.stderr, result.returncode) == ("", 1)


@needs.NAMESPACES
def test_no_difference_is_status_0_whatever_the_command_says() -> None:
    assert nsh("-c", "flags +uts; diff sh -c 'echo a; exit 3'").returncode == 0
    assert nsh("-c", "diff echo a").stdout == "no difference\n"


def test_the_exit_status_is_compared_too() -> None:
    result = nsh("-c", "env ROLE=child; diff sh -c 'test -z \"$ROLE\"'")
    assert result.stdout == (
        "what it writes does not differ\nexit status 0 on the host, 1 inside\n"
    )
    assert result.returncode == 1


def test_standard_error_is_compared_in_its_place() -> None:
    result = nsh("-c", "env A=inside; diff sh -c 'echo 1; echo \"$A\" >&2; echo 2'")
    assert result.stdout.splitlines()[3:] == [" 1", "-", "+inside", " 2"]


def test_more_than_a_pipe_holds() -> None:
    result = nsh("-c", "env A=inside; diff sh -c 'seq 100000; echo \"$A\"'")
    assert result.stdout.splitlines()[-2:] == ["-", "+inside"]


def test_no_input_is_eaten() -> None:
    assert nsh(stdin="diff cat\nrun echo next\n").stdout == "no difference\nnext\n"


def test_a_missing_last_newline_differs() -> None:
    result = nsh("-c", "env A=1; diff sh -c 'printf a; test -z \"$A\" || echo'")
    assert result.stdout.splitlines()[3:] == [" a", "-\\ no newline at the end"]
    assert result.returncode == 1


def test_binary_output_is_not_shown() -> None:
    result = nsh("-c", "env A=1; diff sh -c 'printf \"\\\\0$A\"'")
    assert result.stdout == "what it writes differs, and is binary\n"
    assert result.returncode == 1


def test_many_repeated_lines_take_no_time() -> None:
    before = time.process_time()
    lines = ["y"] * 50_000
    shown = list(unified([*lines, "a", *lines], [*lines, "b", *lines]))
    assert len(shown) == 11
    assert list(unified(["x", *lines, "x"], ["z", *lines[2:], "z"]))
    assert time.process_time() - before < 10


@given(*[st.lists(st.sampled_from("abc"), max_size=40)] * 2)
def test_a_unified_diff_makes_one_from_the_other(host: list[str], inside: list[str]) -> None:
    mine = list(unified(host, inside))
    assert _patched(host, mine) == inside
    assert sum(line[0] in "+-" for line in mine[2:]) <= len(host) + len(inside)


def _patched(host: list[str], shown: list[str]) -> list[str]:
    """What a unified shown makes of the lines, each of which it has to fit."""
    result: list[str] = []
    at = 0
    for line in shown[2:]:
        if line[0] == "@":
            start, _, size = line.split()[1].removeprefix("-").partition(",")
            begin = int(start) - (size != "0")
            result += host[at:begin]
            at = begin
        else:
            if line[0] in " -":
                assert host[at] == line[1:]
                at += 1
            if line[0] in " +":
                result.append(line[1:])
    return result + host[at:]


@given(*[st.lists(st.sampled_from("abc"), max_size=40)] * 2)
def test_side_by_side_leaves_out_equal_lines_only(host: list[str], inside: list[str]) -> None:
    rows = list(side_by_side(host, inside, 6))[1:]
    left_out = sum(int(row.split()[1]) for row in rows if row.startswith("..."))
    shown = [row for row in rows if not row.startswith("...")]
    lefts = [row[:6].strip() for row in shown]
    rights = [row[9:].strip() for row in shown]
    assert len([text for text in lefts if text]) + left_out == len(host)
    assert len([text for text in rights if text]) + left_out == len(inside)


def test_bytes_that_are_no_text_pass_through() -> None:
    result = nsh("-c", "env A=1; diff sh -c 'printf \"\\377$A\\n\"'")
    assert result.stdout.endswith("-\udcff\n+\udcff1\n")


@pytest.mark.parametrize(
    ("line", "status", "words"),
    needs.cases(
        [
            ("diff nosuch", 127, "ENOENT"),
            ("diff /etc/passwd", 126, "EACCES"),
            ("flags +mnt; mount tmpfs /no/such; diff true", 125, "ENOENT"),
            ("hostname x; diff true", 125, "flags +uts"),
            ("diff", 2, "usage: diff"),
            ("diff ps | wc", 2, "diff sh -c 'ps | wc'"),
        ]
    ),
)
def test_what_cannot_be_started(line: str, status: int, words: str) -> None:
    result = nsh("-c", line)
    assert result.returncode == status
    assert words in result.stderr
    assert result.stdout == ""


@needs.NAMESPACES
def test_a_program_that_is_only_inside_differs() -> None:
    result = nsh("-c", "flags +mnt; mount bind /bin /mnt; diff /mnt/echo here")
    assert result.returncode == 1
    assert "+here" in result.stdout
    assert "-execve(" in result.stdout


def _at_a_terminal(width: int, lines: str, after: str = "", **env: str) -> str:
    """What a terminal of that width shows of a session, read until nsh has ended.

    Once ``after`` is seen, Ctrl-C is typed, and then quit.
    """
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm", "XDG_STATE_HOME": "/dev/null", **env})
        subprocess.run(["stty", "cols", str(width), "-echo"], check=False)
        os.execv(NSH[0], NSH)
    seen = b""
    deadline = time.monotonic() + 60
    sent = interrupted = False
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                part = os.read(fd, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        if not sent and b"nsh>" in seen:
            os.write(fd, lines.encode())
            sent = True
        if after and after.encode() in seen:
            os.write(fd, b"\x03")
            after = ""
            interrupted = True
        if interrupted and b"[130]" in seen:
            os.write(fd, b"quit\n")
            interrupted = False
    else:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(fd)
    return seen.decode(errors="replace")


LINES = "env A=inside\ndiff sh -c 'echo same; echo x$A'\nquit\n"


def test_colours_at_the_prompt_and_not_with_no_color() -> None:
    seen = _at_a_terminal(80, LINES)
    assert "\x1b[31mx\x1b[0m" in seen
    assert "\x1b[32mxinside\x1b[0m" in seen
    plain = _at_a_terminal(80, LINES, NO_COLOR="1")
    assert "\x1b[31m" not in plain
    assert "| xinside" in plain


def test_ctrl_c_ends_it_with_status_130() -> None:
    seen = _at_a_terminal(
        80, "diff sh -c 'echo begun >/dev/tty; exec sleep 600'\n", after="begun\r"
    )
    assert "[130]" in seen


def test_side_by_side_only_where_it_fits() -> None:
    assert "| xinside" in _at_a_terminal(60, LINES, NO_COLOR="1")
    assert "+xinside" in _at_a_terminal(12, LINES, NO_COLOR="1")


def test_the_pure_parts() -> None:
    many = [str(number) for number in range(100)]
    changed = [*many[:50], "new", *many[50:]]
    assert list(unified(many, changed))[2] == "@@ -48,6 +48,7 @@"
    assert list(side_by_side(["a\tb"], ["a\tb", "c"], 9))[1] == "a       b   a       b"
    rows = list(side_by_side(many, changed, 6))
    assert rows[1:3] == ["... 47 equal lines", "47       47"]
    assert rows[-1] == "... 47 equal lines"
    assert columns(["é" * 10], [], 23) == 10
    assert columns(["中" * 10], [], 42) == 0
