"""System calls as C gets them, and a clone beside other threads."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from nsh.linux import syscalls
from nsh.linux.constants import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, SIGKILL
from tests.runs import ROOT


@pytest.mark.parametrize(
    ("given", "in_c"),
    [
        ((PR_SET_PDEATHSIG, SIGKILL), [1, 9, 0, 0, 0]),
        ((PR_SET_CHILD_SUBREAPER, 1), [36, 1, 0, 0, 0]),
        ((38, 1, 0, 0, 0), [38, 1, 0, 0, 0]),
        ((24,), [24, 0, 0, 0, 0]),
        ((47, 2, 21, 0), [47, 2, 21, 0, 0]),
    ],
)
def test_prctl_always_has_five_arguments(given: tuple[int, ...], in_c: list[int]) -> None:
    # Some options fail with EINVAL if those that they do not use are not 0, and an argument that
    # is not passed is what stands in a register.
    _, args = syscalls.in_c("prctl", given)
    assert [args[0], *[arg.value for arg in args[1:]]] == in_c
    assert [type(arg) for arg in args] == [int] + 4 * [ctypes.c_ulong]


def test_an_argument_of_prctl_is_64_bits_wide() -> None:
    _, args = syscalls.in_c("prctl", (15, 1 << 40))
    assert args[1].value == 1 << 40


def test_strace_sees_five_arguments(tmp_path: Path) -> None:
    # PR_SET_NO_NEW_PRIVS, and an option that strace does not know: all arguments are shown.
    program = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from nsh.linux import syscalls
print(syscalls.prctl(38, 1), syscalls.prctl(39, 0))
function, args = syscalls.in_c("prctl", (12345, 1))
function(*args)
"""
    seen = tmp_path / "seen"
    strace = ["strace", "-o", str(seen), "-e", "trace=prctl"]
    result = subprocess.run(
        [*strace, sys.executable, "-I", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout == "0 1\n"
    calls = seen.read_text()
    assert "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) = 0\n" in calls.replace("  ", " ")
    assert "0x3039 /* PR_??? */, 0x1, 0, 0, 0) = -1 EINVAL" in calls


def test_every_known_call_takes_the_arguments_of_its_signature() -> None:
    for name, signature in syscalls._SIGNATURES.items():
        if name not in ("poll", "read"):  # which make a structure of one
            _, args = syscalls.in_c(name, tuple([0] * len(signature)))
            assert len(args) == len(signature)


def test_a_call_keeps_the_lock_of_the_interpreter() -> None:
    # A call that let the lock go would have to take it again when it returns. In the child of a
    # clone another thread, which is not there any more, may hold it: it would wait for ever.
    # So, while the call waits, the thread here gets no turn; no other cause gives it one.
    program = f"""
import sys, threading, time
sys.path.insert(0, {str(ROOT)!r})
from nsh.linux import syscalls
turns = 0
def take_turns():
    global turns
    while True:
        turns += 1
        time.sleep(0)
sys.setswitchinterval(1000)
threading.Thread(target=take_turns, daemon=True).start()
while turns < 10:
    time.sleep(0)
before = turns
syscalls.poll(None, 0, 50)
after = turns
print(after - before)
"""
    result = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (result.stdout, result.stderr) == ("0\n", "")
    # All calls, the clone too, are of the one library.
    assert isinstance(syscalls._libc, ctypes.PyDLL)
    assert syscalls._syscall is syscalls._libc.syscall
