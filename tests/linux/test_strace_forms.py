"""How arguments are printed, compared with what strace(1) itself prints."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from nsh.call import (
    FORK,
    FORK_SIBLING,
    Call,
    Ended,
    Ends,
    Environment,
    Polled,
    Slot,
    Vector,
    text,
)
from nsh.linux.constants import AT_FDCWD, MNT_DETACH, SIGKILL, OpenFlags, UmountFlags
from nsh.linux.mountflags import MS_NAMES, MountFlags
from nsh.linux.strace import Named, Octal, argument, c_string, symbols

BYTES = [
    *[bytes([byte]) for byte in range(1, 256)],
    *[
        bytes([byte]) + after
        for byte in (1, 8, 27, 127, 128, 255)
        for after in (b"0", b"7", b"8", b"a")
    ],
    b"\x01\x02",
    "é x".encode(),
    b'a"b\\c',
]


def test_texts_are_printed_as_strace_prints_them(tmp_path: Path) -> None:
    # Each is a path that is not there.
    seen = tmp_path / "seen"
    program = (
        "import ctypes, sys; libc = ctypes.CDLL(None)\n"
        "for word in sys.argv[1:]: libc.chroot(bytes.fromhex(word))"
    )
    words = [(b"/nosuch/" + data).hex() for data in BYTES]
    subprocess.run(
        [
            *("strace", "-o", str(seen), "-s", "4096", "-e", "trace=chroot"),
            *(sys.executable, "-I", "-c", program, *words),
        ],
        check=True,
        timeout=60,
    )
    lines = [line for line in seen.read_text().splitlines() if line.startswith("chroot(")]
    assert len(lines) == len(BYTES)
    for data, line in zip(BYTES, lines, strict=True):
        assert line.partition(") ")[0] == f"chroot({c_string(b'/nosuch/' + data)}"
        assert c_string(os.fsdecode(data)) == c_string(data)


FLAGS = [flag for flag, _ in MS_NAMES]


@pytest.mark.parametrize("flags", [0, *FLAGS, sum(FLAGS[:8]), sum(FLAGS[8:]), sum(FLAGS)])
def test_mount_flags_are_printed_as_strace_prints_them(flags: int, tmp_path: Path) -> None:
    # On a directory that is not there: nothing is mounted, whatever the flags.
    seen = tmp_path / "seen"
    program = f"import ctypes; ctypes.CDLL(None).mount(b'a', b'/nosuch/x', None, {flags}, None)"
    subprocess.run(
        ["strace", "-o", str(seen), "-e", "trace=mount", sys.executable, "-I", "-c", program],
        check=True,
        timeout=60,
    )
    shown = MountFlags(flags).strace()
    assert f'mount("a", "/nosuch/x", NULL, {shown}, NULL)' in seen.read_text()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "NULL"),
        (0, "0"),
        (-1, "-1"),
        ("", '""'),
        (b"\0", '"\\0"'),
        (AT_FDCWD, "AT_FDCWD"),
        (SIGKILL, "SIGKILL"),
        (Named(0, "NOTHING"), "NOTHING"),
        (UmountFlags(0), "0"),
        (UmountFlags(MNT_DETACH), "MNT_DETACH"),
        (UmountFlags(MNT_DETACH | 8), "MNT_DETACH|0x8"),
        (UmountFlags(8), "0x8"),
        (Octal(0o644), "0644"),
        (Octal(0), "000"),
        (Octal(7), "007"),
    ],
)
def test_an_argument_in_its_own_form(value: object, shown: str) -> None:
    assert argument(value) == text(value, {}) == shown


@pytest.mark.parametrize(
    ("value", "unknown", "known"),
    [
        (Slot("fd"), "fd", "7"),
        (Slot("fd", "/proc/", "/ns"), '"/proc/FD/ns"', '"/proc/7/ns"'),
        (Slot("PID 1", "/proc/"), '"/proc/PID_1"', '"/proc/1"'),
        (Slot("fd", "", " "), '"FD"', '"7"'),
        (Vector(("a", Slot("fd", "", " "), "b c")), '["a", "FD", "b c"]', '["a", "7", "b c"]'),
        (Vector(()), "[]", "[]"),
        (Environment(()), "envp /* 0 vars */", "0x1f /* 0 vars */"),
        (Environment(("A=1",)), "envp /* 1 var */", "0x1f /* 1 var */"),
        (Environment(("A=1", "B=2")), "envp /* 2 vars */", "0x1f /* 2 vars */"),
        (Ends(("fd", "to")), "[fd, to]", "[7, 8]"),
        (Polled(Slot("fd")), "[{fd=fd, events=0}]", "[{fd=7, events=0}]"),
        (Ended(), *["[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]"] * 2),
        (FORK, *["child_stack=NULL, flags=SIGCHLD"] * 2),
        (FORK_SIBLING, *["child_stack=NULL, flags=CLONE_PARENT|SIGCHLD"] * 2),
    ],
)
def test_an_argument_that_a_run_fills(value: object, unknown: str, known: str) -> None:
    values = {"fd": 7, "to": 8, "PID 1": 1, "envp": 31}
    assert text(value, {}) == unknown
    assert text(value, values) == known
    call = Call("child", "name", (value, 0), "")
    assert (call.text(), call.text(values)) == (f"name({unknown}, 0)", f"name({known}, 0)")


def test_symbols_takes_the_names_in_the_order_of_the_table() -> None:
    assert symbols(3, ((2, "B"), (1, "A"))) == "B|A"
    assert symbols(12, ((4, "C"),)) == "C|0x8"


@pytest.mark.parametrize("value", [SIGKILL, OpenFlags(5), Octal(0o22)])
def test_a_number_with_a_form_is_a_number_and_survives_pickle(value: int) -> None:
    for again in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert (type(again), again, argument(again)) == (type(value), value, argument(value))
    assert value + 0 == int(value)
