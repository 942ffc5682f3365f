"""The command line: where lines come from, modes, statuses, size."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
from pathlib import Path

import pytest

from nsh import __version__
from tests import needs
from tests.conftest import NSH, ROOT, nsh


def shown(*args: str, stdin: str | bytes | None = None) -> tuple[str, str, int]:
    result = nsh(*args, stdin=stdin)
    return result.stdout, result.stderr, result.returncode


# Where the lines come from.


def test_children_of_a_piped_script_get_an_empty_stdin() -> None:
    script = "run cat\n!cat\nrun readlink /proc/self/fd/0\nhostname x\n"
    assert shown(stdin=script) == ("/dev/null\n", "", 0)


def test_children_of_the_other_modes_inherit_stdin(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("run cat\n")
    assert shown(str(script), stdin="in") == ("in", "", 0)
    assert shown("-c", "!cat", stdin="in") == ("in", "", 0)


def test_arguments_of_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('sh echo "$# $1 $2"\n!echo "$2"\n')
    assert shown(str(script), "a b", "-e") == ("2 a b -e\n-e\n", "", 0)
    assert shown("-c", 'sh echo "$1"', "x") == ("x\n", "", 0)
    assert shown("-", "x", stdin="!echo $1") == ("x\n", "", 0)


def test_c_may_repeat_and_hold_several_lines() -> None:
    assert shown("-c", "flags +pid\nflags +uts", "-cflags") == (
        "CLONE_NEWPID | CLONE_NEWUTS | SIGCHLD\n",
        "",
        0,
    )
    out, err, status = shown("-c", "cd /", "-c", "\numount")
    assert (out, status) == ("", 2)
    assert err == "nsh: -c:3: usage: umount TARGET [-l]\nnsh: -c:3: try: help umount\n"


def test_a_script_with_a_hash_bang_line(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/usr/bin/env nsh\ncd /x\ncd\n")
    script.chmod(0o755)
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "nsh").write_text(f'#!/bin/sh\nexec {" ".join(NSH)} "$@"\n')
    (bin_ / "nsh").chmod(0o755)
    env = {"PATH": f"{bin_}:{os.environ['PATH']}"}
    result = subprocess.run([script], env=env, capture_output=True, check=False)
    assert (result.stdout, result.stderr, result.returncode) == (b"/x\n", b"", 0)


@pytest.mark.parametrize(
    ("script", "out", "status"),
    [
        (b"cd /x\ncd", b"/x\n", 0),
        (b"cd /x\r\ncd\r\n", b"/x\n", 0),
        (b"cd \\\r\n/x\r\ncd\r\n", b"/x\n", 0),
        (b"\xef\xbb\xbfcd /x\ncd\n", b"/x\n", 0),
        (b"cd /\xff\xfe\ncd\ncd /\nrun printf '%s' \xff\n", b"/\xff\xfe\n\xff", 0),
        (b"#\ncd /x\0y\ncd /z\ncd\n", b"/z\n", 0),
        (b"#\n!echo a\0b\n", b"", 2),
        (b"", b"", 0),
        (b"\n\n", b"", 0),
        (b"cd /x \\", b"", 0),
    ],
)
def test_lines_of_every_kind(script: bytes, out: bytes, status: int, tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_bytes(script)
    for args, data in ([], script), ([str(path)], b""), (["-"], script):
        result = subprocess.run([*NSH, *args], input=data, capture_output=True, check=False)
        assert (result.stdout, result.returncode) == (out, status)
        assert b"Traceback" not in result.stderr


def test_bytes_pass_through_whatever_the_locale() -> None:
    script = "cd /é\ncd\ncd /\nrun printf '%s\\n' é\n"
    for env in ({}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONIOENCODING": "latin-1"}):
        result = nsh(stdin=script, env={"PATH": os.environ["PATH"], **env})
        assert (result.stdout, result.stderr) == ("/é\né\n", "")


@pytest.mark.parametrize(
    ("name", "why", "status"),
    [
        ("none", "No such file or directory", 127),
        (".", "Is a directory", 126),
        ("binary", "it is a binary file, not lines of text", 126),
    ],
)
def test_a_script_that_cannot_be_read(name: str, why: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0\n")
    result = nsh(name, cwd=tmp_path)
    assert (result.stdout, result.returncode) == ("", status)
    assert result.stderr == f"nsh: cannot read {name}: {why}\nnsh: try: nsh --help\n"


def test_lines_run_as_they_arrive() -> None:
    process = subprocess.Popen(NSH, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        for line, answer in (
            (b"cd /x; cd\n", b"/x\n"),
            (b"flags\n", b"SIGCHLD\n"),
            (b"reset; run echo a\n", b"a\n"),
        ):
            process.stdin.write(line)
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 60)[0]
            assert os.read(process.stdout.fileno(), 100) == answer
        process.stdin.close()
    assert process.returncode == 0


# The options.


def test_help_and_version() -> None:
    for option in ("-h", "--help", "-eh"):
        out, err, status = shown(option)
        assert out.startswith("usage: nsh ")
        assert max(len(line) for line in out.splitlines()) <= 80
        assert (err, status) == ("", 0)
    assert shown("--version") == (f"nsh {__version__}\n", "", 0)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["-q"], "there is no option -q"),
        (["-ez"], "there is no option -z"),
        (["--foo"], "there is no option --foo"),
        (["-c"], "-c needs the commands as its argument"),
        (["-ec"], "-c needs the commands as its argument"),
    ],
)
def test_options_that_there_are_not(args: list[str], why: str) -> None:
    assert shown(*args) == ("", f"nsh: {why}\nnsh: try: nsh --help\n", 2)


def test_two_hyphens_end_the_options(tmp_path: Path) -> None:
    (tmp_path / "-e").write_text("undo\n!echo $1\n")
    result = nsh("--", "-e", "x", cwd=tmp_path)
    assert (result.stdout, result.returncode) == ("x\n", 0)


def test_e_stops_at_the_first_failure(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.write_text("run false\ncd /x\ncd\n")
    for script, status in (
        ("run sh -c 'exit 7'; cd\ncd\n", 7),
        ("umount\ncd\n", 2),
        ("hostname 'x\ncd\n", 2),
        (f"source {inner}\ncd\n", 1),
        ("hostname x\nrun true\ncd\n", 125),
    ):
        out, _, found = shown("-e", stdin=script)
        assert (out, found) == ("", status)


@needs.NAMESPACES
def test_v_prints_a_transcript(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.write_text("cd\nrun false\n")
    script = (
        "# a comment\n\nflags +pid\nflags\nrun sh -c \\\n  'echo out; echo err >&2; exit 3'\n"
        f"cd /x\nsource {inner}\nundo 9\n"
    )
    result = nsh("-v", stdin=script + "quit 4\n", merged=True)
    assert result.returncode == 4
    assert (
        result.stdout
        == (
            "nsh> # a comment\n"
            "nsh> flags +pid\n"
            "nsh> flags\n"
            "CLONE_NEWPID | SIGCHLD\n"
            "nsh> run sh -c \\\n"
            ">   'echo out; echo err >&2; exit 3'\n"
            "out\n"
            "err\n"
            "[3]\n"
            "nsh> cd /x\n"
            f"nsh> source {inner}\n"
            "/x\n"
            f'nsh: {inner}:2: chdir("/x") = -1 ENOENT (No such file or directory)\n'
        )
        + result.stdout.partition("directory)\n")[2]
    )
    assert result.stdout.endswith(
        "nsh: stdin:9: there are 2 changes to undo, not 9\n"
        "nsh: stdin:9: try: undo 2\n"
        "[1]\n"
        "nsh> quit 4\n"
    )
    assert result.stdout.count("[125]\n") == 1


def test_e_and_v_together() -> None:
    result = nsh("-ev", stdin="flags\nrun false\nflags\n")
    assert (result.stdout, result.returncode) == ("nsh> flags\nSIGCHLD\nnsh> run false\n[1]\n", 1)


@needs.NAMESPACES
def test_x_traces() -> None:
    out, err, status = shown("-x", "-c", "flags +uts", "-c", "run true")
    assert (out, status) == ("", 0)
    assert all(line.startswith("nsh: -c:2: [") for line in err.splitlines())
    assert "nsh: -c:2: [child] unshare(CLONE_NEWUTS) = 0\n" in err
    assert shown("-xc", "trace")[0] == "on\n"


# Statuses.


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("", 0),
        ("run sh -c 'exit 7'", 7),
        ("run sh -c 'exit 7'\nflags", 0),
        ("run sh -c 'kill -9 $$'", 137),
        ("run sh -c 'kill -TERM $$'", 143),
        ("run /proc/nonexistent", 127),
        ("run nonexistent-program", 127),
        ("run /etc/passwd", 126),
        ("hostname x\nrun true", 125),
        ("undo", 1),
        ("hostname x\nplan true", 1),
        ("umount", 2),
        ("foo", 2),
        ("run 'x", 2),
        ("run a | b", 2),
        ("quit", 0),
        ("exit 3\nfoo", 3),
        ("foo\nquit", 2),
        ("foo\nquit 0", 0),
        ("foo; # nothing\n\n", 2),
        ("!exit 5", 5),
    ],
)
def test_the_status_is_the_last_commands(script: str, status: int) -> None:
    for args, data in ([], script), (["-c", script], None):
        assert nsh(*args, stdin=data).returncode == status


def test_interrupted_while_it_waits_for_a_line() -> None:
    process = subprocess.Popen(NSH, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.write(b"flags\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"SIGCHLD\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == -signal.SIGINT


# Size.


def test_a_hundred_thousand_commands_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text("hostname a\ncd /x\nflags +pid\nenv A='b c'\nreset # all\n" * 20_000 + "show\n")
    limit = 256 << 20
    result = subprocess.run(
        NSH,
        stdin=path.open("rb"),
        capture_output=True,
        check=False,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)),
    )
    assert (result.stdout, result.stderr, result.returncode) == (b"", b"", 0)


def test_scripts_load_only_what_they_need() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from nsh.cli import main;"
        "main(['-c', 'flags +uts; hostname x; run true']); print(*sys.modules)"
    )
    result = subprocess.run(
        [NSH[0], "-I", "-S", "-c", program, str(ROOT)], capture_output=True, text=True, check=False
    )
    loaded = set(result.stdout.split())
    heavy = {"typing", "dataclasses", "argparse", "subprocess", "inspect", "difflib", "pathlib"}
    assert "nsh.run.perform" in loaded
    assert not loaded & (heavy | {"json", "prompt_toolkit", "pygments", "readline", "pwd"})


@needs.AROUND
def test_as_pid_1_nsh_reaps_what_commands_leave() -> None:
    lines = ["sh sleep 0 &"] * 3
    lines.append("!until ! ps -eo stat,comm | grep -q '^[^Z].* sleep$'; do :; done")
    lines.append("!ps -eo stat,comm | grep '^Z'")
    result = nsh("-c", "\n".join(lines), before=["unshare", "-pf", "--mount-proc"])
    assert (result.stdout, result.stderr, result.returncode) == ("", "", 1)
