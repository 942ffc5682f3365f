"""What a run leaves behind (nothing), and what a command finds: signals, descriptors, parent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import NSH, nsh

STATES = {
    "host": "",
    "pid": "flags +pid",
    "user": "flags +user; map root",
    "nobody": "flags +user",
    "time": "flags +time",
    "all": "flags +all; map root",
}


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def marked(mark: str) -> list[int]:
    """The processes (no zombies) whose words hold the mark."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                words = Path(f"/proc/{name}/cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if mark.encode() in words:
                found.append(int(name))
    return found


@contextmanager
def running(state: str, command: str, mark: str, count: int) -> Iterator[subprocess.Popen[bytes]]:
    """nsh in the middle of a run, with that many processes that have the mark, nsh among them."""
    process = subprocess.Popen([*NSH, "-c", state, "-c", command], stdin=subprocess.DEVNULL)
    try:
        until(lambda: len(marked(mark)) == count, f"{count} processes")
        yield process
    finally:
        process.kill()
        process.wait()
        for pid in marked(mark):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> str:
    return f"1000.{os.getpid()}{abs(hash(request.node.name)) % 10**6:06}"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("state", STATES)
def test_a_command_ends_with_nsh(state: str, number: int, mark: str) -> None:
    with running(STATES[state], f"run sleep {mark}", mark, 2) as shell:
        shell.send_signal(number)
        assert shell.wait(30) == -number
        until(lambda: not marked(mark), "the end of the command")


TREE = "sh sleep {0} & (sh -c 'sleep {0} & wait; :' & wait) & setsid sleep {0} & wait"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("state", ["host", "user", "pid"])
def test_all_that_descends_from_a_command_ends_with_nsh(state: str, number: int, mark: str) -> None:
    # nsh, sh, its three sleeps, and the two shells between.
    with running(STATES[state], TREE.format(mark), mark, 7) as shell:
        shell.send_signal(number)
        assert shell.wait(30) == -number
        until(lambda: not marked(mark), "the end of all")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_an_nsh_that_is_pid_1(number: int, mark: str) -> None:
    process = subprocess.Popen(
        ["unshare", "-pf", "--mount-proc", "--kill-child", *NSH, "-c", f"run sleep {mark}"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: len(marked(mark)) == 3, "the run")  # unshare, nsh, sleep
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        os.kill(int(children.read_text()), number)
        assert process.communicate(timeout=30)[1] == b""
        assert process.returncode == 128 + number
        assert not marked(mark)
    finally:
        process.kill()
        process.wait()


def test_all_in_a_pid_namespace_ends_with_nsh_killed(mark: str) -> None:
    with running("flags +pid", TREE.format(mark), mark, 7) as shell:
        shell.kill()
        shell.wait(30)
        until(lambda: not marked(mark), "the end of all")


def test_a_child_of_the_shell_that_became_nsh_is_left_alone(mark: str) -> None:
    other = mark.replace("1000.", "2000.")
    script = f'sleep {other} & exec "$@"'
    process = subprocess.Popen(
        ["sh", "-c", script, "sh", *NSH, "-c", f"run sleep {mark}"],
        stdin=subprocess.DEVNULL,
    )
    try:
        until(lambda: len(marked(mark)) == 2, "the run")
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
        until(lambda: not marked(mark), "the end of the command")
        assert len(marked(other)) == 1
    finally:
        process.kill()
        process.wait()
        for pid in marked(other):
            os.kill(pid, signal.SIGKILL)


def test_an_ignored_sighup_stays_ignored(mark: str) -> None:
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *NSH, "-c", f"run sleep {mark}"],
        stdin=subprocess.DEVNULL,
    )
    try:
        until(lambda: len(marked(mark)) == 2, "the run")
        process.send_signal(signal.SIGHUP)
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM
        until(lambda: not marked(mark), "the end of the command")
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("code", [0, 1, 2, 99, 125, 126, 127, 128, 130, 255])
def test_the_status_is_the_command_s(state: str, code: int) -> None:
    assert nsh("-c", STATES[state], "-c", f"run sh -c 'exit {code}'").returncode == code


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGINT])
def test_the_status_tells_the_signal(state: str, number: int) -> None:
    # PID 1 gets a signal from inside only if it handles it, so a child of its own tells.
    kills = f"kill -{int(number)} $$"
    if state in ("pid", "all"):
        kills = f'sh -c "kill -{int(number)} \\$\\$"; exit $?'
    result = nsh("-c", STATES[state], "-c", f"run sh -c '{kills}'")
    assert result.returncode == 128 + number


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


