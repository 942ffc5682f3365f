"""step, next, continue and abort as they are typed, and what else is said of the stepped run."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nsh.prompt import lookup
from nsh.prompt.completion import complete
from nsh.prompt.toolbar import fragments
from nsh.shell import Shell
from nsh.voice.text import plain
from tests import needs
from tests.conftest import nsh
from tests.lines import Told, say
from tests.runs import children, until

UTS = ("flags +user +uts", "map root", "hostname box")


def plain_plan(shell: Shell, line: str) -> str:
    return plain(lookup.plan_of(shell, line))


def made_until_mapped() -> int:
    """How many calls a run of UTS makes until its uts namespace and its maps are there."""
    shell = Shell()
    for line in UTS:
        shell.run_line(line)
    calls = shell.planned(shell.state, ["true"]).calls
    return next(at for at, call in enumerate(calls) if call.why == "the maps are written")


MAPPED = made_until_mapped()


@pytest.fixture
def shell() -> Iterator[Shell]:
    made = Shell()
    yield made
    made.end_all()
    assert made.stepped is None


def test_step_shows_the_first_call_and_makes_none(capsys: Told, shell: Shell) -> None:
    before = set(children(os.getpid()))
    out, errors, status = say(capsys, "step true", shell=shell)
    assert out == (
        "-> 1/5 parent: pipe2([reports[0], reports[1]], O_CLOEXEC)\n"
        "       for the child's reports; end of file on it means that execve worked\n"
    )
    assert (errors, status) == ([], 0)
    assert set(children(os.getpid())) == before


def test_next_shows_what_it_makes_and_what_comes(capsys: Told, shell: Shell) -> None:
    out, errors, status = say(capsys, "step true", "next 3", shell=shell)
    assert re.fullmatch(
        r"\[parent\] pipe2\(\[\d+, \d+\], O_CLOEXEC\) = 0\n"
        r"\[parent\] clone\(child_stack=NULL, flags=SIGCHLD\) = \d+\n"
        r"\[child\] prctl\(PR_SET_PDEATHSIG, SIGKILL\) = 0\n"
        r"-> 4/5 child: poll\(\[\{fd=\d+, events=0\}\], 1, 0\)\n"
        r"       is nsh still there to read\? If not, it died before the line above\n",
        out,
    )
    assert (errors, status) == ([], 0)
    assert say(capsys, "next", shell=shell)[0].splitlines()[1].startswith("-> 5/5 child: execve(")


def test_the_tries_along_path_are_one_call() -> None:
    lines = ["env PATH=/nowhere:/usr/bin:/bin", "step sh -c 'echo out; exit 3'", "next 4", "next"]
    result = nsh(stdin="\n".join([*lines, ""]))
    *_, coming, why, more, first, second, out = result.stdout.splitlines()
    assert coming.startswith('-> 5/5 child: execve("/nowhere/sh", ["sh", "-c", ')
    assert " ".join((why + more).split()).endswith(
        "of the tries in 3 directories of PATH, /usr/bin/sh is the first there is on this host"
    )
    assert first.startswith('[child] execve("/nowhere/sh", ')
    assert first.endswith(" = -1 ENOENT (No such file or directory)")
    assert second.startswith('[child] execve("/usr/bin/sh", ')
    assert second.endswith(" = 0")
    assert (out, result.stderr, result.returncode) == ("out", "", 3)


def test_continue_is_as_a_run(capsys: Told, shell: Shell) -> None:
    ended: list[tuple[list[str], int, object]] = []
    shell.run_ended.append(lambda argv: ended.append((argv, shell.status, shell.state)))
    for line in UTS:
        shell.run_line(line)
    wanted = shell.state
    shell.run_line("step sh -c 'exit 7'")
    shell.run_line("reset; flags +ipc")
    between = shell.state
    assert say(capsys, "continue", shell=shell) == ("", [], 7)
    assert ended == [(["sh", "-c", "exit 7"], 7, wanted)]
    assert shell.state is between
    assert shell.last_error is None


def test_the_state_it_was_begun_with_is_its_own() -> None:
    lines = [*UTS, "step hostname", "next 4", "hostname other", "reset", "umask 7", "continue"]
    result = nsh(stdin="\n".join([*lines, "run sh -c umask", ""]))
    assert result.stdout.splitlines()[-2:] == ["box", "0007"]
    assert result.stderr == ""


def test_abort_says_nothing(capsys: Told, shell: Shell) -> None:
    before = set(children(os.getpid())), len(os.listdir("/proc/self/fd"))
    say(capsys, *UTS, "step true", f"next {MAPPED}", shell=shell)
    assert set(children(os.getpid())) != before[0]
    assert say(capsys, "abort", shell=shell) == ("", [], 0)
    assert (set(children(os.getpid())), len(os.listdir("/proc/self/fd"))) == before


@pytest.mark.parametrize("command", ["next", "next 3", "continue", "abort"])
def test_without_a_step(capsys: Told, command: str) -> None:
    assert say(capsys, command) == ("", ["no run is being stepped through", "try: step CMD"], 1)


def test_a_second_step(capsys: Told, shell: Shell) -> None:
    say(capsys, "step true", "next", shell=shell)
    assert say(capsys, "step false", shell=shell) == (
        "",
        [
            "a run is being stepped through, and is at 2/5 parent: clone(...)",
            "try: continue",
            "try: abort",
        ],
        1,
    )
    assert say(capsys, "continue", shell=shell) == ("", [], 0)


@pytest.mark.parametrize("word", ["0", "x", "-1", "1.5", "''", "٣"])
def test_no_number_of_calls(capsys: Told, shell: Shell, word: str) -> None:
    say(capsys, "step true", shell=shell)
    out, errors, status = say(capsys, f"next {word}", shell=shell)
    assert (out, status) == ("", 2)
    typed = "" if word == "''" else word
    assert errors == [
        f"next: {typed!r} is no number of calls: a whole number from 1 on",
        "try: help next",
    ]
    assert shell.stepped is not None
    assert shell.stepped.at == 0


@pytest.mark.parametrize("line", ["continue 1", "abort x", "next 1 2"])
def test_too_many_words(capsys: Told, shell: Shell, line: str) -> None:
    say(capsys, "step true", shell=shell)
    out, errors, status = say(capsys, line, shell=shell)
    assert (out, status) == ("", 2)
    assert errors[0].startswith("usage: ")
    assert shell.stepped is not None


def test_what_is_refused_and_what_needs_a_shell(capsys: Told, shell: Shell) -> None:
    out, errors, status = say(capsys, "hostname x", "step true", shell=shell)
    assert (out, status) == ("", 125)
    assert "try: flags +uts" in errors
    out, errors, status = say(capsys, "reset", "step ls | wc", shell=shell)
    assert (out, status) == ("", 2)
    assert errors[-1] == "try: step sh -c 'ls | wc'"
    assert shell.stepped is None


def test_a_call_that_fails_is_explained_and_the_run_is_over() -> None:
    lines = ["flags +user +mnt", "map root", "mount tmpfs /no/such", "step true", "next 1000"]
    result = nsh(stdin="\n".join([*lines, "next", "explain", ""]))
    assert result.stdout.splitlines()[-1] != ""
    wanted = 'mount("none", "/no/such", "tmpfs", 0, NULL) = -1 ENOENT (No such file or directory)'
    assert f"[child] {wanted}\n" in result.stdout
    assert re.findall(r"^nsh: stdin:5: (.*)", result.stderr, re.MULTILINE) == [
        wanted,
        "there is no directory /no/such to mount on",
        "try: !mkdir -p /no/such",
    ]
    assert "stdin:6: no run is being stepped through" in result.stderr


@pytest.mark.parametrize(("words", "status"), [("/nosuch", 127), ("/etc/passwd", 126)])
@pytest.mark.parametrize("ending", ["continue", "next 1000"])
def test_a_program_that_cannot_be_executed(words: str, status: int, ending: str) -> None:
    result = nsh(stdin=f"step {words}\n{ending}\n")
    assert result.returncode == status
    assert f'execve("{words}", ' in result.stderr
    assert nsh(stdin=f"run {words}\n").stderr.replace(":1:", ":2:") == result.stderr


@needs.AROUND
def test_where_proc_is_another_s_it_is_not_begun() -> None:
    result = nsh(stdin="step true\nnext\n", before=["unshare", "-pf"])
    assert "stdin:2: no run is being stepped through" in result.stderr
    assert "/proc" in result.stderr.splitlines()[0]
    assert result.stdout == ""


def test_trace_is_for_continue_and_adds_nothing_to_next() -> None:
    next_alone = nsh(stdin="step true\nnext 1000\n")
    traced = nsh("-x", stdin="step true\nnext 1000\n")
    assert traced.stderr == next_alone.stderr == ""
    assert traced.stdout.count("\n") == next_alone.stdout.count("\n")
    went_on = nsh("-x", stdin="step true\nnext 3\ncontinue\n")
    calls = re.findall(r"^nsh: stdin:3: \[child\] (\w+)\(", went_on.stderr, re.MULTILINE)
    assert calls[0] == "poll"
    assert set(calls[1:]) == {"execve"}


def test_it_is_step_to_other_commands(capsys: Told, shell: Shell) -> None:
    say(capsys, *UTS, "step true", f"next {MAPPED}", shell=shell)
    assert shell.stepped is not None
    pid = shell.stepped.pid
    rows = say(capsys, "children", shell=shell)[0].splitlines()
    assert re.fullmatch(
        rf"step +{pid} +{pid} +at {MAPPED + 1}/\d+ parent: write\(\.\.\.\) +user uts +true", rows[1]
    )
    assert len(rows) == 2
    table = say(capsys, "ns step", shell=shell)[0]
    uts = os.readlink(f"/proc/{pid}/ns/uts")
    assert re.search(rf"^uts +CLONE_NEWUTS +\S+ +{re.escape(uts)} +its own$", table, re.MULTILINE)
    assert re.search(r"^net .* shared$", table, re.MULTILINE)
    assert shell.host_variables()["step"] == pid
    assert "step" not in shell.host.living


def test_the_half_made_child_is_entered_and_compared() -> None:
    begin = [*UTS, "step true", f"next {MAPPED}"]
    shows = "sh -c 'readlink /proc/self/ns/uts; id -u; cat /proc/self/uid_map'"
    result = nsh(
        stdin="\n".join([*begin, "!readlink /proc/$step/ns/uts", f"enter step {shows}", ""])
    )
    uts, entered, uid, uid_map = result.stdout.splitlines()[-4:]
    assert (uts, uid, uid_map.split()) == (entered, "0", ["0", str(os.geteuid()), "1"])
    assert uts != os.readlink("/proc/self/ns/uts")
    result = nsh(stdin="\n".join([*begin, "diff -c step readlink /proc/self/ns/uts", ""]))
    assert f"+{uts[:5]}" in result.stdout
    assert result.returncode == 1


@needs.NAMESPACES
def test_mounts_are_seen_one_after_the_other(place: Path) -> None:
    lines = ["flags +mnt", f"mount tmpfs {place}", f"mount tmpfs {place} -o ro", "step true"]
    looks = f"!grep -c ' {place} ' /proc/$step/mountinfo"
    result = nsh(stdin="\n".join([*lines, "next 6", looks, "next", looks, "next", looks, ""]))
    counts = [line for line in result.stdout.splitlines() if line.isdigit()]
    assert counts == ["0", "1", "2"]


def test_names_that_are_no_children(capsys: Told, shell: Shell) -> None:
    for command in ("ns step", "enter step true", "diff -c step true"):
        assert say(capsys, command, shell=shell)[1] == [
            "no run is being stepped through",
            "try: step CMD",
        ]
    say(capsys, "step true", shell=shell)
    for command in ("ns step", "enter step true", "diff -c step true"):
        assert say(capsys, command, shell=shell)[1] == [
            "the stepped run has no process yet: the fork is still to come",
            "try: next",
        ]
    for command in ("log", "stop", "wait", "signal", "pin"):
        assert say(capsys, f"{command} step", shell=shell)[1] == [
            f"{command}: step is the run that is being stepped through, and no child that stays",
            "try: continue",
            "try: abort",
        ]
    assert say(capsys, "start step true", shell=shell)[2] == 2
    assert shell.stepped is not None


def test_join_step_is_for_as_long_as_it_is_there(capsys: Told, shell: Shell) -> None:
    say(capsys, *UTS, "step true", f"next {MAPPED}", "reset", shell=shell)
    assert say(capsys, "join step", shell=shell) == ("", [], 0)
    assert say(capsys, "run true", shell=shell) == ("", [], 0)
    say(capsys, "abort", shell=shell)
    _, errors, status = say(capsys, "run true", shell=shell)
    assert status == 125
    assert errors[0] == "no run is being stepped through that has a process"
    assert errors[1:] == ["try: reset join", "try: step CMD"]


def test_its_end_is_told_at_the_prompt_once(capsys: Told, shell: Shell) -> None:
    say(capsys, "step true", "next 2", shell=shell)
    assert shell.look_after() == []
    assert shell.stepped is not None
    os.kill(shell.stepped.pid, 9)
    until(lambda: shell.stepped and shell.stepped.how_ended(), "its end")
    assert shell.look_after() == ["step has ended: killed by SIGKILL"]
    assert shell.look_after() == []
    assert "step" not in shell.host_variables()
    rows = say(capsys, "children", shell=shell)[0].splitlines()
    assert re.fullmatch(r"step +- +- +killed by SIGKILL +none +true", rows[1])
    for command in ("ns step", "enter step true"):
        assert say(capsys, command, shell=shell)[1] == ["the stepped run has ended", "try: abort"]
    assert say(capsys, "abort", shell=shell) == ("", [], 0)


def test_children_that_stay_beside_it() -> None:
    lines = ["step sh -c 'exit 4'", "next 3", "start web sleep 1000", "children", "run nosuch"]
    lines += ["!kill -0 $web $step", "stop web", "start web", "continue"]
    result = nsh("-v", stdin="\n".join([*lines, ""]))
    assert result.returncode == 4
    assert re.search(r"^web .*\nstep ", result.stdout, re.MULTILINE)
    assert "kill" not in result.stderr


def gone(result: subprocess.CompletedProcess[str]) -> bool:
    """Whether all processes are gone whose forks were shown."""
    pids = re.findall(r"clone\(.*\) = (\d+)", result.stdout)
    return not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


@pytest.mark.parametrize("last", ["", "quit", "quit 3", "nosuch"])
def test_the_end_of_a_script_aborts_it_in_silence(last: str) -> None:
    script = ["flags +user +pid", "step true", "next 8", *([last] if last else [])]
    for result in (
        nsh(stdin="\n".join([*script, ""])),
        nsh(*[word for line in script for word in ("-c", line)]),
        nsh("-e", "-c", "\n".join(script)),
    ):
        assert "abort" not in result.stdout + result.stderr
        assert result.returncode == {"quit 3": 3, "nosuch": 2}.get(last, 0)
        assert "clone(" in result.stdout
        until(functools.partial(gone, result), "the end of all")


def test_an_interactive_shell_says_that_it_ends(capsys: Told) -> None:
    shell = Shell(interactive=True)
    shell.run_line("step true")
    shell.run_line("next 2")
    capsys.readouterr()
    shell.end_all()
    shell.flush()
    assert capsys.readouterr().out == "the stepped run is aborted\n"
    shell.end_all()
    shell.flush()
    assert capsys.readouterr().out == ""


def test_a_recording_does_not_begin_in_the_middle(capsys: Told, shell: Shell, place: Path) -> None:
    say(capsys, "step true", shell=shell)
    _, errors, status = say(capsys, f"record {place}/x.nsh.md", shell=shell)
    assert status == 1
    assert errors[1:] == ["try: continue", "try: abort"]
    assert list(place.iterdir()) == []


def test_what_is_recorded_is_replayed(place: Path) -> None:
    file = place / "step.nsh.md"
    lines = [*UTS, "step sh -c 'hostname; exit 3'", "next 3", "ns step", "children"]
    lines += ["!readlink /proc/$step/ns/uts", "next 8", "next 1000", "step true", "abort"]
    recorded = nsh("--record", str(file), stdin="\n".join([*lines, ""]))
    assert recorded.stderr == ""
    assert "pipe2([{int}, {int}], O_CLOEXEC) = 0 (glob)" in file.read_text()
    for _ in range(2):
        replayed = nsh("--test", str(file))
        assert replayed.returncode == 0, replayed.stdout


def test_completion_and_f2(capsys: Told, shell: Shell) -> None:
    assert [each.text for each in complete(shell, "next ")] == []
    say(capsys, "step true", "next", shell=shell)
    assert [each.text for each in complete(shell, "next ")] == ["4"]
    assert "true" in [each.text for each in complete(shell, "step tru")]
    assert [each.text for each in complete(shell, "enter ")] == ["step"]
    assert [each.text for each in complete(shell, "ns ")] == []
    say(capsys, "next", shell=shell)
    assert [each.text for each in complete(shell, "ns ")] == ["step"]
    assert shell.following == "next"
    assert re.match(r"# step true\n +1  parent  pipe2", plain_plan(shell, "step true"))
    first = re.escape("# next: of these, from 3/5 child: prctl(...) on")
    assert re.match(rf"{first}\n +1  parent  pipe2", plain_plan(shell, "next"))
    assert shell.stepped is not None
    assert shell.stepped.at == 2


@pytest.mark.parametrize("width", [20, 40, 60, 80, 150])
def test_the_toolbar_shows_it_first(capsys: Told, shell: Shell, width: int) -> None:
    say(capsys, "step true", "next 2", shell=shell)
    shown = "".join([text for _, text in fragments(shell, 0.1, width)])
    assert len(shown) <= width
    assert shown.startswith(" step 3/5 child: prctl(...)"[:width])
    if width >= 80:
        assert " step 3/5 child: prctl(...) │ net mnt uts ipc pid user cgroup time │ " in shown
    say(capsys, "abort", shell=shell)
    assert "step" not in "".join([text for _, text in fragments(shell, 0.1, width)])


def test_a_hint_is_that_of_the_stepped_state() -> None:
    lines = ["hints on", "flags +user +pid", "step ps", "reset", "next 1000"]
    result = nsh(stdin="\n".join([*lines, ""]))
    assert "hint: new pid namespace" in result.stderr
