"""What a command inherits: shown, done, rebuilt, and refused in words."""

from __future__ import annotations

import pytest

from tests.conftest import nsh


def test_umask_is_that_of_the_command_and_no_other() -> None:
    lines = ["umask 027", "sh umask", "!umask", "umask", "show", "reset umask", "sh umask"]
    result = nsh("-c", "\n".join(lines), before=["sh", "-c", 'umask 022; exec "$@"', "sh"])
    assert result.stdout.split() == ["0027", "0022", "0027", "umask", "027", "0022"]
    assert (result.stderr, result.returncode) == ("", 0)


def test_a_plan_shows_it_as_strace_does() -> None:
    assert "umask(027)\n" in nsh("-c", "umask 27; plan true").stdout


@pytest.mark.parametrize("word", ["8", "1777", "-x", "u=rwx", "''", "02222"])
def test_no_mask(word: str) -> None:
    result = nsh("-c", f"umask {word}; show")
    assert result.stderr.startswith("nsh: -c:1: umask: ")
    assert result.stdout == ""