def test_a_process_whose_fork_was_not_reported_is_ended() -> None:
    # The child is killed in the write that tells of PID 1, so that nsh never learns its pid.
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=write:signal=SIGKILL:when=1"]
    script = "flags +pid\nrun sleep 1000.77\n"
    result = nsh("-c", script, before=[*strace, "-e", "trace=write"])
    assert result.returncode == 137
    assert not marked("1000.77")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_the_end_of_nsh_during_set_up(number: int, mark: str, tmp_path: Path) -> None:
    # A newuidmap that takes its time: nsh waits for it, and the child for nsh.
    (tmp_path / "newuidmap").write_text(f"#!/bin/sh\nsleep {mark}\nexit 1\n")
    os.chmod(tmp_path / "newuidmap", 0o755)
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    script = f"flags +user\nuidmap 0 3000000 10\nrun sleep {mark}"
    process = subprocess.Popen(
        [*("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"), *NSH, "-c", script],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        # nsh, its child (a copy of nsh still), and the sleep of newuidmap
        until(lambda: len(marked(mark)) == 3, "newuidmap")
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as the terminal does
        else:
            process.send_signal(number)
        assert process.wait(30) == -number
        if number == signal.SIGKILL:  # newuidmap's own child is nobody's to end
            until(lambda: len(marked(mark)) == 1, "the end of the child")
        else:
            until(lambda: not marked(mark), "the end of all")
    finally:
        process.kill()
        process.wait()
        for pid in marked(mark):
            os.kill(pid, signal.SIGKILL)


def fields(text: str, *names: str) -> list[str]:
    return [line for line in text.splitlines() if line.partition(":")[0] in names]


MASKS = ("SigBlk", "SigIgn", "SigCgt")


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


ASKS = """
import ctypes, os
signal = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(signal), 0, 0, 0)
print(os.getpid(), os.getppid(), signal.value)
"""


@pytest.mark.parametrize("state", STATES)
def test_pid_parent_and_death_signal_of_a_command(state: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    program = tmp_path / "asks.py"
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


def test_a_new_time_namespace_is_the_command_s() -> None:
    script = "flags +time; run readlink /proc/self/ns/time /proc/self/ns/time_for_children"
    inside = nsh("-c", script).stdout.split()
    assert inside[0] == inside[1] != os.readlink("/proc/self/ns/time")


@pytest.mark.parametrize("state", ["host", "pid", "all"])
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

    def left_after(text: str, mark: str) -> tuple[list[str], list[str], int]:
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
        assert before[1:] == ([], 1)
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


def children(pid: int) -> list[str]:
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if stat[1] == str(pid):
                found.append(name)
    return found


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


def test_a_trace_changes_nothing_for_a_program_with_privileges() -> None:
    # A traced process gets no privileges from its file, so nsh does not trace such a one.
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        program = Path(place, "id")
        program.write_bytes(Path("/usr/bin/id").read_bytes())
        program.chmod(0o4755)
        user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        expected = subprocess.run([*user, program, "-u"], capture_output=True, text=True)
        for option in ("-e", "-x"):
            result = nsh(option, "-c", f"run {program} -u", before=user)
            assert (result.stdout, result.returncode) == (expected.stdout, 0)
