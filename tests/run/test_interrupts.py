"""Ctrl-C during a run: who gets it, what is said of it and when, and that none is left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nsh.host import Host
from nsh.linux.procfs import status_field
from nsh.plan.order import plan
from nsh.run import wait
from nsh.run.perform import start
from nsh.run.running import Attended
from nsh.state import START
from tests.conftest import nsh
from tests.runs import NSH, ROOT, until

LAUNCHES = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from nsh.host import Host
from nsh.plan.order import plan
from nsh.run import wait
from nsh.run.perform import launch
from nsh.state import START
wait._GRACE = float(sys.argv[1])
wanted = plan(START.replace(flags=("pid",)), ("sed", "-nu", "1p;2q7"), Host())
outcome = launch(wanted, still_alive=lambda: os.write(1, b"still alive\\n"))
print(outcome.status, outcome.interrupted, flush=True)
"""


class Launched:
    """A process that runs a sed as PID 1, which reads its input and handles no SIGINT."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def interrupt(self) -> None:
        """Send it a Ctrl-C, and wait until it has taken that and waits again."""
        self.process.send_signal(signal.SIGINT)
        status = Path(f"/proc/{self.process.pid}/status")

        def taken() -> bool:
            text = status.read_text()
            pending = [int(status_field(text, name) or "0", 16) for name in ("SigPnd", "ShdPnd")]
            waits = (status_field(text, "State") or "").startswith("S")
            return waits and not any(mask >> (signal.SIGINT - 1) & 1 for mask in pending)

        until(taken, "the signal to be taken")


@contextmanager
def launched(grace: float) -> Iterator[Launched]:
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", LAUNCHES, str(grace)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        found = Launched(process)
        assert process.stdin is not None
        process.stdin.write("begun\n")
        process.stdin.flush()
        assert found.line() == "begun"
        yield found
    finally:
        process.kill()
        process.communicate()


def test_what_ends_within_the_grace_time_is_not_said_to_be_alive() -> None:
    with launched(3600) as run:
        run.interrupt()
        output, _ = run.process.communicate("\n", timeout=60)
        assert output == "7 True\n"


def test_what_does_not_end_is_said_to_be_alive_once_and_killed_by_the_second() -> None:
    with launched(0.01) as run:
        run.interrupt()
        assert run.line() == "still alive"
        run.process.send_signal(signal.SIGINT)
        assert run.line() == "137 True"


def test_what_ends_after_the_hint_ends_by_itself() -> None:
    with launched(0.01) as run:
        run.interrupt()
        assert run.line() == "still alive"
        output, _ = run.process.communicate("\n", timeout=60)
        assert output == "7 True\n"


def test_a_second_ctrl_c_within_the_grace_time_kills_without_a_word() -> None:
    with launched(3600) as run:
        run.interrupt()
        run.process.send_signal(signal.SIGINT)
        assert run.line() == "137 True"


def test_the_grace_time_is_enough_for_a_command_and_short_for_a_reader() -> None:
    # A shell that goes down with its sleep takes milliseconds; nobody waits longer than a second
    # for an answer to a key.
    assert 0.05 <= wait._GRACE <= 1


def test_a_late_ctrl_c_belongs_to_the_run() -> None:
    # It has come when the command has ended already, and is not to reach the next line.
    run = start(plan(START, ("true",), Host()))
    until(run.has_ended, "the end of the command")
    try:
        with Attended(run.children):
            signal.raise_signal(signal.SIGINT)
            outcome = run.finish()
    except KeyboardInterrupt:
        pytest.fail("the Ctrl-C of the command has reached nsh")
    assert (outcome.status, outcome.interrupted) == (0, True)


LOOKS = """
import os, sys
for name in os.listdir("/proc"):
    try:
        with open(f"/proc/{name}/cmdline", "rb") as file:
            words = file.read().split(b"\\0")
    except OSError:
        continue
    if words[:2] == [b"sleep", sys.argv[1].encode()]:
        sys.exit(9)
"""


def test_a_child_killed_before_its_fork_was_reported_takes_its_own_child_along(
    tmp_path: Path,
) -> None:
    # strace kills each process in its first write: the child's tells of PID 1. Nothing else here
    # writes, and the next line looks for the process of which nsh has never learnt.
    strace = ["strace", "-f", "-qq", "-o", "/dev/null"]
    strace += ["-e", "trace=write", "-e", "inject=write:signal=SIGKILL:when=1"]
    mark = f"1000.{os.getpid()}"
    program = tmp_path / "looks.py"
    program.write_text(LOOKS)
    look = f"{sys.executable} -I {program} {mark}"
    result = nsh("-c", "flags +pid", "-c", f"run sleep {mark}", "-c", f"!{look}", before=strace)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    found = nsh("-c", f"!sleep {mark} & until {look}; [ $? = 9 ]; do :; done; kill $!; exit 9")
    assert found.returncode == 9


def test_a_signal_before_the_execve_of_a_traced_command_stops_nothing_for_good(
    tmp_path: Path,
) -> None:
    # Under ptrace every signal stops a process, also one that it ignores. The way along PATH, past
    # files that may not be executed, is long here, so that the signals come before its end.
    (tmp_path / "true").touch(0o644)
    path = ":".join([str(tmp_path)] * (100_000 // len(str(tmp_path))))
    said = tmp_path / "said"
    with said.open("w") as errors:
        shell = subprocess.Popen(
            [*NSH, "-x", "-c", f"env PATH={path}:/usr/bin", "-c", "run true"],
            stdin=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        try:
            until(lambda: said.read_text().count("EACCES") > 20, "the first directories")
            for _ in range(2):
                os.killpg(shell.pid, signal.SIGWINCH)
                time.sleep(0.05)
            assert shell.wait(30) == 0
        finally:
            shell.kill()
            shell.wait()
    assert said.read_text().splitlines()[-1].endswith(" = 0")
