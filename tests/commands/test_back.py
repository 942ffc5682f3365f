"""history, source and save: files of lines, read and written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsh.base import HISTORY_LINES
from nsh.errors import Interrupted
from nsh.shell import Shell
from tests.conftest import nsh
from tests.lines import Told, say


def test_history_is_numbered_on(capsys: Told, tmp_path: Path) -> None:
    shell = Shell()
    script = tmp_path / "script"
    script.write_text("cd /a\ncd /b\n")
    say(capsys, "", "# a comment", f"source {script}", shell=shell)
    assert say(capsys, "history", shell=shell)[0].splitlines() == [
        "    1  # a comment",
        f"    2  source {script}",
        "    3  history",
    ]
    for _ in range(HISTORY_LINES):
        shell.run_line("cd")
    out = say(capsys, "history", shell=shell)[0].splitlines()
    assert (len(out), out[0], out[-1]) == (HISTORY_LINES, "    5  cd", " 1004  history")


def test_source_runs_lines_here(capsys: Told, tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.write_text("hostname \\\n  x\numount\n")
    outer.write_text(f"flags +uts\nsource {inner}\nnonsense\n")
    shell = Shell()
    out, errors, status = say(capsys, f"source {outer}; cd /y", "source " + str(outer), shell=shell)
    assert [error for error in errors if "try" not in error] == [
        f"{inner}:3: usage: umount TARGET [-l]",
        f"{outer}:3: there is no command nonsense",
    ]
    assert (out, status, shell.state.hostname, shell.state.cwd) == ("", 2, "x", "/y")
    assert (shell.where, shell.sourcing) == ("", [])


def test_quit_in_a_sourced_file_quits(capsys: Told, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("quit 3\ncd /x\n")
    shell = Shell()
    assert shell.run_line(f"source {script}; cd /y")
    assert (shell.status, shell.state.cwd) == (3, None)


def test_stop_reaches_into_sourced_files(capsys: Told, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("umount\ncd /x\n")
    shell = Shell(stop=True)
    assert shell.run_line(f"source {script}; cd /y")
    assert (shell.status, shell.state.cwd) == (2, None)


def test_a_file_that_sources_itself_ends(capsys: Told, tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_text(f"source {b}\nsource {b}\ncd /x\n")
    b.write_text(f"source {a}\nsource {a}\n")
    shell = Shell()
    _, errors, status = say(capsys, f"source {a}", shell=shell)
    assert errors.count(f"{b}:1: {a} is being sourced already: it would never end") == 2
    assert (status, shell.state.cwd, shell.sourcing) == (0, "/x", [])


def test_ctrl_c_leaves_all_sourced_files(capsys: Told, tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.write_text("run interrupted\ncd /x\n")
    outer.write_text(f"source {inner}\ncd /y\n")

    class Hit(Shell):
        def do_run(self, line: str) -> None:
            self.status = 130
            raise Interrupted

    shell = Hit(interactive=True)
    assert say(capsys, f"source {outer}; cd /z", shell=shell) == ("[130]\n", [], 130)
    assert (shell.state.cwd, shell.where, shell.sourcing) == (None, "", [])
    with pytest.raises(Interrupted):
        Hit().run_line(f"source {outer}")


def test_save_replaces_a_file_as_a_whole(capsys: Told, tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    file.chmod(0o750)
    link.symlink_to(file)
    assert say(capsys, "flags +pid", f"save -f {link}") == ("", [], 0)
    assert file.read_text() == "#!/usr/bin/env nsh\nflags +pid\n"
    assert (file.stat().st_mode & 0o777, link.is_symlink()) == (0o750, True)
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


def test_save_replaces_nothing_but_its_own(capsys: Told, tmp_path: Path) -> None:
    file, empty = tmp_path / "my file", tmp_path / "empty"
    empty.touch()
    shell = Shell()
    assert say(capsys, "flags +pid", f"save '{file}'", shell=shell) == ("", [], 0)
    assert say(capsys, "flags +uts", f"save '{file}'", shell=shell) == ("", [], 0)
    assert say(capsys, f"save {empty}", shell=shell) == ("", [], 0)
    again = Shell()  # in which the same text loses nothing either
    assert say(capsys, "flags +pid +uts", f"save '{file}'", shell=again) == ("", [], 0)
    file.write_text("flags +net # edited\n")
    for each in (shell, again):
        errors = [
            f"{file} is there already, and saving would replace it",
            f"try: save -f '{file}'",
        ]
        assert say(capsys, f"save '{file}'", shell=each) == ("", errors, 1)
    assert file.read_text() == "flags +net # edited\n"
    assert say(capsys, f"save -f '{file}'", shell=shell) == ("", [], 0)
    assert file.read_text() == "#!/usr/bin/env nsh\nflags +pid +uts\n"


def test_what_undo_redo_and_reset_did_is_said_at_the_prompt(
    capsys: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shell = Shell(interactive=True)
    script = tmp_path / "script"
    script.write_text("undo\nredo\n")
    for line, said in (
        ("flags +pid +mnt; hostname a; mount proc /proc; hostname b", ""),
        ("undo", "undone: hostname b; back: hostname a"),
        ("redo", "redone: hostname b"),
        ("undo 2", "undone: mount proc /proc; hostname b;..."),
        ("flags -pid; undo", "undone: flags -pid"),
        ("mount tmpfs /a; mount tmpfs /a; undo", "undone: mount tmpfs /a"),
        ("reset mount", "reset: mount tmpfs /a"),
        ("reset", "reset: flags +pid +mnt; hostname a"),
        (
            "undo; redo",
            "undone: flags -pid -mnt; back: hostna...\nredone: flags -pid -mnt; gone: hostna...",
        ),
        ("reset", "reset: nothing was changed"),
        (f"source {script}", ""),
    ):
        assert say(capsys, line, shell=shell) == (said and said + "\n", [], 0)
    assert say(capsys, "flags +pid", "undo") == ("", [], 0)


def test_save_writes_to_devices_and_pipes(capsys: Told, tmp_path: Path) -> None:
    before = os.stat("/dev/null")
    assert say(capsys, "save /dev/null")[2] == 0
    assert os.stat("/dev/null").st_rdev == before.st_rdev
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    assert say(capsys, "cd /x", f"save {fifo}")[2] == 0
    assert os.read(reader, 100) == b"#!/usr/bin/env nsh\ncd /x\n"
    os.close(reader)
    assert fifo.is_fifo()


def test_save_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.nsh"
    path.write_text("flags +uts\n")
    lines = ["-c", f"env A={'a' * 3000}", "-c", f"save -f {path}"]
    # -B: the compiled modules, too, would be cut short, and spoil every later start.
    limited = 'ulimit -f 2; python=$1; shift; exec "$python" -B "$@"'
    result = nsh(*lines, before=["sh", "-c", limited, "sh"])
    assert result.returncode == 1
    assert "File too large" in result.stderr
    assert [file.read_text() for file in tmp_path.iterdir()] == ["flags +uts\n"]
