"""What a run leaves behind (nothing), and what a command finds: signals, descriptors, parent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import NSH, nsh
from tests.runs import STATES, children, states, until
from tests.unprivileged import nsh_unprivileged, ordinary_user, unprivileged_command


@pytest.mark.parametrize("state", states())
@pytest.mark.parametrize("code", [0, 1, 2, 99, 125, 126, 127, 128, 130, 255])
def test_the_status_is_the_command_s(state: str, code: int) -> None:
    assert nsh("-c", STATES[state], "-c", f"run sh -c 'exit {code}'").returncode == code


@pytest.mark.parametrize("state", states())
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGINT])
def test_the_status_tells_the_signal(state: str, number: int) -> None:
    # PID 1 gets a signal from inside only if it handles it, so a child of its own tells.
    kills = f"kill -{int(number)} $$"
    if state in ("pid", "all"):
        kills = f'sh -c "kill -{int(number)} \\$\\$"; exit $?'
    result = nsh("-c", STATES[state], "-c", f"run sh -c '{kills}'")
    assert result.returncode == 128 + number


def test_a_file_that_may_not_be_run_is_the_reason_though_later_directories_lack_it(
    place: Path,
) -> None:
    # As execvp(3): EACCES of an earlier directory of PATH is told, not ENOENT of the last.
    (place / "prog").write_text("#!/bin/sh\n")
    result = nsh("-c", f"env PATH={place}:/nowhere:/usr/bin\nrun prog")
    assert result.returncode == 126
    assert f'execve("{place}/prog"' in result.stderr
    assert "= -1 EACCES" in result.stderr


def test_a_child_killed_during_set_up_has_the_status_of_the_signal() -> None:
    # strace sends the signal as soon as unshare returns.
    strace = ["strace", "-f", "-qq", "-e", "trace=unshare", "-e", "signal=none"]
    for flags in ("+uts", "+pid", "+user"):
        for number in ("KILL", "TERM"):
            inject = ["-e", f"inject=unshare:signal=SIG{number}", "-o", "/dev/null"]
            script = f"flags {flags}\nmap {'root' if flags == '+user' else 'none'}\nrun true\n"
            result = nsh("-v", stdin=script, before=[*strace, *inject])
            assert result.returncode == 128 + signal.Signals[f"SIG{number}"], (flags, result)
            assert result.stderr == ""


@needs.NAMESPACES
def test_a_trace_has_no_execve_that_was_not() -> None:
    for name in ("sethostname", "poll", "unshare"):
        inject = ["-e", f"trace={name}", "-e", f"inject={name}:signal=SIGKILL:when=1"]
        script = "flags +uts +pid\nhostname x\nrun true\n"
        strace = ["strace", "-f", "-qq", "-o", "/dev/null"]
        result = nsh("-x", stdin=script, before=[*strace, *inject])
        assert result.returncode == 137
        assert "] pipe2(" in result.stderr
        assert "execve(" not in result.stderr
        assert "Traceback" not in result.stderr


def fields(text: str, *names: str) -> list[str]:
    return [line for line in text.splitlines() if line.partition(":")[0] in names]


MASKS = ("SigBlk", "SigIgn", "SigCgt")


@needs.NAMESPACES
@pytest.mark.parametrize(
    "shell", ["", "trap '' INT;", "trap '' TERM HUP QUIT;", "trap '' CHLD USR1;"]
)
def test_a_command_finds_signals_as_sh_would_give_them(shell: str) -> None:
    env = ["env", "--default-signal"]  # pytest itself ignores SIGPIPE
    for script in ("run cat /proc/self/status", "flags +pid; run cat /proc/self/status"):
        start = [*env, "bash", "-c", f'{shell} exec "$@"', "bash"]
        expected = subprocess.run(
            [*start, "cat", "/proc/self/status"], capture_output=True, text=True, check=True
        )
        found = nsh("-c", script, before=start)
        assert found.returncode == 0, found
        assert fields(found.stdout, *MASKS) == fields(expected.stdout, *MASKS)


def test_a_blocked_signal_stays_blocked() -> None:
    found = nsh(
        "-c",
        "run cat /proc/self/status",
        before=["env", "--default-signal", "--block-signal=USR2"],
    )
    assert fields(found.stdout, *MASKS) == [
        "SigBlk:\t0000000000000800",
        "SigIgn:\t0000000000000000",
        "SigCgt:\t0000000000000000",
    ]


def test_newuidmap_finds_signals_as_nsh_found_them(place: Path) -> None:
    program = place / "newuidmap"
    program.write_text("#!/usr/bin/env -S cat /proc/self/status\n")
    program.chmod(0o755)
    found = nsh(
        *("-c", "flags +user; uidmap 0 3000000 10; run true"),
        before=["env", "--default-signal", f"PATH={place}:/usr/bin:/bin"],
        start=unprivileged_command(gaining=True),
        cwd="/",
    )
    assert found.returncode == 125
    assert fields(found.stdout, *MASKS) == [f"{name}:\t{0:016}" for name in MASKS]


ASKS = """
import ctypes, os
signal = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(signal), 0, 0, 0)
print(os.getpid(), os.getppid(), signal.value)
"""


@pytest.mark.parametrize("state", states())
def test_pid_parent_and_death_signal_of_a_command(state: str, place: Path) -> None:
    program = place / "asks.py"
    program.write_text(ASKS)
    process = subprocess.Popen(
        [*NSH, "-c", STATES[state], "-c", f"run /usr/bin/python3 -I {program}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    output, _ = process.communicate(timeout=60)
    pid, parent, death = [int(word) for word in output.split()]
    assert death == signal.SIGKILL
    if state in ("pid", "all"):
        assert (pid, parent) == (1, 0)
    else:
        assert parent == process.pid


@needs.NAMESPACES
def test_a_new_time_namespace_is_the_command_s() -> None:
    script = "flags +time; run readlink /proc/self/ns/time /proc/self/ns/time_for_children"
    inside = nsh("-c", script).stdout.split()
    assert inside[0] == inside[1] != os.readlink("/proc/self/ns/time")


@pytest.mark.parametrize("state", states("host", "pid", "all"))
def test_a_command_inherits_three_descriptors(state: str) -> None:
    count = "run sh -c 'ls -l /proc/$$/fd'" if state == "host" else "run ls -l /proc/self/fd"
    script = f"{STATES[state]}\n" + ("flags +mnt\nmount proc /proc\n" if state != "host" else "")
    result = nsh("-c", script, "-c", count)
    numbers = re.findall(r" (\d+) -> (.*)", result.stdout)
    # A fourth is the directory that ls reads.
    assert [int(fd) for fd, _ in numbers if "/proc" not in _] == [0, 1, 2], result


def test_a_given_descriptor_is_passed_on(tmp_path: Path) -> None:
    result = nsh(
        "-c", "sh echo x >&7", before=["sh", "-c", f'exec 7>{tmp_path}/f; exec "$@"', "sh"]
    )
    # Python makes what it opens close-on-exec, and leaves alone what it was given.
    assert (result.returncode, (tmp_path / "f").read_text()) == (0, "x\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_descriptors(closed: str, tmp_path: Path) -> None:
    report = tmp_path / "report"
    command = f"readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 > {report}; exit 3"
    inner = f'exec "$@" {closed}'
    for script in ("flags +pid +user", "flags -all"):
        found = []
        for argv in (["sh", "-c", command], [*NSH, "-c", script, "-c", f"sh {command}"]):
            result = subprocess.run(
                ["sh", "-c", inner, "sh", *argv], stdin=subprocess.DEVNULL, capture_output=True
            )
            assert result.returncode == 3, (argv, result)
            assert b"Traceback" not in result.stderr
            found.append(len(report.read_text().splitlines()))
        assert found[0] == found[1] or "pid" in script


def test_nothing_is_left_after_runs_and_failures(tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with open(errors, "wb") as err:
        shell = subprocess.Popen(
            NSH, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=err, text=True
        )
    assert shell.stdin is not None

    def left_after(text: str, mark: str) -> tuple[list[str], dict[int, str], int]:
        assert shell.stdin is not None
        shell.stdin.write(f"{text}flags {mark}\n")
        shell.stdin.flush()
        until(lambda: mark in errors.read_text(), mark)
        proc = f"/proc/{shell.pid}"
        return (
            sorted(os.readlink(f"{proc}/fd/{fd}") for fd in os.listdir(f"{proc}/fd")),
            children(shell.pid),
            len(os.listdir(f"{proc}/task")),
        )

    try:
        before = left_after("run true\n", "begun")
        assert before[1:] == ({}, 1)
        for number, text in enumerate(
            (
                "run true\n" * 100,
                "flags +user +pid\nmap root\n" + "run true\n" * 30 + "run nosuch\n" * 10 + "ns\n",
                "reset\nflags +mnt +pid\nmount tmpfs /nosuch\n" + "run true\n" * 10,
                "reset\nflags +user\nuidmap 0 0 1 0 1 1\nrun true\nreset\nrun sh -c 'kill -9 $$'\n",
            )
        ):
            assert left_after(text, f"part{number}") == before
    finally:
        shell.kill()
        shell.communicate()


@needs.AROUND
def test_runs_without_proc() -> None:
    hidden = ["unshare", "-m", "sh", "-c", 'umount -l /proc; exec "$@"', "sh"]
    script = "-c", "flags +pid +uts", "-c", "hostname x", "-c", "run hostname", "-c", "run nosuch"
    result = nsh(*script, before=hidden)
    assert (result.stdout, result.returncode) == ("x\n", 127)
    traced = nsh("-x", *script, before=hidden)
    assert (traced.stdout, traced.returncode) == ("x\n", 127)
    maps = nsh("-c", "flags +user", "-c", "map root", "-c", "run true", before=hidden)
    assert maps.returncode == 125
    assert "openat(" in maps.stderr
    assert "Traceback" not in result.stderr + traced.stderr + maps.stderr


@needs.ANOTHER
def test_a_trace_changes_nothing_for_a_program_with_privileges(place: Path) -> None:
    # A traced process gets no privileges from its file, so nsh does not trace such a one.
    program = place / "id"
    program.write_bytes(Path("/usr/bin/id").read_bytes())
    program.chmod(0o4755)
    user = ordinary_user(gaining=True)
    expected = subprocess.run([*user, program, "-u"], capture_output=True, text=True)
    for option in ("-e", "-x"):
        result = nsh_unprivileged(option, "-c", f"run {program} -u")
        assert (result.stdout, result.returncode) == (expected.stdout, 0)
