"""PID 1 is nsh's own init: what it hands on in both directions, what it reaps, what ends with it."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path

import pytest

from nsh.linux.processes import stat_fields
from tests import needs
from tests.conftest import nsh
from tests.runs import NSH
from tests.screen import Start, toolbar

pytestmark = needs.NAMESPACES

ON = ["flags +pid +mnt", "mount proc /proc", "init on"]


def session(*lines: str, status: int = 0) -> list[str]:
    """What the lines print after ON; the status is that of the last one."""
    stdin = "\n".join([*ON, *lines, ""])
    result = nsh(stdin=stdin, cwd="/")
    assert (result.stderr, result.returncode) == ("", status), result.stdout
    return result.stdout.splitlines()


def test_the_command_is_its_child() -> None:
    [init, command, *rest] = session("run ps -e -o pid,ppid,args --no-headers")
    assert init.split() == ["1", "0", "nsh:", "init"]
    assert command.split() == ["2", "1", "ps", "-e", "-o", "pid,ppid,args", "--no-headers"]
    assert rest == []


@pytest.mark.parametrize("line", ["init", "show"])
def test_it_is_shown(line: str) -> None:
    assert session(line)[-1] in ("on", "init on")
    assert session("init off", line)[-1] != "init on"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("true", 0),
        ("sh -c 'exit 7'", 7),
        ("sh -c 'exit 255'", 255),
        *[(f"sh -c 'kill -{number.name[3:]} $$'", 128 + number) for number in
          (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGSEGV, signal.SIGUSR1,
           signal.SIGPIPE, signal.SIGALRM, signal.SIGRTMAX)],
    ],
)  # fmt: skip
def test_the_status_is_handed_on(command: str, status: int) -> None:
    assert session(f"run {command}", status=status) == []


def test_a_command_that_is_not_there() -> None:
    result = nsh("-c", "; ".join(ON), "-c", "run nothing-like-that", "-c", "run echo still here")
    assert 'execve("' in result.stderr
    assert "no directory of PATH has a program nothing-like-that" in result.stderr
    assert result.stdout == "still here\n"


def test_what_is_orphaned_is_reaped() -> None:
    found = session(
        "sh (sleep 0.01 & sleep 0.02 &) ; sleep 0.2; ps -e -o stat --no-headers | grep -c Z; exit 0",
        "sh (exec sh -c 'sleep 1000 & exec true') ; ps -e -o ppid,comm --no-headers | grep sleep",
    )
    assert found[0] == "0"
    assert found[1].split() == ["1", "sleep"]


def test_what_the_command_has_left_ends_with_it(tmp_path: Path) -> None:
    session(f"sh (sleep 1; echo late > {tmp_path}/late) & exit 0", "!sleep 1.2")
    assert not (tmp_path / "late").exists()


def test_a_line_of_sh_and_diff() -> None:
    assert session("sh echo $$ $PPID | cat") == ["2 1"]
    found = nsh(stdin="\n".join([*ON, "diff sh -c 'echo $$'", ""]), cwd="/").stdout
    assert "+2" in found.replace(" ", "")


def test_with_another_user_and_limits_and_a_user_namespace() -> None:
    found = session(
        "user 65534:65534",
        "rlimit nofile 10",
        "umask 077",
        "run sh -c 'id -u; ulimit -n; umask; stat -c %u /proc/1'",
        "reset user",
        "flags +user",
        "map root",
        "run sh -c 'id -u; echo $$'",
    )
    assert found == ["65534", "10", "0077", "65534", "0", "2"]


@pytest.mark.parametrize(
    "name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "WINCH", "CONT"]
)
def test_a_signal_from_outside_is_handed_on(name: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(
        f"trap 'echo caught {name}; exit 9' {name}\ntouch {tmp_path}/ready\n"
        "while :; do sleep 0.01; done\n"
    )
    ready = f"!until test -e {tmp_path}/ready; do sleep 0.01; done"
    lines = [f"start web sh {script}", ready, f"signal web {name}", "wait web"]
    assert session(*lines, status=9) == []
    (tmp_path / "ready").unlink()
    assert session(*lines, "log web") == [f"caught {name}"]


def test_a_child_with_an_init_is_stopped_and_killed() -> None:
    found = session("start a sleep 1000", "start b sh -c 'trap \"\" TERM; while :; do sleep 1; done'",
                    "stop a", "stop b", "children")  # fmt: skip
    assert "killed by SIGTERM" in found[1]
    assert "killed by SIGKILL" in found[2]
    assert session("start a sleep 1000", "signal a KILL", "wait a", status=137) == []


def test_without_a_new_pid_namespace_it_is_refused() -> None:
    result = nsh("-c", "init on", "-c", "run true")
    assert result.returncode == 125
    assert result.stderr.splitlines() == [
        "nsh: -c:2: an init is PID 1 of a new pid namespace, and none is asked for",
        "nsh: -c:2: try: flags +pid",
        "nsh: -c:2: try: init off",
    ]


def test_ctrl_c_reaches_the_command_once(start: Start) -> None:
    tty = start()
    tty.line("; ".join(ON))
    tty.line(
        'run sh -c \'n=0; trap "n=\\$((n+1))" INT; echo started; '
        "sleep 1 & wait; sleep 0.3; echo counted $n; exit 3'"
    )
    tty.until("\nstarted")
    tty.keys("C-c")
    tty.until("counted 1\n")
    tty.until(lambda s: "│ [3] " in toolbar(s))


def test_ctrl_c_ends_a_command_and_the_rest_of_the_line(start: Start) -> None:
    tty = start()
    tty.line("; ".join(ON))
    tty.line("run sh -c 'echo started; exec sleep 1000'; run echo not this")
    tty.until("\nstarted")
    tty.keys("C-c")
    screen = tty.until(lambda s: "│ [130] " in toolbar(s))
    assert "\nnot this" not in screen
    assert "PID 1" not in screen.partition("started")[2]
    tty.line("run echo still here")
    tty.until("\nstill here")


def test_ctrl_z_under_a_shell_with_job_control(start: Start) -> None:
    tty = start(program="bash --norc --noprofile -i")
    tty.until("bash-")
    tty.type(shlex.join(NSH))
    tty.keys("Enter")
    tty.line("; ".join(ON))
    tty.line("run sh -c 'echo started; read x; echo got $x'")
    tty.until("\nstarted")
    inner = int(Path(f"/proc/{tty.nsh}/task/{tty.nsh}/children").read_text().split()[0])
    init = int(Path(f"/proc/{inner}/task/{inner}/children").read_text().split()[0])
    command = int(Path(f"/proc/{init}/task/{init}/children").read_text().split()[0])
    tty.keys("C-z")
    tty.until("Stopped")
    tty.until(lambda _: [stat_fields(pid)[0] for pid in (inner, command)] == ["T", "T"])
    tty.type("fg")
    tty.keys("Enter")
    tty.until(lambda s: s.replace("\n", "").count("nsh/__main__.py") >= 3)
    tty.type("abc")
    tty.keys("Enter")
    tty.until("\ngot abc")
    tty.ready()
