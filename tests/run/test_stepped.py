"""A stepped run beside a plain one: the same calls, the same command, and nothing left when nsh dies."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import NSH, nsh
from tests.run.test_strace import ENV, STATES, WITH_RANGES
from tests.runs import marked, sh, until
from tests.steps import WAYS, ways
from tests.unprivileged import open_nsh, ordinary_user

LOOKS = (
    "hostname; id; pwd; umask; nice; ulimit -n; cat /proc/self/uid_map;"
    " grep -E '^(SigIgn|Cap|NSpid|NoNewPrivs|Groups)' /proc/$$/status; ls -l /proc/$$/fd; exit 3"
)
"""What a command finds, and a status of its own."""


def normal(text: str) -> str:
    """Without the numbers that differ from run to run: processes, pipes, addresses."""
    text = re.sub(
        r"SigQ:.*|NSpid:.*|0x[0-9a-f]+|pipe:\[\d+\]|[A-Z][a-z]{2} +\d+ \d\d:\d\d", "", text
    )
    return re.sub(r"\b\d{3,}\b", "N", text)


def by_actor(lines: list[str]) -> dict[str, list[str]]:
    """The calls of each actor, in its order; those of a trace, and those that `next` prints."""
    found: dict[str, list[str]] = {}
    for line in lines:
        if call := re.search(r"\[([A-Za-z0-9 ]+)\] (\w+\(.*)", line):
            found.setdefault(call[1], []).append(normal(call[2]))
    return found


def compare(state: str, before: list[str], env: dict[str, str] | None = None) -> None:
    """Step through a run of that state, from start to end, and hold it beside a plain one."""

    def of(*lines: str, trace: bool = False) -> subprocess.CompletedProcess[str]:
        script = "\n".join([state, *lines, ""])
        flags = ["-x"] if trace else []
        return nsh(*flags, stdin=script, start=[*before, *open_nsh()], env=env, cwd="/")

    argv = f'sh -c "{LOOKS}"'.replace("$", "\\$")
    ran, traced = of(f"run {argv}"), of(f"run {argv}", trace=True)
    went_on = of(f"step {argv}", "continue")
    one_by_one = of(f"step {argv}", *["next"] * 60)
    at_once = of(f"step {argv}", "next 1000")
    assert ran.returncode == traced.returncode == went_on.returncode == at_once.returncode == 3
    # After the end there is nothing to step through.
    assert "no run is being stepped through" in one_by_one.stderr

    def output(text: str) -> str:
        return normal(
            "\n".join(
                [
                    line
                    for line in text.splitlines()
                    if not re.match(r"-> |       |\[[A-Za-z0-9 ]+\] \w+\(", line)
                ]
            )
        )

    wanted = output(ran.stdout)
    assert "SigIgn" in wanted
    for stepped in (went_on, one_by_one, at_once):
        assert output(stepped.stdout) == wanted
    calls = by_actor(traced.stderr.splitlines())
    assert by_actor(one_by_one.stdout.splitlines()) == calls
    assert by_actor(at_once.stdout.splitlines()) == calls
    places = re.findall(r"^-> (\d+)/(\d+) (.*?): (\w+)\(", one_by_one.stdout, re.MULTILINE)
    assert [int(at) for at, _, _, _ in places] == list(range(1, int(places[0][1]) + 1))
    made = re.findall(r"^\[(.*?)\] (\w+)\(", one_by_one.stdout, re.MULTILINE)
    assert [(who, name) for _, _, who, name in places[:-1]] == made[: len(places) - 1]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=needs.SUBORDINATE if outer else needs.rights(state))
        for name, (state, _, _, outer) in STATES.items()
    ],
)
def test_it_is_the_run_of_that_state(name: str, place: Path) -> None:
    state, _, user, outer = STATES[name]
    compare(state.format(tmp=place), [*outer, *user], ENV)


@pytest.mark.parametrize("name", ways())
def test_it_is_the_run_of_each_way_to_fork(name: str) -> None:
    compare(WAYS[name], [])


@pytest.mark.parametrize("name", ["user", "nobody", "all", "init"])
def test_it_is_the_run_of_an_ordinary_user(name: str) -> None:
    compare(WAYS[name], ordinary_user())


@needs.SUBORDINATE
@pytest.mark.parametrize("count", range(22))
def test_newuidmap_is_stepped_through_and_aborted(count: int) -> None:
    script = ["flags +user +pid", "map auto", "step cat /proc/self/uid_map"]
    script += [f"next {count}"] if count else []
    children = "!ps --no-headers -o comm --ppid $PPID | grep -v '^sh$' || echo none left"
    result = nsh(
        *[word for line in [*script, "abort", children] for word in ("-c", line)],
        before=WITH_RANGES,
        start=[*ordinary_user(gaining=True), *open_nsh()],
        cwd="/",
    )
    last = result.stdout.splitlines()[-1]
    assert last == "none left"
    if count < 20:
        assert result.stderr == ""
    if count in (10, 13):
        assert re.search(r"\[new.idmap\] execve\(.* = 0\n-> \d+/20 parent: wait4", result.stdout)


@needs.SUBORDINATE
def test_newuidmap_that_says_no_is_told_where_it_is_waited_for() -> None:
    lines = ["flags +user", "uidmap 0 3000000 10", "step true", "next 8", *["next"] * 4]
    result = nsh(
        *[word for line in lines for word in ("-c", line)],
        before=WITH_RANGES,
        start=[*ordinary_user(gaining=True), *open_nsh()],
        cwd="/",
    )
    assert "[newuidmap] execve(" in result.stdout
    assert "newuidmap maps only your own id" in result.stderr
    assert "no run is being stepped through" in result.stderr


SIGNALS = ["", "trap '' INT", "trap '' INT QUIT TSTP", "trap '' TERM HUP PIPE USR1"]


@needs.NAMESPACES
@pytest.mark.parametrize("trap", SIGNALS)
@pytest.mark.parametrize("state", ["", "flags +pid", "flags +pid; init on"])
def test_the_command_finds_signals_as_in_a_run(trap: str, state: str) -> None:
    def found(*lines: str) -> list[str]:
        before = ["env", "--default-signal", *sh(trap or ":")]
        result = nsh(stdin="\n".join([state, *lines, ""]), before=before)
        return re.findall(r"^Sig(?:Blk|Ign|Cgt).*", result.stdout, re.MULTILINE)

    looks = "sed -n /^Sig/p /proc/self/status"
    wanted = found(f"run {looks}")
    assert len(wanted) == 3
    assert found(f"step {looks}", "continue") == wanted
    assert found(f"step {looks}", *["next"] * 20) == wanted


def test_between_two_calls_it_ignores_the_keys_of_the_terminal() -> None:
    # It is in the foreground, where they send SIGINT, SIGQUIT and SIGTSTP.
    lines = ["step true", "next 3", "!kill -INT $step; kill -QUIT $step; kill -TSTP $step"]
    result = nsh(stdin="\n".join([*lines, "children", "continue", ""]))
    assert (result.returncode, result.stderr) == (0, "")
    assert "at 4/5 child: poll(...)" in result.stdout


@pytest.mark.parametrize("number", ["KILL", "TERM", "HUP"])
def test_one_that_another_ends_is_told_by_the_next_command(number: str) -> None:
    for command in ("next", "continue"):
        lines = ["step true", "next 3", f"!kill -{number} $step; while kill -0 $step; do"]
        lines[-1] += " grep -q '^State:.Z' /proc/$step/status && exit; done"
        result = nsh("-v", stdin="\n".join([*lines, "!echo ${step-none}", command, "next", ""]))
        status = 128 + signal.Signals[f"SIG{number}"]
        assert f"the stepped run is over: child has ended, killed by SIG{number}" in result.stderr
        assert f"\n[{status}]\n" in result.stdout
        assert "\nnone\n" in result.stdout
        assert "no run is being stepped through" in result.stderr


@pytest.mark.parametrize("name", ways())
def test_nothing_is_left_when_nsh_is_killed(name: str) -> None:
    # Before the call of prctl the kernel does not tell of it: it is the end of file at the gate.
    count, total = 0, 1
    while count < total:
        mark = f"mark-{name.replace(' ', '-')}-{count}-of-this-test"
        shell = subprocess.Popen(
            [*NSH, "-", mark], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert shell.stdin is not None
            assert shell.stdout is not None
            lines = [WAYS[name], "step true", *([f"next {count}"] if count else []), "trace"]
            shell.stdin.write("\n".join(lines) + "\n")
            shell.stdin.flush()
            text = ""
            while not text.endswith("\noff\n"):
                text += shell.stdout.readline()
            places = re.findall(r"^-> (\d+)/(\d+)", text, re.MULTILINE)
            assert int(places[-1][0]) == count + 1
            total = int(places[-1][1])
            forked = re.search(r"^\[parent\] clone\(", text, re.MULTILINE)
            assert len(marked(mark)) > bool(forked)
        finally:
            shell.kill()
            shell.communicate()
        until_none(mark)
        count += 1


def until_none(mark: str) -> None:
    until(lambda: not marked(mark), "the end of all")
