"""What is left open in the output of ps, df, free and their like: column by column."""

from __future__ import annotations

import subprocess

import pytest

from nsh.transcript.align import alignment, matches
from nsh.transcript.encode import expected_lines
from nsh.transcript.match import Line, Matcher, expectation
from nsh.transcript.volatile import Volatile


def recorded(*texts: str, pids: tuple[int, ...] = (100,), terminal: str = "") -> list[str]:
    """The expected lines of an output; the first of the processes is nsh."""
    volatile = Volatile(inodes=False, terminal=terminal)
    volatile.command(pids, ephemeral=True)
    lines = [Line(text) for text in texts]
    return expected_lines(lines, globs=volatile.globs(lines))


AUX = "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND"


def test_the_processes_of_a_new_pid_namespace_keep_their_numbers() -> None:
    assert recorded(
        AUX,
        "root           1  0.0  0.0   2580  1636 ?        S    16:11   0:00 sh -c ps aux; true",
        "root           2  0.0  0.1   8116  4216 ?        R    16:11   0:00 ps aux",
        "",
        "2 cats",
    ) == [
        AUX,
        "root           1 * * *{int} *{int} ?        S * *{time} sh -c ps aux; true (glob)",
        "root           2 * * *{int} *{int} ?        R * *{time} ps aux (glob)",
        "",
        "2 cats",
    ]


def test_what_matches_later_and_what_does_not() -> None:
    row = "root           1  0.0  0.0   2580  1636 ?        R    16:11   0:00 ps aux"
    expect = expectation(recorded(AUX, row)[1])
    for text, fits in (
        (row, True),
        ("root           1 99.9 10.0 123456 98765 ?        R    Nov24  10:02 ps aux", True),
        ("root           2  0.0  0.0   2580  1636 ?        R    16:11   0:00 ps aux", False),
        ("alex           1  0.0  0.0   2580  1636 ?        R    16:11   0:00 ps aux", False),
        ("root           1  0.0  0.0   2580  1636 ?        S    16:11   0:00 ps aux", False),
        ("root           1  0.0  0.0   2580  1636 ?        R    16:11   0:00 ps -ef", False),
    ):
        assert (Matcher().match(expect, Line(text), {}) is not None) is fits, text


def test_the_processes_of_the_host_come_and_go() -> None:
    header = "UID          PID    PPID  C STIME TTY          TIME CMD"
    assert recorded(
        header,
        "root           1       0  0 09:07 ?        00:00:11 /sbin/init",
        "root           2       0  0 09:07 ?        00:00:00 [kthreadd]",
        "root         100       1  0 16:11 ?        00:00:00 python3 -m nsh",
        "root         214     100  0 16:11 ?        00:00:00 sleep 1000",
        "root         990       1  0 16:11 ?        00:00:00 cron",
        pids=(100, 214),
    ) == [header, "...", "root *{pid} *{pid} * * ? *{time} sleep 1000 (glob)", "..."]


def test_pid_1_of_a_container_is_not_taken_for_nsh() -> None:
    row = "    1 ?        00:00:00 ps"
    header = "  PID TTY          TIME CMD"
    assert recorded(header, row, pids=(1,)) == [header, "    1 ? *{time} ps (glob)"]
    assert recorded(header, row.replace("ps", "nsh"), pids=(1,)) == [header, "..."]


def test_the_terminal_that_a_replay_has_not() -> None:
    row = "root           1  0.0  0.0   2580  1636 pts/3    R+   16:11   0:00 ps aux"
    expect = expectation(recorded(AUX, row, terminal="/dev/pts/3")[1])
    later = "root           1  0.0  0.0   2580  1636 ?        R    16:12   0:00 ps aux"
    for text in (row, later):
        assert Matcher().match(expect, Line(text), {}) is not None


