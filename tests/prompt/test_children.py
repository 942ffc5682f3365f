"""Commands at the prompt in a real terminal emulator: keys, signals, jobs, what they leave."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest

from nsh.linux.processes import stat_fields
from tests import needs
from tests.runs import NSH
from tests.screen import TOOLBAR, Start, toolbar


@pytest.mark.parametrize("flags", ["", "flags +user; map root", "flags +user +pid; map root"])
def test_ctrl_c_during_a_run_ends_the_command(start: Start, flags: str) -> None:
    tty = start()
    tty.line(flags or "show")
    tty.line("run sh -c 'trap \"echo caught; exit 3\" INT; echo started; sleep 1000 & wait'")
    tty.until("\nstarted")
    tty.keys("C-c")
    tty.until("caught")
    tty.until(lambda s: "│ [3] " in toolbar(s))
    tty.line("run echo still here")
    tty.until("\nstill here")


@pytest.mark.parametrize("term", ["tmux-256color", "dumb"])
def test_ctrl_backslash_ends_the_command_and_not_nsh(start: Start, term: str) -> None:
    tty = start(env={"TERM": term})
    tty.until("nsh>")
    tty.keys("C-\\")
    tty.type("run sh -c 'echo started; sleep 1000'")
    tty.keys("Enter")
    tty.until("\nstarted")
    tty.keys("C-\\")
    tty.until("[131]\n")
    tty.type("run echo still here")
    tty.keys("Enter")
    tty.until("\nstill here")


def test_a_deaf_pid_1_is_named_and_killed_by_the_second_ctrl_c(start: Start) -> None:
    tty = start()
    tty.line("flags +user +pid; map root")
    tty.line("run sleep 1000")
    tty.until(lambda s: TOOLBAR not in s)
    tty.until(lambda s: _command_of(tty.nsh) == "sleep")
    tty.keys("C-c")
    tty.until("Ctrl-C once more kills it")
    tty.keys("C-c")
    tty.until(lambda s: "│ [137] " in toolbar(s))


def _command_of(pid: int) -> str:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return Path(f"/proc/{children[-1]}/comm").read_text().strip() if children else ""


@pytest.mark.parametrize("flags", ["show", "flags +user; map root", "flags +user +pid; map root"])
def test_ctrl_z_under_a_shell_with_job_control_stops_the_whole_job(
    start: Start, flags: str
) -> None:
    tty = start(program="bash --norc --noprofile -i")
    tty.until("bash-")
    tty.type(shlex.join(NSH))
    tty.keys("Enter")
    tty.line(flags)
    tty.line("run sh -c 'echo started; read x; echo got $x'")
    tty.until("\nstarted")
    nsh = int(Path(f"/proc/{tty.nsh}/task/{tty.nsh}/children").read_text().split()[0])
    command = int(Path(f"/proc/{nsh}/task/{nsh}/children").read_text().split()[0])
    tty.keys("C-z")
    tty.until("Stopped")
    tty.until(lambda _: [stat_fields(pid)[0] for pid in (nsh, command)] == ["T", "T"])
    tty.type("fg")
    tty.keys("Enter")
    tty.until(lambda s: s.replace("\n", "").count("nsh/__main__.py") >= 3)
    tty.type("abc")
    tty.keys("Enter")
    tty.until("\ngot abc")
    tty.ready()


def test_ctrl_z_at_the_prompt_stops_nsh_and_keeps_the_typed_line(start: Start) -> None:
    tty = start(program="bash --norc --noprofile -i")
    tty.until("bash-")
    tty.type(shlex.join(NSH))
    tty.keys("Enter")
    tty.ready()
    tty.type("!echo hel")
    tty.until("hel")
    tty.keys("C-z")
    tty.until("Stopped")
    tty.type("fg")
    tty.keys("Enter")
    tty.until(lambda s: TOOLBAR in s and s.count("!echo hel") >= 1)
    tty.type("lo")
    tty.keys("Enter")
    tty.until("\nhello")


def test_ctrl_z_without_job_control_around_stops_nothing(start: Start) -> None:
    tty = start()
    tty.line("run sh -c 'echo started; read x; echo got $x'")
    tty.until("\nstarted")
    tty.keys("C-z")
    tty.until("Ctrl-Z stops nothing: neither nsh nor what started it has job control")
    tty.keys("C-z")
    tty.type("abc")
    tty.keys("Enter")
    screen = tty.until("got abc")
    assert screen.count("stops nothing") == 1
    tty.ready()


def test_full_screen_programs(start: Start) -> None:
    tty = start()
    file = tty.home / "text"
    file.write_text("".join(f"line {n}\n" for n in range(200)))
    tty.line(f"run less {file}")
    tty.until(lambda s: "line 20" in s and TOOLBAR not in s)
    tty.keys("G")
    tty.until("line 199")
    tty.keys("C-z")  # less stops itself and is brought back
    tty.keys("g")
    tty.until(lambda s: "line 0\n" in s)
    tty.keys("q")
    tty.ready()
    tty.line("run top -d 100")
    tty.until("load average")
    tty.keys("q")
    tty.ready()


def test_an_inner_shell_has_its_job_control(start: Start) -> None:
    tty = start()
    tty.line("flags +user +pid; map root")
    tty.line("run bash --norc --noprofile -i")
    tty.until("bash-")
    tty.type("sleep 1000")
    tty.keys("Enter")
    tty.until(lambda s: "sleep 1000" in s)
    tty.until(lambda s: "sleep" in subprocess.run(
        ["ps", "-o", "comm=", "-t", tty.tmux("display-message", "-p", "#{pane_tty}").strip()],
        capture_output=True, text=True, check=False).stdout)  # fmt: skip
    tty.keys("C-z")
    tty.until("Stopped")
    tty.type("exit 4")
    tty.keys("Enter")
    tty.until("There are stopped jobs")
    tty.type("exit 4")  # PID 1 ends, and with it what it has stopped
    tty.keys("Enter")
    tty.until(lambda s: "│ [4] " in toolbar(s))
    tty.line("run echo back")
    tty.until("\nback")


def test_terminal_is_restored_after_a_child_left_it_raw(start: Start) -> None:
    tty = start()
    tty.line("run sh -c 'stty raw -echo; printf \"\\033[?1049h\\033[?25l\"; kill -9 $$'")
    tty.until(lambda s: "│ [137] " in toolbar(s))
    assert tty.tmux("display-message", "-p", "#{alternate_on}").strip() == "0"
    tty.line("!stty -a | grep -o ' icanon\\| echo '")
    tty.until("\n icanon\n echo")
    tty.keys("C-d")
    tty.until(lambda s: "icanon,echo" in s)


@needs.NAMESPACES
def test_one_thread_and_no_descriptor_is_left(start: Start) -> None:
    tty = start(150, 45)
    tty.line("flags +uts")
    tty.type("run t")
    tty.until("run t")
    tty.keys("C-c")
    for _ in range(2):
        tty.line(
            "run sh -c 'echo threads $(ls /proc/$PPID/task | wc -l); ls /proc/self/fd | xargs'"
        )
    screen = tty.until(lambda s: s.count("\n0 1 2 3\n") == 2)
    assert screen.count("\nthreads 1\n") == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_the_prompt_leaves_the_terminal_in_order(start: Start, number: int) -> None:
    tty = start()
    tty.ready()
    os.kill(tty.nsh, number)
    tty.until(lambda s: f"left {128 + number}" in s and "icanon,echo" in s and "-icanon" not in s)


def test_the_end_of_a_child_that_stays_is_told_once(start: Start) -> None:
    tty = start()
    tty.line("start a sleep 1; start b")
    tty.until("living: a b")
    tty.ready()
    tty.line("!sleep 1.2")
    tty.until("a has ended: status 0")
    assert "living: b" in tty.ready()
    tty.line("children")
    tty.until("(a pause)")
    assert tty.ready().count("has ended") == 1
    tty.line("wait b")
    tty.until(lambda screen: "living" not in screen)
    time.sleep(0.5)  # between the prompt and the command Ctrl-C takes back the line
    tty.keys("C-c")
    tty.until("[130]")
    tty.ready()
    tty.line("quit")
    tty.until("b ends with nsh")


def test_children_fit_the_terminal(start: Start) -> None:
    tty = start(100, 30)
    tty.line(f"start a sh -c 'sleep 1000; : {'x' * 150} end'")
    tty.line("children")
    screen = tty.until("…")
    row = next(line for line in screen.splitlines() if line.startswith("a  "))
    assert len(row) == 100
    assert row.endswith("x…")
