"""The commands of children that stay, typed and piped, as root and as an ordinary user."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from nsh.commands import listing
from nsh.prompt.completion import complete
from nsh.shell import Shell
from nsh.voice.text import plain
from tests import needs
from tests.conftest import nsh
from tests.lines import Told, say
from tests.unprivileged import nsh_unprivileged

THE_WAY = """\
flags {first}+uts +pid +mnt
{second}
hostname web
mount proc /proc
start web sleep 1000
reset
enter web ps -e
join web {third}uts
run hostname
reset
enter web sh -c 'echo $$; uname -n; id -u'
ns web
children
stop web
children
"""


@pytest.fixture
def shell() -> Iterator[Shell]:
    made = Shell()
    yield made
    made.end_all()


def check_the_way(text: str) -> None:
    assert re.search(r"^ +1 \S+ +\S+ sleep$", text, re.MULTILINE)
    assert "\nnsh> run hostname\nweb\n" in text
    assert re.search(r"id -u'\n\d+\nweb\n0\n", text)
    assert re.search(r"^uts .* its own$", text, re.MULTILINE)
    assert re.search(r"^net .* shared$", text, re.MULTILINE)
    assert re.search(r"^web +\d+ +1 +\d s +.*uts pid mnt +sleep 1000$", text, re.MULTILINE)
    assert re.search(r"^web +- +- +killed by SIGKILL +.*uts pid mnt", text, re.MULTILINE)


@needs.NAMESPACES
def test_the_way_through_as_root() -> None:
    script = THE_WAY.format(first="", second="", third="")
    result = nsh("-v", stdin=script, env={"PATH": "/usr/bin:/bin"})
    assert result.stderr == ""
    check_the_way(result.stdout)


def test_the_way_through_as_an_ordinary_user() -> None:
    script = THE_WAY.format(first="+user ", second="map root", third="user ")
    result = nsh_unprivileged("-v", stdin=script, env={"PATH": "/usr/bin:/bin"})
    assert result.stderr == ""
    check_the_way(result.stdout)


@pytest.mark.parametrize(
    ("line", "why", "fix"),
    [
        ("start", "usage: start NAME [CMD ARG...]", "help start"),
        ("start 1x sleep 1", "start: '1x' is no name", "start c1x sleep 1"),
        ("start a-b", "start: 'a-b' is no name", "start a_b"),
        (
            "start PATH ls /",
            "start: PATH is a variable of the environment or of sh",
            "start PATH1 ls /",
        ),
        ("start uts", "start: uts is a namespace", "start uts1"),
        ("start web true", "start: web lives already", "stop web"),
        ("log", "usage: log NAME", "help log"),
        ("log wb", "log: there is no child wb: did you mean web?", "log web"),
        ("stop", "usage: stop NAME...", "help stop"),
        ("stop web nix", "stop: there is no child nix: there are web", "help start"),
        ("wait a b", "usage: wait NAME", "help wait"),
        ("signal web FOO", "signal: there is no signal FOO", "signal web TERM"),
        ("signal web 0", "signal: there is no signal 0", "signal web TERM"),
        ("signal web ²", "signal: there is no signal ²", "signal web TERM"),
        (f"signal web {'9' * 5000}", "signal: there is no signal 9", "signal web TERM"),
        ("signal web KIL", "signal: there is no signal KIL", "signal web KILL"),
        ("start LD_PRELOAD", "start: LD_PRELOAD is a variable of the", "start LD_PRELOAD1"),
        ("start IFS", "start: IFS is a variable of the environment or of sh", "start IFS1"),
        ("enter", "usage: enter NAME [CMD ARG...]", "help enter"),
        ("enter nix ls", "enter: there is no child nix: there are web", "help start"),
        ("unpin web", "unpin: web is not pinned", "pin web"),
        ("stop -t 5 web", "stop: there is no option -t", "stop web"),
        ("stop -f", "stop: there is no option -f", "children"),
        ("enter wb ps", "enter: there is no child wb: did you mean web?", "enter web ps"),
        ("enter wb", "enter: there is no child wb: did you mean web?", "enter web"),
        ("enter wb sh -c 'a b'", "enter: there is no child wb", "enter web sh -c 'a b'"),
        ("enter -it web sh", "enter: there is no option -it", "enter web sh"),
        ("plan enter wb ps", "plan: there is no child wb", "plan enter web ps"),
        ("diff -c wb ps -e", "diff: there is no child wb", "diff -c web ps -e"),
        ("signal wb USR1", "signal: there is no child wb", "signal web USR1"),
        ("signal USR1 web", "signal: the name of the child comes before", "signal web USR1"),
        ("signal -9 web", "signal: the name of the child comes before", "signal web KILL"),
        ("signal SIGHUP web", "signal: the name of the child comes before", "signal web HUP"),
        ("signal FO web", "signal: there is no signal FO", "signal web TERM"),
        ("kill web", "there is no command kill", "signal web"),
        ("kill -9 web", "there is no command kill", "signal web KILL"),
        ("kill -s USR1 web", "there is no command kill", "signal web USR1"),
        ("kill -TERM web x", "there is no command kill", "signal web"),
        ("kill -- web", "there is no command kill", "signal web"),
        ("kill -40 web", "there is no command kill", "signal web 40"),
        ("kill web web", "there is no command kill", "signal web"),
        ("kill 1", "there is no command kill", "run kill 1"),
        ("jobs", "there is no command jobs", "children"),
        ("exec web ps", "there is no command exec", "enter web ps"),
        ("ps", "there is no command ps", "run ps"),
        ("start -d w sleep 100", "start: there is no option -d", "start w sleep 100"),
        ("children x", "usage: children", "help children"),
        ("ns nix", "ns: there is no child nix: there are web", "children"),
        ("diff -c web", "usage: diff [-c NAME] CMD [ARG...]", "help diff"),
        ("diff -c web ls / | head", "diff takes words as they", "diff -c web sh -c 'ls / | head'"),
        ("diff  -c  web  ls | wc", "diff takes words as they", "diff -c web sh -c 'ls | wc'"),
        ("start z sleep 5 | cat", "start takes words as they", "start z sh -c 'sleep 5 | cat'"),
        ("start 'z' ls > a", "start takes words as they", "start 'z' sh -c 'ls > a'"),
        ("enter web curl x | wc", "enter takes words as they", "enter web sh -c 'curl x | wc'"),
        ("step a | b", "step takes words as they", "step sh -c 'a | b'"),
        ("plan enter web a | b", "plan takes words as they", "plan enter web sh -c 'a | b'"),
        ("diff a | b", "diff takes words as they", "diff sh -c 'a | b'"),
    ],
)
def test_bad_input_has_one_clear_answer_and_loses_nothing(
    capsys: Told, shell: Shell, line: str, why: str, fix: str
) -> None:
    shell.run_line("start web")
    out, errors, status = say(capsys, line, shell=shell)
    assert (out, status) == ("", 2)
    assert errors[0].startswith(why)
    assert f"try: {fix}" in errors
    assert shell.started["web"].lives


def test_what_has_ended_is_said_to_have_ended(capsys: Told, shell: Shell) -> None:
    say(capsys, "start web sh -c 'echo out; exit 3'", "wait web", shell=shell)
    assert shell.status == 3
    ended = "web has ended: status 3"
    for line in ("enter web ls", "signal web", "pin web"):
        out, errors, status = say(capsys, line, shell=shell)
        assert (out, errors, status) == ("", [ended, "try: log web", "try: children"], 1)
    assert say(capsys, "log web", shell=shell) == ("out\n", [], 0)
    assert say(capsys, "stop web", shell=shell) == ("", [], 0)
    assert say(capsys, "start web true", shell=shell) == ("", [], 0)


def test_a_failure_is_told_as_with_run(capsys: Told, shell: Shell) -> None:
    state = "flags +user +mnt; map root; mount tmpfs /nowhere"
    for setup, command, expected in (("reset", "nosuch", 127), (state, "true", 125)):
        _, run, status = say(capsys, setup, f"run {command}", shell=shell)
        _, start, also = say(capsys, f"start web {command}", shell=shell)
        assert (start, also) == (run, status)
        assert status == expected
    assert not shell.started


def test_a_refused_state_starts_nothing(capsys: Told, shell: Shell) -> None:
    _, errors, status = say(capsys, "hostname x", "start web", shell=shell)
    assert errors[1:] == ["try: flags +uts"]
    assert (status, shell.started) == (125, {})


def test_undo_and_reset_end_no_child(capsys: Told, shell: Shell) -> None:
    say(capsys, "flags +user", "start web", "undo", "reset", shell=shell)
    assert shell.started["web"].lives
    assert shell.status == 0


def test_a_line_on_the_host_finds_the_pids(capsys: Told, shell: Shell) -> None:
    say(capsys, "start web", "start other", shell=shell)
    web, other = [shell.started[name].pid for name in ("web", "other")]
    assert shell.host_variables() == {"web": web, "other": other}
    result = nsh("-c", "start web; !cat /proc/$web/comm", "-c", "stop web; !echo [$web]")
    assert result.stdout == "nsh-pause\n[]\n"


def test_a_command_inside_has_the_childs_environment_and_directory(capsys: Told) -> None:
    lines = "env A=1; cd /usr/lib; start web; reset; env A=2; enter web sh -c 'echo $A; pwd'"
    assert nsh("-c", lines).stdout == "1\n/usr/lib\n"


def test_the_status_of_enter_is_the_commands() -> None:
    assert nsh("-c", "start web; enter web sh -c 'exit 9'").returncode == 9
    result = nsh("-c", "start web; enter web nosuch")
    assert result.returncode == 127
    assert "execve(" in result.stderr


@needs.NAMESPACES
def test_enter_takes_the_root_of_the_child() -> None:
    lines = (
        "flags +mnt; start web chroot /usr sleep 1000; !sleep 0.3",
        "reset; enter web /bin/sh -c 'pwd; echo *'",
    )
    result = nsh("-v", "-c", lines[0], "-c", lines[1])
    assert result.stdout.splitlines()[-2:] == ["/", " ".join(sorted(os.listdir("/usr")))]


def test_plan_takes_the_word_run(capsys: Told, shell: Shell) -> None:
    assert say(capsys, "plan run true", shell=shell) == say(capsys, "plan true", shell=shell)


def test_plan_shows_start_and_enter(capsys: Told, shell: Shell) -> None:
    text = say(capsys, "plan start web true", shell=shell)[0]
    assert re.search(r"keeper +setsid\(\)", text)
    assert re.search(r"keeper +prctl\(PR_SET_CHILD_SUBREAPER, 1\)", text)
    text = say(capsys, "flags +user", "start web", "reset", "plan enter web ps", shell=shell)[0]
    assert re.search(r"parent +pidfd_open\(\d+, 0\)", text)
    assert re.search(r"child +setns\(joined\[0\], CLONE_NEWUSER\)", text)
    assert re.search(r"child +fchdir\(cwd fd\)", text)


def test_names_are_completed_everywhere(shell: Shell) -> None:
    for line in ("start web sleep 1000", "start db", "start gone true", "wait gone"):
        shell.run_line(line)
    for command in ("enter", "signal", "stop", "pin", "ns", "diff -c", "join"):
        found = [each.text for each in complete(shell, f"{command} ")]
        assert found[:2] == ["web", "db"], command
        assert "gone" not in found
    for command in ("log", "wait"):
        assert [each.text for each in complete(shell, f"{command} ")] == ["web", "db", "gone"]
    assert "db" not in [each.text for each in complete(shell, "stop db ")]
    assert [each.text for each in complete(shell, "signal web US")][:2] == ["USR1", "USR2"]
    assert "uts" in [each.text for each in complete(shell, "join web u")]


def test_stop_ends_several_at_the_same_time(capsys: Told, shell: Shell) -> None:
    for name in ("a", "b", "c"):
        shell.run_line(f"start {name} sleep 1000")
    assert say(capsys, "stop a b c", shell=shell) == ("", [], 0)
    assert [child.status for child in shell.started.values()] == [128 + signal.SIGTERM] * 3


def test_only_the_last_of_the_ended_are_kept(capsys: Told, shell: Shell) -> None:
    for number in range(60):
        say(capsys, f"start c{number} true", f"wait c{number}", shell=shell)
    say(capsys, "children", shell=shell)
    assert list(shell.started) == [f"c{number}" for number in range(10, 60)]


def test_a_pin_keeps_the_namespaces_and_unpin_lets_them_go(capsys: Told, shell: Shell) -> None:
    say(capsys, "flags +user +uts", "map root", "hostname box", "start web", shell=shell)
    link = shell.started["web"].made["uts"]
    say(capsys, "pin web", "stop web", "reset", shell=shell)
    assert shell.host.pins["web"].keys() == {"user", "uts"}
    say(capsys, "join web", shell=shell)
    assert shell.status == 0
    result = nsh(
        "-v",
        "-c",
        "flags +user +uts; map root; hostname box; start web; pin web; stop web; reset",
        "-c",
        "join web; run hostname; unpin web; run hostname",
    )
    assert "nsh> join web; run hostname; unpin web; run hostname\nbox\n[125]" in result.stdout
    say(capsys, "unpin web", shell=shell)
    assert shell.host.pins == {}
    assert link.startswith("uts:[")
    assert (shell.started["web"].pins, shell.status) == ({}, 0)


def test_quit_and_the_end_of_the_input_end_them() -> None:
    for end in ("quit 3", "quit"):
        assert nsh("-c", f"start web sleep 1000; {end}").returncode in (0, 3)


def test_a_script_may_wait_for_what_it_started() -> None:
    result = nsh("-e", "-c", "start a sh -c 'sleep 0.1; echo a'; wait a; log a; start b; stop b")
    assert (result.stdout, result.stderr, result.returncode) == ("a\n", "", 0)


@needs.NAMESPACES
def test_what_is_pinned_is_seen_and_can_be_joined(capsys: Told, shell: Shell) -> None:
    say(capsys, "flags +uts", "hostname kept", "start keep sleep 1000", "pin keep", shell=shell)
    assert re.search(
        r"^keep +\d+ .* uts \(pinned\) +sleep", say(capsys, "children", shell=shell)[0], re.M
    )
    say(capsys, "stop keep", "reset all", shell=shell)
    assert re.search(
        r"^keep +- .* uts \(pinned\) +sleep", say(capsys, "children", shell=shell)[0], re.M
    )
    _, errors, status = say(capsys, "enter keep hostname", shell=shell)
    assert (errors[1], status) == ("try: join keep", 1)
    say(capsys, "join keep", "unpin keep", shell=shell)
    assert shell.status == 0
    assert "pinned" not in say(capsys, "children", shell=shell)[0]
    assert say(capsys, "unpin keep", shell=shell)[1] == [
        "unpin: keep is not pinned",
        "try: children",
    ]


@needs.NAMESPACES
def test_the_example_of_start_shows_only_what_is_inside(shell: Shell) -> None:
    doc = shell.do_start.__doc__ or ""
    lines = [line.strip() for line in doc.splitlines() if line.startswith(" " * 12)]
    assert lines[0].startswith("flags ")
    assert lines[-1] == "stop web"
    result = nsh(stdin="\n".join(lines) + "\n")
    assert result.stderr == ""
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["CMD", "sleep", "ps"]


def test_a_long_command_is_cut_on_a_terminal_only(capsys: Told, shell: Shell) -> None:
    command = "sh -c 'sleep 1000; : " + "x" * 200 + "'"
    say(capsys, f"start long {command}", "start web sleep 1", shell=shell)
    whole = [plain(line) for line in listing.lines(shell.started.values())]
    assert whole[1].endswith(command)
    cut = [plain(line) for line in listing.lines(shell.started.values(), width=60)]
    assert [len(row) for row in cut] == [len(whole[0]), 60, len(whole[2])]
    assert cut[1] == whole[1][:59] + "…"
    assert (cut[0], cut[2]) == (whole[0], whole[2])
    begins = whole[0].index("command")
    narrow = list(listing.lines(shell.started.values(), width=9))
    assert plain(narrow[1]) == whole[1][: begins + 7] + "…"
    assert say(capsys, "children", shell=shell)[0].splitlines()[1].endswith(command)
