"""The hints that nsh takes words as they are, where a shell would replace a part of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import nsh
from tests.told import fixes, hints

MET = [
    ("run ls *", "*", "sh ls *"),
    ("run echo $HOME", "$HOME", "sh echo $HOME"),
    ('run echo "$(date +%Y)"', "$(", 'sh echo "$(date +%Y)"'),
    ('run echo "`date +%Y`"', "`", 'sh echo "`date +%Y`"'),
    ("run ls ~", "~", "sh ls ~"),
    ("run ls -d ~/.", "~", "sh ls -d ~/."),
    ("run ls -d /proc/[1-3]", "[ ]", "sh ls -d /proc/[1-3]"),
    ("run printf '$1 %s ' ${PWD} ?", "${PWD}", "sh printf '$1 %s ' ${PWD} ?"),
    ("diff echo $HOME", "$HOME", "diff sh -c 'echo $HOME'"),
    ("start box echo $HOME", "$HOME", "start box sh -c 'echo $HOME'"),
    ("start a; enter a echo $HOME", "$HOME", "enter a sh -c 'echo $HOME'"),
    ("start a; diff -c a echo $HOME", "$HOME", "diff -c a sh -c 'echo $HOME'"),
]
NOT_MET = [
    "run echo '*' \"*\" \\* '$HOME' \\$HOME '~' a~ $ a$ 5$, [ ]",
    "run sh -c 'echo $HOME *'",
    'run sh -c "echo $HOME *"',
    "run find / -maxdepth 0 -name *",
    "run grep -c ^[a-z]*$ /etc/passwd",
    'run awk "{print $1}" /dev/null',
    "run echo http://localhost/?a=b",
    "sh echo *",
    "!echo *",
    "run true",
]


@pytest.mark.parametrize(("line", "sign", "fix"), MET)
def test_a_run_of_what_only_a_shell_replaces(line: str, sign: str, fix: str) -> None:
    told = nsh(stdin=f"hints on\n{line}\n{line.rpartition('; ')[2]}\n").stderr
    [hint] = [text for text in hints(told) if "replaces" in text]
    assert hint.startswith(f"only a shell replaces {sign}; ")
    assert fix in fixes(told)
    mended = nsh(stdin=f"hints on\n{line.rpartition('; ')[0]}\n{fix}\n")
    assert hints(mended.stderr) == []
    assert mended.returncode == 0


@pytest.mark.parametrize("line", NOT_MET)
def test_what_is_meant_for_the_program_gets_no_hint(line: str) -> None:
    assert hints(nsh(stdin=f"hints on\n{line}\n").stderr) == []


def test_scripts_get_none_for_a_run() -> None:
    assert nsh(stdin="run echo $HOME\n").stderr == ""


STATE = [
    ("hostname $1", "$1", "hostname web"),
    ("hostname ${1}", "${1}", "hostname web"),
    ("hostname $2", "$2", "undo"),
    ('env A="$HERE:/x"', "$HERE", 'env A="/here:/x"'),
    ("env A=$HERE B=$NONE", "$HERE", "undo"),
    ("env A=`date`", "`", "undo"),
    ("cd $HERE", "$HERE", "cd /here"),
    ("mount tmpfs $HERE/sub", "$HERE", "mount tmpfs /here/sub"),
]


@pytest.mark.parametrize(("line", "sign", "fix"), STATE)
def test_a_variable_in_the_state_is_told_of_also_in_a_script(
    line: str, sign: str, fix: str, tmp_path: Path
) -> None:
    script = tmp_path / "x.nsh"
    script.write_text(f"{line}\nhostname box\n")
    told = nsh(str(script), "web", env={"HERE": "/here"})
    assert told.returncode == 0
    [hint] = hints(told.stderr)
    assert hint.startswith(f"only sh and ! replace {sign}; ")
    assert fixes(told.stderr) == [fix]
    assert all(text.startswith(f"nsh: {script}:1: ") for text in told.stderr.splitlines())
    if fix != "undo":
        script.write_text(f"{fix}\n")
        assert nsh(str(script), "web", env={"HERE": "/here"}).stderr == ""


def test_what_is_quoted_or_no_variable_or_switched_off_is_not_told_of() -> None:
    for line in ("hostname '$1'", "env A='a`b' B=\\$C", "hostname a$", "hostname", "env"):
        assert nsh("-c", line).stderr == "", line
    assert nsh("-c", "hints off", "-c", "hostname $1").stderr == ""
    assert "$1" in nsh("-c", "hostname $1").stderr
