"""What may be typed next: the engine, without a terminal."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nsh.linux.namespaces import NAMESPACES
from nsh.prompt.completion import Completion, complete, cut
from nsh.shell import Shell
from nsh.words import split


@pytest.fixture
def shell() -> Shell:
    return Shell(interactive=True)


def texts(shell: Shell, text: str) -> list[str]:
    return [found.text for found in complete(shell, text)]


def test_commands_in_the_order_of_teaching_with_a_description(shell: Shell) -> None:
    found = complete(shell, "")
    assert found[0].text == "run"
    assert {each.text for each in found} >= set(shell.command_names())
    assert all(each.start == 0 and each.about for each in found)


def test_every_command_that_takes_words_declares_its_completion() -> None:
    takes_none = {"children", "show", "history", "goal", "hint", "solution", "skip"}
    takes_none |= {"continue", "abort"}
    free = {"hostname", "domainname", "undo", "redo", "quit", "exit"}  # a name, a number
    shell_lines = {"sh", "host"}
    declared = {name for name in Shell().command_names() if hasattr(Shell, "complete_" + name)}
    assert declared == set(Shell().command_names()) - takes_none - free - shell_lines


def test_flags_offers_only_what_would_change_something(shell: Shell) -> None:
    shell.onecmd("flags +pid")
    found = texts(shell, "flags ")
    assert "-pid" in found
    assert "+pid" not in found
    assert "+uts" in found
    assert "-uts" not in found
    assert "-uts" in texts(shell, "flags +uts ")
    assert "+pid" in texts(shell, "flags -pid ")
    assert texts(shell, "flags -all -") == []
    assert texts(shell, "flags +CLONE_NEWI") == ["+CLONE_NEWIPC"]
    shell.onecmd("flags +all")
    assert texts(shell, "flags ") == [*[f"-{ns.name}" for ns in NAMESPACES], "-all"]


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("fl", "flags"),
        ("dmn", "domainname"),  # letters in their order
        ("FLA", "flags"),
        ("flags pid", "+pid"),
        ("mount tm", "tmpfs"),
        ("mount bi", "bind"),
        ("mount proc /p", "/proc"),
        ("mount tmpfs /tmp -", "-o"),
        ("mount tmpfs /tmp -o size=1m,nosu", "size=1m,nosuid"),
        ("mount tmpfs /tmp -onosu", "-onosuid"),
        ("mount bind /et", "/etc/"),
        ("propagation sl", "slave"),
        ("map r", "root"),
        ("setgroups d", "deny"),
        ("reset mo", "mount"),
        ("help pr", "propagation"),
        ("trace o", "on"),
        ("hints ", "on"),
        ("tree ", "--all"),
        ("tree --all ", "-o"),
        ("explain ", "net"),
        ("explain eper", "EPERM"),
        ("explain bind", "'bind mounts'"),
        ("explain flag", "flags"),
        ("lesson ", "skeleton"),
        ("lesson pi", "pid"),
        ("lesson res", "reset"),
        ("set ", "editing-mode"),
        ("set editing-mode v", "vi"),
        ("cd /et", "/etc/"),
        ("run cat /etc/passw", "/etc/passwd"),
        ("run readl", "readlink"),
        ("plan readl", "readlink"),
        ("sh ls | readl", "readlink"),
        ("!readl", "readlink"),
        ("host cat /etc/passw", "/etc/passwd"),
        ("flags +pid; ru", "run"),
        ("umount /pro", "/proc"),
        ("env -u PAT", "PATH"),
        ("uidmap ", "0"),
        ("uidmap 0 0 ", "1"),
    ],
)
def test_first_offer(shell: Shell, line: str, first: str) -> None:
    assert texts(shell, line)[0] == first


def test_the_filesystems_are_the_kernels(shell: Shell) -> None:
    known = {line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines()}
    assert set(texts(shell, "mount ")) == known | {"bind", "rbind"}


def test_a_queued_mount_can_be_taken_away(shell: Shell) -> None:
    shell.onecmd("mount tmpfs /somewhere")
    assert texts(shell, "umount /some") == ["/somewhere"]


def test_lessons_are_offered_with_their_titles_and_files(shell: Shell, tmp_path: Path) -> None:
    assert Completion("pid", 7, "being number one") in complete(shell, "lesson ")
    assert "quit" not in texts(shell, "lesson ")
    for name in ("mine.nsh.md", "picture.png"):
        (tmp_path / name).touch()
    assert texts(shell, f"lesson {tmp_path}/") == [f"{tmp_path}/mine.nsh.md"]


def test_a_tree_is_drawn_into_a_picture(shell: Shell, tmp_path: Path) -> None:
    for name in ("old.svg", "old.png"):
        (tmp_path / name).touch()
    assert texts(shell, f"tree -o {tmp_path}/") == [f"{tmp_path}/old.svg"]
    assert texts(shell, "tree -o new.svg ") == ["--all"]
    assert texts(shell, "tree -o new.svg --all ") == []


def test_a_recording_is_written_to_a_transcript_and_ended(shell: Shell, tmp_path: Path) -> None:
    for name in ("old.nsht", "old.nsh.md", "other"):
        (tmp_path / name).touch()
    found = [f"{tmp_path}/old.nsh.md", f"{tmp_path}/old.nsht"]
    assert texts(shell, f"record {tmp_path}/o") == found
    shell.start_recording(f"{tmp_path}/new.nsht")
    try:
        assert texts(shell, "record ") == ["off"]
    finally:
        shell.end_recording()


@pytest.mark.parametrize("line", ["quit ", "nonsense x", "flags # ", "hostname x", "# fl", "ns "])
def test_nothing_to_offer(shell: Shell, line: str) -> None:
    assert texts(shell, line) == []


def test_names_with_blanks_and_quotes_are_quoted(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    (tmp_path / "it's").touch()
    for typed in (f"run ls {tmp_path}/a", f"run ls '{tmp_path}/a"):
        [found] = complete(shell, typed)
        assert split(typed[: found.start] + found.text)[-1] == f"{tmp_path}/a b/"
        assert found.about == "directory"
    [found] = complete(shell, f"run ls {tmp_path}/it")
    assert split(found.text) == [f"{tmp_path}/it's"]
    assert found.about == "file"


def test_paths_are_seen_from_the_directory_of_the_next_run(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / ".hidden").touch()
    shell.onecmd(f"cd {tmp_path}")
    assert texts(shell, "run ls ") == ["inside/"]
    assert texts(shell, "run ls .h") == [".hidden"]
    assert texts(shell, "mount bind ins") == ["inside/"]


def test_programs_of_the_path_inside(shell: Shell, tmp_path: Path) -> None:
    for name, mode in (("prog-x", 0o755), ("prog-data", 0o644)):
        (tmp_path / name).touch(mode)
    shell.onecmd(f"env PATH={tmp_path}")
    assert complete(shell, "run prog") == [Completion("prog-x", 4, str(tmp_path))]
    (tmp_path / "prog-new").touch(0o755)
    os.utime(tmp_path, (1, 1))
    assert texts(shell, "run prog") == ["prog-new", "prog-x"]


def test_5000_programs_are_instant(shell: Shell, tmp_path: Path) -> None:
    for number in range(5000):
        (tmp_path / f"program{number}").touch(0o755)
    shell.onecmd(f"env PATH={tmp_path}")
    assert len(texts(shell, "run ")) == 5000
    before = time.process_time()
    for typed in ("run ", "run p", "run program4", "run pgm42"):
        assert complete(shell, typed)
    assert (time.process_time() - before) / 4 < 0.1


@given(st.text(alphabet="flags +pid-mnt;'\"\\#!run$|&/ \t\n~é", max_size=40))
def test_no_line_is_too_strange(text: str) -> None:
    shell = Shell(interactive=True)
    for found in complete(shell, text):
        assert found.text
        assert 0 <= found.start <= len(text)


@given(st.lists(st.text(min_size=1, max_size=6).filter(lambda word: "\0" not in word), max_size=4))
def test_cut_finds_the_words_that_split_finds(found: list[str]) -> None:
    from nsh.words import join

    end = cut(join(found) + " ", 0)
    assert (end.before, end.word) == (found, "")


def test_completion_changes_nothing(shell: Shell) -> None:
    state = shell.state
    for line in ("undo ", "reset ", "flags +pid ", "quit ", "source /et", "save /tm"):
        complete(shell, line)
    assert shell.state is state
    assert shell.status == 0


def test_lines_on_the_host_get_the_children_after_a_dollar(shell: Shell) -> None:
    for name in ("web", "db", "gone"):
        shell.run_line(f"start {name}")
    shell.run_line("stop gone")
    try:
        pid = shell.started["web"].pid
        assert texts(shell, "!kill $") == ["$web", "$db"]
        assert complete(shell, "!kill $w") == [Completion("$web", 6, f"process {pid}")]
        assert complete(shell, "!ls /proc/$w") == [Completion("$web", 10, f"process {pid}")]
        assert texts(shell, 'host echo "$we') == ["$web"]
        assert texts(shell, "! ps | grep $d") == ["$db"]
        assert "$web" not in texts(shell, "!kill x$n")
        assert "$web" not in texts(shell, "!echo $w ")
        assert "$web" not in texts(shell, "sh echo $w")
    finally:
        shell.end_all()
