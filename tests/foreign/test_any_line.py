"""Whatever is typed: one clear answer, lines that can be typed, and never one that reaches the host."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nsh.shell import Shell
from nsh.words import WordError, commands

WORDS = [
    "docker",
    "podman",
    "run",
    "exec",
    "kill",
    "-s",
    "-v",
    "a:b",
    "/a:/b:ro",
    "--name",
    "-h",
    "-e",
    "A=b",
    "unshare",
    "-n",
    "-Urn",
    "--map-users",
    "1:2:3",
    "--mount-proc=",
    "nsenter",
    "-t",
    "$web",
    "--net=/x",
    "-a",
    "sudo",
    "-u",
    "nobody",
    "#0",
    "pivot_root",
    "a",
    "ip",
    "netns",
    "add",
    "link",
    "set",
    "lo",
    "mount(",
    '"none"',
    ",",
    "NULL",
    ")",
    "mount",
    "--make-rslave",
    "/",
    "proc",
    "umount",
    "-R",
    "env",
    "=",
    "b",
    "+net,",
    "-",
    "+",
    "clone(",
    "CLONE_NEWNET",
    "|",
    "'",
    '"',
    "\\",
    "int",
    "=",
    "setns(",
    "-9",
    "date",
    "12",
    "reboot",
    "fg",
    "ulimit",
    "sysctl",
    "a=b",
    "./net",
    "./",
    "''",
    "$x",
    "*",
    "é",
    "\x1b",
    "export",
    "setenv",
    "newuidmap",
    "5",
    "exit(",
    "syscall(",
    "SYS_mount",
    "--",
    "chroot",
    "strace",
    "-x",
    "hostnamectl",
    "set-hostname",
    "tee",
    ">",
    "/proc/sys/a",
    ";",
    "tmpsf",
    ".",
    "execlp(",
    "kill",
    "killall",
    "1",
]
NEVER = ("reboot", "hostnamectl")
IN_A_NEW = {"pivot_root": "mnt", "kill": "pid", "killall": "pid"}


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).map(" ".join))
@example("hostnamectl")
@example("a=b hostnamectl set-hostname docker")
@example("--net=/x kill 1")
@example("a=b reboot")
@example("exec reboot")
@example("./net kill")
def test_any_words(line: str) -> None:
    shell = Shell()
    said: list[str] = []
    shell.said = said.append
    try:
        found = commands(line)
    except WordError:
        return
    for command in found:
        name = shell.parseline(command)[0]
        if name is None or name in shell.command_names():
            continue
        shell.run_line(command)
        assert shell.status == 2
        assert said
        for at, fix in enumerate(shell.fixes):
            commands(fix)
            runs, program, first = [*fix.partition(" #")[0].split(), "", "", ""][:3]
            if runs == "run":
                assert program not in NEVER or (program, first) == ("hostnamectl", "")  # looks
                kind = IN_A_NEW.get(program, "")  # in a new namespace it is one's own
                assert not kind or f"+{kind}" in " ".join(shell.fixes[:at]).split()
            assert not fix.startswith("!") or fix in ("!clear", "!ls /run/netns")


@pytest.mark.parametrize(
    "line",
    [
        "x " + "if(" * 600,
        "x " + "if(" * 200_000,
        "sudo " * 3000 + "id",
        "docker " + "container " * 3000,
    ],
)
def test_a_line_of_any_depth_gets_an_answer(line: str) -> None:
    shell = Shell()
    said: list[str] = []
    shell.said = said.append
    shell.run_line(line)
    assert shell.status == 2
    assert said


def test_an_open_quote_is_not_proposed() -> None:
    shell = Shell()
    shell.said = lambda text: None
    shell.run_line(r'system("rm\"x");')
    assert shell.fixes == ("help sh",)
