"""F1 explains the word at the cursor, F2 shows the calls of the typed line."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsh.prompt import lookup
from nsh.prompt.lookup import help_at
from nsh.shell import Shell
from nsh.voice.text import plain
from tests.lines import Told


def plain_plan(shell: Shell, line: str) -> str:
    return plain(lookup.plan_of(shell, line))


@pytest.mark.parametrize(
    ("text", "cursor", "begins"),
    [
        ("flags +pid", 9, "pid: CLONE_NEWPID"),
        ("flags +pid", 2, "flags [+NS"),
        ("run ps", 6, "run [CMD"),
        ("!ls", 3, "host LINE"),
        ("help mount", 8, "mount FSTYPE"),
        ("", 0, "Running"),
        ("nonsense", 3, "Running"),
        ("flags +pid; map root", 20, "map [root"),
    ],
)
def test_f1(shell: Shell, text: str, cursor: int, begins: str) -> None:
    assert help_at(shell, text, cursor).startswith(begins)


@pytest.mark.parametrize(
    ("text", "cursor", "more"),
    [
        ("run ip link add type veth", 23, "explain veth"),
        ("flags +pid", 9, "explain pid"),
        ("mount proc /mnt", 15, "explain mount"),
        ("", 0, ""),
        ("nonsense", 3, ""),
    ],
)
def test_f1_names_the_topic(shell: Shell, text: str, cursor: int, more: str) -> None:
    last = help_at(shell, text, cursor).splitlines()[-1]
    assert last == f"More: {more}" if more else "More:" not in last


def test_f2_says_an_error_as_enter_does(shell: Shell) -> None:
    text = lookup.plan_of(shell, "flags +utsq")
    assert plain(text) == "nsh: there is no namespace 'utsq'\nnsh: try: flags +uts"
    assert isinstance(text, list)
    assert {"nsh", "error", "label"} <= {role for role, _ in text}


def test_f2_runs_and_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    state, past = shell.state, list(shell.past)
    text = plain_plan(shell, f"flags +uts; hostname box; run touch {tmp_path}/never; show")
    assert "unshare(CLONE_NEWUTS)" in text
    assert 'sethostname("box", 3)' in text
    assert "# show: makes none of a run's system calls" in text
    assert (shell.state, list(shell.past)) == (state, past)
    assert not (tmp_path / "never").exists()
    assert "unshare(CLONE_NEWPID)" in plain_plan(shell, "flags +pid")
    mounted = plain_plan(shell, "flags +user +mnt; map root; mount tmpfs /mytmp; propagation slave")
    assert 'mount("none", "/mytmp", "tmpfs", 0, NULL)' in mounted
    assert "MS_REC|MS_SLAVE" in mounted
    assert "uid_map" in mounted
    assert "makes none" not in mounted
    assert "try: flags +uts" in plain_plan(shell, "hostname x; run true")
    assert "there is no command flgs" in plain_plan(shell, "flgs +pid")
    assert "unclosed quote" in plain_plan(shell, "run 'a")
    assert '["/bin/sh", "-c", "a | b", "sh"]' in plain_plan(shell, "sh a | b")
    assert "unshare" not in plain_plan(shell, "!ls")


def test_f2_of_undo_says_nothing(shell: Shell, capsys: Told) -> None:
    shell.interactive = True
    shell.run_line("flags +net")
    assert "unshare" not in plain_plan(shell, "undo")
    shell.flush()
    assert capsys.readouterr() == ("", "")
    assert (shell.state.flags, shell.interactive) == (("net",), True)


def test_f2_shows_the_plans_of_start_and_enter(shell: Shell) -> None:
    try:
        started = plain_plan(shell, "flags +user; start q sleep 10")
        assert "# start q sleep 10\n" in started
        assert "PR_SET_CHILD_SUBREAPER" in started
        assert "unshare(CLONE_NEWUSER)" in started
        assert "makes none" not in started
        assert not shell.started
        shell.run_line("flags +user; start web; reset")
        entered = plain_plan(shell, "enter web ps")
        assert "# enter web ps\n" in entered
        assert f"pidfd_open({shell.started['web'].pid}, 0)" in entered
        assert '["ps"]' in entered
        assert "makes none" not in entered
        shell.run_line("stop web")
        assert "web has ended" in plain_plan(shell, "enter web ps")
        assert "there is no child nix" in plain_plan(shell, "enter nix ps")
    finally:
        shell.end_all()
