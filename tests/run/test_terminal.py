"""At a terminal: who gets the keys, and who has the terminal afterwards."""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import NSH
from tests.runs import until
from tests.terminal import (
    CTRL_C,
    CTRL_Z,
    PROMPT,
    Terminal,
    at_terminal,
    processes,
    prompt,
)


@pytest.mark.parametrize("state", needs.cases([("flags",), ("flags +user",), ("flags +uts +mnt",)]))
def test_ctrl_c_ends_the_command_and_not_nsh(state: str) -> None:
    with prompt(state) as terminal:
        terminal.line("run sleep 1001")
        terminal.inside("sleep 1001")
        terminal.type(CTRL_C)
        terminal.expect(r"\[130\]\r\n" + PROMPT)


def test_ctrl_c_at_the_prompt_clears_the_line() -> None:
    with prompt() as terminal:
        terminal.type("nonsense")
        terminal.expect("nonsense")
        terminal.inside(" ".join(NSH), "S")  # it has read them all, and waits for the next key
        terminal.type(CTRL_C)
        terminal.expect(PROMPT)


@needs.NAMESPACES
def test_pid_1_takes_two(tmp_path: Path) -> None:
    with prompt("flags +pid") as terminal:
        terminal.line("run sleep 1002")
        terminal.inside("sleep 1002")
        terminal.type(CTRL_C)
        terminal.expect("PID 1 gets no SIGINT")
        terminal.expect("Ctrl-C once more kills it")
        terminal.inside("sleep 1002")
        terminal.type(CTRL_C)
        terminal.expect(r"\[137\]\r\n" + PROMPT)


@pytest.mark.parametrize("state", needs.cases([("flags",), ("flags +pid",)]))
def test_a_program_that_handles_ctrl_c_keeps_it(state: str) -> None:
    # It has a handler, but takes the signals one by one: none can fall between two lines.
    program = "import os, signal; signal.signal(2, print); signal.pthread_sigmask(0, [2]);"
    program += " os.write(1, b'rea' + b'dy');"
    program += " [os.write(1, b'caught' + bytes([48 + signal.sigwait([2])])) for _ in range(3)];"
    program += " os._exit(7)"
    with prompt(state) as terminal:
        terminal.line(f'run {sys.executable} -I -c "{program}"')
        terminal.expect("ready")
        for _ in range(3):
            terminal.type(CTRL_C)
            terminal.expect("caught2")
        before = terminal.expect(r"\[7\]\r\n" + PROMPT)
        assert "PID 1" not in before


def test_modes_are_restored() -> None:
    with prompt() as terminal:
        before = terminal.modes()
        terminal.line("run stty raw -echo")
        terminal.expect(PROMPT)
        assert terminal.modes() == before
        terminal.line("run sh -c 'stty raw -echo; kill -9 $$'")
        terminal.expect(r"\[137\]\r\n" + PROMPT)
        assert terminal.modes() == before


def test_the_terminal_is_taken_back_from_a_shell_that_died() -> None:
    with prompt() as terminal:
        terminal.line("run bash --norc --noprofile -i")
        terminal.expect("bash> ")
        bash = terminal.inside("bash --norc --noprofile -i")
        until(lambda: terminal.foreground() == bash, "bash in the foreground")
        os.kill(bash, signal.SIGKILL)
        terminal.expect(r"\[137\]\r\n" + PROMPT)
        assert terminal.foreground() == os.getpgid(terminal.pid)


@needs.NAMESPACES
def test_job_control_of_a_shell_inside() -> None:
    with prompt("flags +uts +pid +mnt", "mount proc /proc") as terminal:
        terminal.line("run bash --norc --noprofile -i")
        terminal.expect("bash> ")
        terminal.line("sleep 1003")
        terminal.inside("sleep 1003")
        terminal.type(CTRL_Z)
        terminal.expect("Stopped")
        terminal.line("fg; echo st''atus $?")
        terminal.inside("sleep 1003", "S")
        terminal.type(CTRL_C)
        terminal.expect("bash> ")
        terminal.line("exit 5")
        terminal.expect(r"\[5\]\r\n" + PROMPT)


