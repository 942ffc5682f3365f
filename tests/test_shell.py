"""Commands: silent when it succeeds, its value without arguments, its mistakes and their fixes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsh.shell import Shell
from tests.lines import Told, say


@pytest.mark.parametrize(
    "line",
    [
        "flags +pid -mnt +all -all",
        "hostname foo",
        "domainname foo",
        "mount tmpfs /mytmp",
        "mount bind /etc /mytmp -o ro",
        "umount /mytmp -l",
        "propagation slave",
        "uidmap 0 1000 1 1 100000 10",
        "gidmap none",
        "setgroups deny",
        "map root",
        "cd /tmp",
        "env A=1 -u B",
        "trace on",
        "reset",
        "reset env",
        "",
        "  # nothing",
        ";;",
    ],
)
def test_silent_when_it_succeeds(capsys: Told, line: str) -> None:
    assert say(capsys, line) == ("", [], 0)


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["flags"], "SIGCHLD"),
        (["flags +pid +CLONE_NEWNS +NEWUTS +Net", "flags"],
         "CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET | SIGCHLD"),
        (["flags +pid +mnt -newpid +mnt", "flags"], "CLONE_NEWNS | SIGCHLD"),
        (["hostname"], os.uname().nodename),
        (["hostname it\\'s", "hostname"], "it's"),
        (["hostname ''", "hostname"], ""),
        (["domainname"], Path("/proc/sys/kernel/domainname").read_text().strip()),
        (["domainname foo", "domainname"], "foo"),
        (["mount tmpfs none /a\\ b -o size=1m -oro", "umount /a -l", "mount"],
         "mount tmpfs '/a b' -o size=1m,ro\numount /a -l"),
        (["propagation"], "private"),
        (["propagation slave", "propagation"], "slave"),
        (["uidmap"], "none"),
        (["uidmap 0 1000 1 1 007 3", "uidmap"], "0 1000 1 1 7 3"),
        (["gidmap"], "none"),
        (["map self", "map"],
         f"uidmap {os.geteuid()} {os.geteuid()} 1\ngidmap {os.getegid()} {os.getegid()} 1"),
        (["map root", "gidmap"], f"0 {os.getegid()} 1"),
        (["setgroups"], "default"),
        (["setgroups deny", "setgroups"], "deny"),
        (["cd"], os.getcwd()),
        (["cd /tmp", "cd ./x/../y", "cd"], "/tmp/y"),
        (["trace"], "off"),
        (["trace on", "trace"], "on"),
        (["map root; uidmap 0 1 2", "show"], "map root\nuidmap 0 1 2"),
        (["env A='b c' -u PATH", "show"], "env 'A=b c'\nenv -u PATH"),
        (["show"], None),
    ],
)  # fmt: skip
def test_without_arguments_it_shows_its_value(
    capsys: Told, lines: list[str], shown: str | None
) -> None:
    assert say(capsys, *lines) == ("" if shown is None else shown + "\n", [], 0)


def test_env_shows_the_environment_of_a_run(capsys: Told) -> None:
    out, errors, status = say(capsys, "env A=1 -u PATH", "env")
    assert "A=1" in out.splitlines()
    assert not [line for line in out.splitlines() if line.startswith("PATH=")]
    assert (errors, status) == ([], 0)


@pytest.mark.parametrize(
    ("line", "why", "fix"),
    [
        ("flag +pid", "there is no command flag: did you mean flags?", "flags +pid"),
        ("+pid", "there is no command +pid", "flags +pid"),
        ("A=b", "there is no command A=b", "env A=b"),
        ("ls -l", "there is no command ls", "run ls -l"),
        ("ls | cat", "there is no command ls", "sh ls | cat"),
        ("/bin/ls", "there is no command /bin/ls", "run /bin/ls"),
        ("xyzzy", "there is no command xyzzy", "help"),
        ("EOF", "there is no command EOF", "help"),
        ("''", "there is no command ", "help"),
        ("flags pid", "flags: 'pid' begins with neither + nor -", "flags +pid"),
        (
            "flags 'CLONE_NEWPID|CLONE_NEWNS|SIGCHLD'",
            "flags: what is an expression in C is a list of words here, with + or -",
            "flags +pid +mnt",
        ),
        (
            "flags CLONE_NEWNET | SIGCHLD",
            "flags: what is an expression in C is a list of words here, with + or -",
            "flags +net",
        ),
        ("flags +CLONE_NEWMNT", "flags: there is no namespace 'CLONE_NEWMNT'", "flags +mnt"),
        (
            "mount none /mytmp tmpfs",
            "mount: the type comes first here, unlike in C",
            "mount tmpfs /mytmp",
        ),
        ("flags +", "flags: a namespace is missing after +", "help flags"),
        ("flags +mount", "flags: there is no namespace 'mount'", "flags +mnt"),
        ("flags -pidd", "flags: there is no namespace 'pidd'", "flags -pid"),
        ("hostname a b", "usage: hostname [NAME]", "help hostname"),
        ("hostname -f", "hostname: there is no option -f", "help hostname"),
        ("domainname a b", "usage: domainname [NAME]", "help domainname"),
        ("mount tmpfs", "usage: mount FSTYPE [SOURCE] TARGET [-o OPTIONS]", "help mount"),
        ("mount bind /a", "mount: bind takes a SOURCE and a TARGET", "help mount"),
        (
            "mount bind /a /b ro",
            "mount: bind takes a SOURCE and a TARGET, and options after -o",
            "mount bind /a /b -o ro",
        ),
        (
            "done",
            "there is no command done: it is a word of shells, which ends what began on its line",
            "help sh",
        ),
        ("mount -t tmpfs none '/a b'", "mount: the type comes first here, without -t",
         "mount tmpfs '/a b'"),
        ("mount tmpfs /a -o", "mount: -o is followed by the options", "help mount"),
        ("mount tmpfs /a -x", "mount: there is no option -x", "help mount"),
        ("mount tmpfs ''", "mount: a word is empty", "help mount"),
        ("mount bind / /x -o size=3",
         "mount: a bind mount has no option size=3: the file system stays the same one",
         "mount bind / /x"),
        ("umount", "usage: umount TARGET [-l]", "help umount"),
        ("umount -f /x", "umount: there is no option -f", "help umount"),
        ("propagation rprivate",
         "propagation: 'rprivate' is none of private, slave, shared, unchanged",
         "propagation private"),
        ("uidmap 0 1", "uidmap: a range is three numbers, INSIDE OUTSIDE COUNT", "help uidmap"),
        ("gidmap 0 x 1", "gidmap: 'x' is no id or count: a whole number up to 4294967295",
         "help gidmap"),
        ("uidmap 0 4294967296 1",
         "uidmap: '4294967296' is no id or count: a whole number up to 4294967295", "help uidmap"),
        ("setgroups yes", "setgroups: 'yes' is none of allow, deny, default", "help setgroups"),
        ("map rot", "map: 'rot' is none of root, self, auto, none", "map root"),
        ("cd a b", "usage: cd [DIR]", "help cd"),
        ("cd ~/x", "cd: ~ is not expanded here", f"cd {os.path.expanduser('~/x')}"),
        ("cd -", "cd: there is no way back by -, but undo takes the last change back", "undo"),
        ("cd ''", "cd: the name of the directory is empty", "help cd"),
        ("env x", "env: 'x' is not NAME=VALUE and not -u NAME", "help env"),
        ("env -u", "env: '-u' is not NAME=VALUE and not -u NAME", "help env"),
        ("env =x", "env: '=x' is not NAME=VALUE and not -u NAME", "help env"),
        ("run ls | wc", "run takes words as they are, and | needs a shell to mean something",
         "sh ls | wc"),
        ("plan a > b", "plan takes words as they are, and > needs a shell to mean something",
         "plan sh -c 'a > b'"),
        ("hostname a&b", "& means nothing to hostname; quote it if it is part of a word",
         "help hostname"),
        ("sh", "usage: sh LINE", "help sh"),
        ("!", "usage: host LINE  (or !LINE)", "help host"),
        ("trace x", "usage: trace [on|off]", "help trace"),
        ("show x", "usage: show", "help show"),
        ("ns x y", "usage: ns [NAME|PID]", "help ns"),
        ("ns x", "ns: there is no child x: none lives", "children"),
        ("undo x", "undo: 'x' is no number of steps: a whole number from 1 on", "help undo"),
        ("redo 0", "redo: '0' is no number of steps: a whole number from 1 on", "help redo"),
        ("save", "usage: save [-f] FILE", "help save"),
        ("source a b", "usage: source FILE", "help source"),
        ("source ''", "source: the name of the file is empty", "help source"),
        ("history x", "usage: history", "help history"),
        ("help flag", "help: there is no command flag", "help flags"),
        ("help xyzzy", "help: there is no command xyzzy", "help"),
        ("quit 256", "quit: '256' is no status: a number from 0 to 255", "help quit"),
        ("exit x", "exit: 'x' is no status: a number from 0 to 255", "help exit"),
        ("run 'a b", "unclosed quote: 'a b", "run 'a b'"),
        ('hostname "a', 'unclosed quote: "a', 'hostname "a"'),
    ],
)  # fmt: skip
def test_a_usage_error_names_its_mend(capsys: Told, line: str, why: str, fix: str) -> None:
    shell = Shell()
    assert say(capsys, line, shell=shell) == ("", [why, f"try: {fix}"], 2)
    assert (shell.state, len(shell.past)) == (Shell().state, 0)
    # What is proposed can be typed: no usage error comes of it. (Only what starts nothing is.)
    if fix.split()[0] not in ("run", "sh", "undo"):
        assert say(capsys, fix)[2] == 0


@pytest.mark.parametrize(
    ("lines", "why", "fixes"),
    [
        (["undo"], "there is nothing to undo", ["show"]),
        (["redo"], "there is nothing to redo", ["show"]),
        (["cd /a", "undo 5"], "there is 1 change to undo, not 5", ["undo 1"]),
        (["cd /a; cd /b", "undo 3"], "there are 2 changes to undo, not 3", ["undo 2"]),
        (["source /proc/nonexistent"], "cannot read /proc/nonexistent: No such file or directory", []),
        (["source /"], "cannot read /: Is a directory", []),
        (["source ~/none"], "cannot read ~/none: No such file or directory",
         [f"source {os.path.expanduser('~/none')}"]),
        (["save /proc/nonexistent/x"], "cannot write /proc/nonexistent/x: No such file or directory",
         ["!mkdir -p /proc/nonexistent"]),
        (["save /"], "cannot write /: Is a directory", []),
        (["save /dev/full"], "cannot write /dev/full: No space left on device", []),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_1(
    capsys: Told, lines: list[str], why: str, fixes: list[str]
) -> None:
    assert say(capsys, *lines) == ("", [why, *[f"try: {fix}" for fix in fixes]], 1)


def test_a_line_with_an_open_quote_does_nothing(capsys: Told) -> None:
    shell = Shell()
    assert say(capsys, "flags +pid; hostname 'x", shell=shell)[2] == 2
    assert shell.state == Shell().state


def test_after_an_error_the_rest_of_the_line_runs(capsys: Told) -> None:
    shell = Shell()
    assert say(capsys, "flags +foo; hostname x; umount", shell=shell)[2] == 2
    assert shell.state.hostname == "x"
    shell.run_line("umount; show")
    assert shell.status == 0


def test_with_stop_it_does_not(capsys: Told) -> None:
    for line in ("flags +foo; hostname x", "hostname 'x", "undo; hostname x"):
        shell = Shell(stop=True)
        assert shell.run_line(line)
        assert (shell.status > 0, shell.state.hostname) == (True, None)


def test_a_message_holds_no_control_character(capsys: Told) -> None:
    _, errors, status = say(capsys, "'\x1b[2J\x07\x9b'")
    assert (errors[0], status) == ("there is no command \\x1b[2J\\x07\\x9b", 2)


def test_a_status_is_shown_at_a_prompt(capsys: Told) -> None:
    shell = Shell(interactive=True)
    assert say(capsys, "umount", shell=shell)[0] == "[2]\n"
    assert say(capsys, "undo; undo; cd", shell=shell)[0] == f"[1]\n[1]\n{os.getcwd()}\n"
