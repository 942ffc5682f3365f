"""The history: one file for all sessions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsh.prompt.history import SharedHistory


def test_history_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "history"
    one, two = SharedHistory(str(path)), SharedHistory(str(path))
    one.append_string("run a \\\nb")
    two.refresh()
    two.append_string("run c")
    two.append_string("run c")
    one.refresh()
    assert one.get_strings() == two.get_strings() == ["run a b", "run c"]
    assert path.read_text() == "run a b\nrun c\n"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    one.append_string("x\udcff")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().endswith(b"x\xff\n")


def test_what_was_typed_wrong_is_not_proposed_by_later_sessions_either(tmp_path: Path) -> None:
    path = tmp_path / "history"
    one = SharedHistory(str(path))
    for line, wrong in (("flags +pid", False), ("flgs +pid", True), ("flags +x", True)):
        one.append_string(line)
        one.judge(line, wrong)
    two = SharedHistory(str(path))
    two.refresh()
    for kept in (one, two):
        assert kept.get_strings() == ["flags +pid", "flgs +pid", "flags +x"]
        assert kept.last_that_begins("fl") == "flags +pid"
        assert kept.last_that_begins("flg") == ""
    two.append_string("flags +x")
    two.judge("flags +x", False)  # there is such a namespace now
    one.refresh()
    assert one.last_that_begins("flags +") == "flags +x"
    assert one.get_strings() == ["flags +pid", "flgs +pid", "flags +x"]


def test_lines_of_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "history"
    one, two = SharedHistory(str(path)), SharedHistory(str(path))
    one.append_string("sh echo 'a\\\nb'")
    two.refresh()
    assert one.get_strings() == two.get_strings() == ["sh echo 'a\\\nb'"]
    assert path.read_bytes().count(b"\n") == 1
    assert two.last_that_begins("sh") == ""  # there is one line to show it in


def test_history_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = SharedHistory(str(tmp_path / "file" / "nsh" / "history"))
    assert kept.trouble == "Not a directory"
    kept.append_string("run a")
    kept.refresh()
    assert kept.get_strings() == ["run a"]


def test_a_history_that_has_grown_is_cut_to_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nsh.prompt.history.READ_AT_MOST", 100)
    monkeypatch.setattr("nsh.prompt.history.KEEP_AT_MOST", 400)
    path = tmp_path / "history"
    lines = [f"run echo {number}" for number in range(100)]
    other = SharedHistory(str(path))
    for line in lines[:20]:
        other.append_string(line)
    before = path.read_text()
    SharedHistory(str(path))
    assert path.read_text() == before  # not yet too large
    for line in lines[20:]:
        other.append_string(line)
    SharedHistory(str(path))
    kept = path.read_text().splitlines()
    assert kept == lines[-len(kept) :]
    assert 5 <= len(kept) <= 10
    assert path.stat().st_mode & 0o777 == 0o600
    other.append_string("show")  # a session that was there before goes on in the new file
    assert path.read_text().splitlines() == [*kept, "show"]
    assert os.listdir(tmp_path) == ["history"]