@pytest.mark.parametrize("state", needs.cases([("",), ("flags +pid",)]))
def test_ctrl_c_stops_a_script(state: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(f"{state}\nrun sh -c 'sleep 1004; exit'\nrun echo not reached\n")
    with at_terminal(*NSH, str(script)) as terminal:
        terminal.inside("sleep 1004")
        terminal.type(CTRL_C)
        if state:  # the shell is PID 1 and does not end, only its sleep: the script goes on
            assert terminal.wait() == 0
        else:
            assert terminal.wait() == -signal.SIGINT
            assert "not reached" not in terminal.text


def test_a_shell_sees_130_of_a_script_that_ctrl_c_stopped(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("run sleep 1005\nrun echo not reached\n")
    with at_terminal("/bin/bash", "--norc", "--noprofile", "-i") as terminal:
        terminal.expect("bash> ")
        terminal.line(" ".join(NSH) + f" {script}; echo st''atus $?")
        terminal.inside("sleep 1005")
        terminal.type(CTRL_C)
        # bash itself leaves the list of commands when one of them ends by SIGINT.
        terminal.expect("bash> ")
        terminal.line("echo st''atus $?")
        terminal.expect("status 130")
        assert "not reached" not in terminal.text
        terminal.line("exit")
        terminal.wait()


def test_ctrl_z_without_a_shell_around() -> None:
    with prompt() as terminal:
        terminal.line("run sleep 1006")
        terminal.inside("sleep 1006")
        terminal.type(CTRL_Z)
        terminal.type(CTRL_C)
        terminal.expect(r"\[130\]\r\n" + PROMPT)


@contextmanager
def prompt_under_bash() -> Iterator[Terminal]:
    """nsh at its prompt, started from a shell with job control, to which it returns."""
    with at_terminal("/bin/bash", "--norc", "--noprofile", "-i") as terminal:
        terminal.expect("bash> ")
        terminal.line(" ".join(NSH))
        terminal.expect(PROMPT)
        yield terminal
        terminal.line("quit 0")
        terminal.expect("bash> ")
        terminal.line("exit 0")
        assert terminal.wait() == 0


@pytest.mark.parametrize("command", ["sleep 1007", "sh -c 'kill -TSTP $$; exec sleep 1007'"])
def test_ctrl_z_under_a_shell_with_job_control(command: str) -> None:
    # The key stops nsh and the command as one; a command that stops itself, as less does, takes
    # nsh along. The shell's fg makes both go on, once.
    with prompt_under_bash() as terminal:
        terminal.line(f"run {command}")
        if "TSTP" not in command:
            terminal.inside("sleep 1007")
            terminal.type(CTRL_Z)
        terminal.expect("Stopped")
        terminal.expect("bash> ")
        terminal.line("fg")
        terminal.inside("sleep 1007", "S")
        terminal.type(CTRL_C)
        before = terminal.expect(r"\[130\]\r\n" + PROMPT)
        assert "Stopped" not in before


@needs.NAMESPACES
def test_ctrl_z_with_pid_1_under_a_shell_with_job_control() -> None:
    # PID 1 gets no SIGTSTP; nsh stops, and finds the command as it was.
    with prompt_under_bash() as terminal:
        terminal.line("flags +pid")
        terminal.expect(PROMPT)
        terminal.line("run sleep 1011")
        terminal.inside("sleep 1011")
        terminal.type(CTRL_Z)
        terminal.expect("Stopped")
        terminal.expect("bash> ")
        terminal.line("fg")
        terminal.inside(" ".join(NSH), "S")
        terminal.type(CTRL_C)
        terminal.expect("Ctrl-C once more")
        terminal.type(CTRL_C)
        terminal.expect(r"\[137\]\r\n" + PROMPT)


def test_a_shell_keeps_the_terminal_after_its_bg(tmp_path: Path) -> None:
    # Taking it at the end of the run would end the shell: a read in the background is refused.
    with at_terminal("/bin/bash", "--norc", "--noprofile", "-i") as terminal:
        terminal.expect("bash> ")
        go = tmp_path / "go"
        wait = f"until [ -e {go} ]; do sleep 0.1; done"
        terminal.line(" ".join(NSH) + f" -c 'run sh -c \"{wait}\"' -c 'run echo do''ne'")
        terminal.inside(f"sh -c {wait}")
        terminal.type(CTRL_Z)
        terminal.expect("Stopped")
        terminal.expect("bash> ")
        terminal.line(f"bg; echo >{go}")
        terminal.expect("\\bdone\r\n")
        terminal.line("wait; echo st''ill here")
        terminal.expect("still here")
        terminal.expect("bash> ")
        terminal.line("exit 0")
        assert terminal.wait() == 0


def test_a_command_that_stopped_itself_gets_ctrl_c() -> None:
    with prompt() as terminal:
        terminal.line("run sh -c 'kill -STOP $$; sleep 1008'")
        terminal.inside("sh -c kill -STOP $$; sleep 1008", "T")
        terminal.type(CTRL_C)
        terminal.expect(r"\[130\]\r\n" + PROMPT)


def test_a_process_group_in_the_background_gets_the_terminal_to_read() -> None:
    program = "import os; os.setpgid(0, 0); print('got', input('say: '))"
    with prompt() as terminal:
        terminal.line(f'run {sys.executable} -I -c "{program}"')
        terminal.expect("\nsay: ")
        terminal.line("hello")
        terminal.expect("got hello\r\n" + PROMPT)


def test_sigterm_gives_the_terminal_back() -> None:
    with at_terminal(*NSH) as terminal:
        terminal.expect(PROMPT)
        terminal.line("run true")
        terminal.expect(PROMPT)
        terminal.line("run sh -c 'stty raw -echo; sleep 1009; exit'")
        terminal.inside("sleep 1009")
        assert not int(str(terminal.modes()[3])) & termios.ECHO
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.wait() == -signal.SIGTERM
        assert int(str(terminal.modes()[3])) & termios.ECHO


@needs.NAMESPACES
def test_hanging_up_ends_all() -> None:
    with at_terminal(*NSH) as terminal:
        terminal.expect(PROMPT)
        terminal.line("flags +pid")
        terminal.expect(PROMPT)
        terminal.line("run sh -c 'sleep 1010 & wait'")
        pid = terminal.inside("sleep 1010")
        os.close(terminal.fd)
        terminal.fd = os.open("/dev/null", os.O_RDONLY)
        until(lambda: pid not in processes(), "the end of the command")
        until(lambda: os.waitpid(terminal.pid, os.WNOHANG)[0], "the end of nsh")
        terminal.status = -signal.SIGHUP
