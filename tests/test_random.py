"""Lines that nobody would type: whatever comes in, nsh answers in its own words and lives on."""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import subprocess
import tempfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nsh.errors import Failure
from nsh.files import open_script
from nsh.shell import Shell
from nsh.state import State
from nsh.words import BLANKS
from tests.conftest import NSH

# What starts a process or writes a file is left to the batch below.
_STARTS = re.compile(r"(run|sh|host|ns|save|source|quit|exit|diff|start|enter|step|wait|stop|tree)")
_COMMANDS = sorted(
    set(Shell().command_names()) - {"run", "sh", "host", "ns", "save", "source", "quit", "exit"}
)

pieces = st.one_of(
    st.sampled_from([*_COMMANDS, "+pid", "-mnt", "+all", "-o", "-u", "--", "-", "root", "none"]),
    st.sampled_from(["0", "1", "9" * 5000, "-1", "4294967296", "²", "~", "a=b", "/", "", "tmpfs"]),
    st.sampled_from([" ", "  ", ";", "#", "'", '"', "\\", "|", "&", "\t", "\r", "\0", "?", "!?"]),
    st.binary(max_size=6).map(os.fsdecode),
    st.text(max_size=6),
)


def starts_something(line: str) -> bool:
    unquoted = re.sub(r"""['"\\]""", "", line)
    return "!" in line or any(
        _STARTS.fullmatch(word) for word in re.split(rf"[;{BLANKS}]", unquoted)
    )


@given(st.lists(st.lists(pieces, max_size=12).map("".join), max_size=6))
@example(["undo " + "9" * 5000, "uidmap 0 0 " + "9" * 5000])
@example(["'" * 9999, '"' * 9999, "\\" * 9999, ";" * 9999, "(" * 9999, "show;" * 999])
@example(["flags " + "+pid " * 9999, "env " + "A=1 " * 999, "hostname " + "x" * 99999])
def test_no_line_breaks_the_shell(lines: list[str]) -> None:
    shell = Shell()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        for line in lines:
            if starts_something(line):
                continue
            shell.status = 0
            before = len(err.getvalue())
            assert not shell.run_line(line)
            assert shell.status in (0, 1, 2)
            if shell.status:
                assert len(err.getvalue()) > before
            assert isinstance(shell.state, State)
    for text in err.getvalue().split("\n")[:-1]:
        assert text.startswith("nsh: ")
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", text)


@given(st.binary(max_size=200))
def test_no_file_breaks_the_reader(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        if b"\0" in data.partition(b"\n")[0]:
            with pytest.raises(Failure, match="binary"):
                open_script(file.name)
        else:
            assert "".join(open_script(file.name)) == os.fsdecode(data)


def nasty_lines() -> bytes:
    """A fixed batch: hand-made lines, and random ones that start nothing but harmless programs."""
    chance = random.Random(7)
    long = b"x" * 200_000
    lines = [
        b"run " + long,
        b"run true " + long,
        b"run '' x",
        b"run",
        b"run \xff\xfe",
        b"run /",
        b"run ''",
        b"run true\0false",
        b"sh true " + b"\xff" * 1000,
        b"sh",
        b"sh : '\n'",
        b"!",
        b"! ",
        b"!true " + b"'" * 10_000,
        b"!exit 300",
        b"host kill -9 $$",
        b"host \xff",
        b"sh exit 255; 'never\n'",
        b";" * 50_000,
        b"show;" * 5_000,
        b"(" * 50_000,
        b"'" * 50_001,
        b"\\" * 50_001,
        b"",
        b"hostname " + long,
        b"plan " + long[:50_000],
        b"plan '' " + b"\xff\x01" * 50,
        b"hostname \xff\x01; flags +uts +pid +mnt; run true; ns; plan true; reset",
        b"cd " + b"/x" * 5_000 + b"; run true; reset",
        b"env A=" + long + b"; run true; reset",
        b"env '\xff=\x01' -u '\xfe' -u PATH; run true; reset",
        b"mount '\xff' '\xfe' '\xfd' -o '\xfc'; flags +mnt; plan true; run true; reset",
        b"uidmap " + b"0 0 1 " * 400 + b"; flags +user; run true; reset",
        b"trace on; run true; run \xff; trace off",
        b"source /dev/null; source /proc/self/mem; source \xff",
        b"save /dev/null; save /proc/version; save /proc/\xff",
        b"quit x; exit -1; quit 1 2",
        b"history; help; help help; help \xff; ? ?",
    ]
    for _ in range(300):
        line = bytes(chance.choices(range(1, 256), k=chance.randrange(60)))
        line = line.replace(b"!", b"?").replace(b"q", b"p").replace(b">", b"<")
        name = chance.choice([b"run true ", b"flags ", b"plan ", b"env ", b"mount ", b"help ", b""])
        lines.append(name + line.replace(b"\n", b" "))
    return b"\n".join([*lines, b"reset", b"!echo alive", b"quit 42", b""])


SPEAKERS = (b"nsh: stdin:", b"sh: ", b"/bin/sh: ", b"newuidmap: ")
"""What begins a line of complaint: nsh, or a program that it was told to run."""


def test_a_batch_of_nasty_lines() -> None:
    result = subprocess.run(NSH, input=nasty_lines(), capture_output=True, timeout=300, check=False)
    assert b"Traceback" not in result.stderr
    assert result.returncode == 42
    assert result.stdout.endswith(b"\nalive\n")
    for text in result.stderr.split(b"\n"):
        assert text == b"" or text.startswith(SPEAKERS)