def test_dates_of_several_words() -> None:
    header = "    PID                  STARTED     ELAPSED STAT COMMAND"
    row = "      1 Tue Nov 24 09:07:09 2026       00:00 R    ps -o pid,lstart"
    assert recorded(header, row) == [header, "      1 *{time} * R    ps -o pid,lstart (glob)"]


def test_the_names_in_proc() -> None:
    rest = ["self", "thread-self", "uptime"]
    assert recorded("1", "2", "12", *rest) == ["1", "2", "{pid} (glob)", *rest]
    assert recorded("1", "100", "12", "2", *rest) == ["...", *rest]
    assert recorded("1", "12") == ["1", "12"]


def test_other_tables() -> None:
    header = "Filesystem     1K-blocks     Used Available Use% Mounted on"
    assert recorded(
        header,
        "tmpfs               1024        0      1024   0% /mytmp",
        "/dev/vda       264212084 24335256  82055656  23% /",
        "               total        used        free      shared  buff/cache   available",
        "Mem:        24683656      541276    23501000        8952      947884    24142380",
        "Swap:              0           0           0",
    ) == [
        "Filesystem     1K-blocks *Used *Available *Use% Mounted on (glob)",
        "tmpfs               1024        0 * 0% /mytmp (glob)",
        "/dev/vda       264212084 * * * / (glob)",
        "               total        used        free      shared  buff/cache   available",
        "Mem:        24683656 *{int} *{int} *{int} *{int} *{int} (glob)",
        "Swap:              0           0           0",
    ]


@pytest.mark.parametrize(
    ("text", "glob"),
    [
        (
            " 16:16:28 up  7:09,  0 user,  load average: 0.44, 0.42, 1.57",
            " {time} up *, *,  load average: * (glob)",
        ),
        ("Modify: 2025-01-02 16:16:27.881975918 +0000", "Modify: {time} (glob)"),
        (
            "drwxr-xr-x 2 root root 4096 Nov 24 10:22 box",
            "drwxr-xr-x 2 root root 4096 {time} box (glob)",
        ),
        ("drwxr-xr-x 2 root root 4096 Nov 24  2024 box", None),
        (
            "       valid_lft 86380sec preferred_lft forever",
            "       valid_lft {int}sec preferred_lft forever (glob)",
        ),
        (
            "36 35 0:32 / /mytmp rw shared:12 - tmpfs none rw",
            "{int} {int} 0:{int} / /mytmp rw shared:{int} - tmpfs none rw (glob)",
        ),
        ("0x52a1b6c3 0          root       644", "0x* 0          root       644 (glob)"),
        ("0x00000000 0          root       644", None),
        ("l-wx------ 1 root root 64 x 1 -> pipe:[57435]", None),
        ("Tue, 24 Nov 2026 16:11:05 +0000", "{time} (glob)"),
    ],
)
def test_lines_known_by_their_form(text: str, glob: str | None) -> None:
    if "pipe:" in text:
        glob = text.replace("57435", "{inode}") + " (glob)"
    [shown] = recorded(text)
    assert shown == (glob or text)
    assert Matcher().match(expectation(shown), Line(text), {}) is not None


@pytest.mark.parametrize("command", ["ps -eo lstart,pid,args", "lsns", "vmstat", "df", "uptime"])
def test_what_programs_print_here_matches_what_is_made_of_it(command: str) -> None:
    printed = subprocess.run(
        command.split(),
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    ).stdout.decode()
    shown = recorded(*printed.splitlines(), pids=())
    matcher = Matcher()
    expects = [expectation(raw) for raw in shown]
    fixed = [expect for expect in expects if expect.kind != "any"]
    assert fixed
    assert len(fixed) < len(expects) or len(fixed) == len(printed.splitlines())
    lines = [Line(text) for text in printed.splitlines()]
    assert matches(alignment(expects, lines, matcher, {})[0])
    for expect in fixed:
        assert any(matcher.fits(expect, Line(text), {}) for text in printed.splitlines())
