"""The streams of nsh: their order, what is closed, what cannot be written, what is passed on."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import NSH, ROOT, nsh
from tests.test_cli import shown


def test_stdin_that_cannot_be_read() -> None:
    assert nsh(before=["sh", "-c", 'exec "$@" <&-', "sh"]).returncode == 0
    result = nsh(before=["sh", "-c", 'exec "$@" 0>/dev/null', "sh"])
    assert result.stderr.startswith("nsh: cannot read standard input: ")
    assert (result.stdout, result.returncode) == ("", 126)


def test_no_banner_no_prompt_no_escapes() -> None:
    out, err, status = shown(stdin="cd /x\ncd\nfoo\n")
    assert (out, status) == ("/x\n", 2)
    assert err.startswith("nsh: stdin:3: there is no command foo")
    assert "\x1b" not in out + err
    assert all(line.startswith("nsh: stdin:3: ") for line in err.splitlines())


def test_errors_name_file_and_line(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("\n\ncd a \\\nb\n")
    _, err, status = shown(str(script))
    assert err == f"nsh: {script}:3: usage: cd [DIR]\nnsh: {script}:3: try: help cd\n"
    assert status == 2


ORDER = "cd /\ncd\nrun echo a\ncd\numount\nrun sh -c 'echo b; echo c >&2'\ncd\n!echo d >&2\ncd\n"


IN_ORDER = (
    "/\na\n/\nnsh: stdin:5: usage: umount TARGET [-l]\nnsh: stdin:5: try: help umount\n"
    "b\nc\n/\nd\n/\n"
)


def test_output_order_in_a_pipe() -> None:
    assert nsh(stdin=ORDER, merged=True).stdout == IN_ORDER


def test_output_order_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("wb") as file:
        subprocess.run(
            NSH, input=ORDER.encode(), stdout=file, stderr=subprocess.STDOUT, check=False
        )
    assert path.read_text() == IN_ORDER


@pytest.mark.parametrize(
    ("redirection", "reason"),
    [(">/dev/full", "No space left on device"), (">&-", "it is closed")],
)
@pytest.mark.parametrize(
    "args",
    [
        ["-c", "flags"],
        ["-c", "flags; run true"],
        ["-c", "help", "-c", "help", "-c", "plan ls"],
        ["-c", "history; umount; cd /x"],
        ["-v", "-c", "cd /x"],
        ["-h"],
        ["--version"],
    ],
)
def test_output_that_cannot_be_written(redirection: str, reason: str, args: list[str]) -> None:
    result = nsh(*args, before=["sh", "-c", f'exec "$@" {redirection}', "sh"])
    assert result.stderr == f"nsh: cannot write to standard output: {reason}\n"
    assert result.returncode in (1, 2)  # what failed before keeps its status


def test_where_nobody_reads_the_end_is_silent_as_other_tools_is() -> None:
    read, write = os.pipe()
    os.close(read)
    for commands in ("help", "flags; run true; flags"):
        result = subprocess.run(
            [*NSH, "-c", commands], stdout=write, stderr=subprocess.PIPE, check=False
        )
        assert result.stderr == b""
        assert result.returncode == -signal.SIGPIPE
    os.close(write)


@needs.NAMESPACES
def test_closed_streams_do_not_matter_to_who_does_not_use_them() -> None:
    for redirection in (">&-", "2>&-", "<&-", "<&- >&- 2>&-"):
        result = nsh(
            "-c", "flags +uts; run true", before=["sh", "-c", f'exec "$@" {redirection}', "x"]
        )
        assert (result.stdout, result.stderr, result.returncode) == ("", "", 0)
    result = nsh("-c", "foo", before=["sh", "-c", 'exec "$@" 2>&-', "x"])
    assert (result.stdout, result.returncode) == ("", 2)


def test_a_child_finds_closed_streams_closed() -> None:
    looks = "run sh -c 'test -e /proc/$$/fd/2 && ! test -e /proc/$$/fd/1'"
    result = nsh("-c", looks, before=["sh", "-c", 'exec "$@" >&-', "x"])
    assert (result.stderr, result.returncode) == ("", 0)


@pytest.mark.parametrize("given", [[], ["LC_CTYPE=C"], ["LC_CTYPE=C.UTF-8"], ["LC_ALL=C"]])
def test_the_locale_that_python_makes_up_is_not_passed_on(given: list[str]) -> None:
    result = subprocess.run(
        ["env", "-i", *given, *NSH, "-c", "run /usr/bin/env", "-c", "env"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.stdout.splitlines(), result.stderr) == (given * 2, "")


def test_a_directory_is_no_standard_input() -> None:
    directory = os.open("/", os.O_RDONLY)
    try:
        done = subprocess.run(
            [str(ROOT / "scripts" / "nsh")],
            stdin=directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(directory)
    said = "nsh: cannot read standard input: Is a directory\nnsh: try: nsh --help\n"
    assert (done.stdout, done.stderr, done.returncode) == ("", said, 126)
