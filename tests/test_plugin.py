"""The pytest plugin, in a project of its own that has nsh installed."""

from __future__ import annotations

import configparser
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

from tests.conftest import ROOT

GOOD = "# good\n\n```nsh\nnsh> run echo a\na\n```\n"
BAD = "# bad\n\n```nsh\nnsh> run echo a\na\nnsh> run echo b\nc\n```\n"
NEEDY = "---\ntitle: needy\nrequires: program:no-such-program\n---\n```nsh\nnsh> flags\n```\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory, and nsh installed as setup.cfg says: with its entry points."""
    site = tmp_path / "site"
    (site / "nsh-0.dist-info").mkdir(parents=True)
    (site / "nsh").symlink_to(ROOT / "nsh")
    (site / "nsh-0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: nsh\nVersion: 0\n"
    )
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    points = setup["options.entry_points"]["pytest11"]
    (site / "nsh-0.dist-info" / "entry_points.txt").write_text(f"[pytest11]{points}\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("COLUMNS", "150")
    there = tmp_path / "project"
    there.mkdir()
    (there / "pytest.ini").write_text("[pytest]\nnsh_files = README.md docs/*.md\n")
    return there


def run(project: Path, *args: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
    done = subprocess.run(
        command, cwd=project, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_one_item_a_file(project: Path, workers: tuple[str, ...]) -> None:
    (project / "good.nsh.md").write_text(GOOD)
    (project / "plain.nsht").write_text("nsh> run echo a\na\n")
    (project / "bad.nsh.md").write_text(BAD)
    (project / "broken.nsh.md").write_text("x\n```nsh\nnsh> flags\n")
    (project / "needy.nsh.md").write_text(NEEDY)
    (project / "README.md").write_text(GOOD)
    (project / "OTHER.md").write_text(BAD)
    status, out = run(project, "-rA", *workers)
    assert status == 1
    assert "2 failed, 3 passed, 1 skipped" in out
    assert "PASSED README.md::session" in out
    assert "SKIPPED [1] needy.nsh.md:3: needs the program no-such-program" in out
    assert "FAILED bad.nsh.md::session - line 7: nsh> run echo b: expected c, got b\n" in out
    assert "FAILED broken.nsh.md::session - line 2: the fence ``` is not closed\n" in out
    assert "\nbad.nsh.md:6:\n    nsh> run echo b\n    7 - c\n      + b\n" in out


def test_strict_turns_skips_into_failures(project: Path) -> None:
    (project / "needy.nsh.md").write_text(NEEDY)
    assert run(project)[0] == 0
    status, out = run(project, "--nsh-strict")
    assert status == 1
    assert "line 3: skipped (--nsh-strict): needs the program" in out


def test_update_rewrites_and_passes(project: Path) -> None:
    bad = project / "bad.nsh.md"
    bad.write_text(BAD)
    status, out = run(project, "--nsh-update", "-n", "2")
    assert status == 0
    assert "\nrewrote bad.nsh.md: 1 command\n" in out
    assert "left " not in out
    assert bad.read_text() == BAD.replace("\nc\n", "\nb\n")
    status, out = run(project, "--nsh-update")
    assert status == 0
    assert "rewrote" not in out


def test_update_says_what_it_leaves(project: Path) -> None:
    (project / "needy.nsh.md").write_text(NEEDY)
    (project / "broken.nsh.md").write_text("x\n```nsh\nnsh> flags\n")
    quits = project / "quits.nsht"
    quits.write_text("nsh> run echo a\nb\nnsh> quit\nnsh> run echo c\nd\n")
    status, out = run(project, "--nsh-update")
    assert status == 1
    summary = out.partition("= transcripts =")[2].splitlines()[1:]
    assert [line for line in summary if line.startswith(("rewrote", "left"))] == [
        "rewrote quits.nsht: 1 command",
        "left    broken.nsh.md:2: the fence ``` is not closed",
        "left    needy.nsh.md:3: needs the program no-such-program",
        "left    quits.nsht:3: it ended nsh; the rest was not run",
    ]
    assert quits.read_text() == "nsh> run echo a\na\nnsh> quit\nnsh> run echo c\nd\n"
    assert "transcripts =" not in run(project)[1]


def test_junit_gets_what_it_needs(project: Path) -> None:
    (project / "bad.nsh.md").write_text(BAD)
    (project / "needy.nsh.md").write_text(NEEDY)
    run(project, "--junitxml=out.xml")
    tree = xml.etree.ElementTree.parse(project / "out.xml")
    cases = {str(case.get("classname")): case for case in tree.iter("testcase")}
    failure = cases["bad.nsh.md"].find("failure")
    assert failure is not None
    assert failure.get("message") == "line 7: nsh> run echo b: expected c, got b"
    assert "bad.nsh.md:6:" in str(failure.text)
    skipped = cases["needy.nsh.md"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "needs the program no-such-program"


def test_a_lesson_is_no_session(project: Path) -> None:
    text = "---\ntitle: t\n---\n## Step\n```nsh goal\nnsh> run false\n```\n"
    (project / "lesson.nsh.md").write_text(text)
    assert run(project)[0] == 5


def test_pytest_pays_for_nothing_without_a_transcript(project: Path) -> None:
    (project / "test_it.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    loaded = [name for name in sys.modules if name.startswith(('nsh', 'prompt_toolkit'))]\n"
        "    assert sorted(loaded) == ['nsh', 'nsh.pytest_plugin']\n"
    )
    status, out = run(project)
    assert status == 0, out
    (project / "a.nsh.md").write_text(GOOD)
    (project / "test_it.py").write_text(
        "import sys\ndef test_it():\n    assert 'prompt_toolkit' not in sys.modules\n"
        "    assert 'nsh.transcript.replay' in sys.modules\n"
    )
    status, out = run(project)
    assert status == 0, out
