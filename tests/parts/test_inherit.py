"""What a command inherits: shown, done, rebuilt, and refused in words."""

from __future__ import annotations

import pytest

from tests.conftest import nsh
from tests.unprivileged import nsh_unprivileged


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


def test_nice_is_that_of_the_command() -> None:
    result = nsh("-c", "nice 10; run nice; nice; show; reset nice; run nice")
    own = nsh("-c", "nice").stdout
    assert result.stdout == f"10\n10\nnice 10\n{own}"
    assert "setpriority(PRIO_PROCESS, 0, -5)\n" in nsh("-c", "nice -5; plan true").stdout


@pytest.mark.parametrize("word", ["20", "-21", "x", "''", "+5", "--5"])
def test_no_nice_value(word: str) -> None:
    result = nsh("-c", f"nice {word}; show")
    assert "is no nice value" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("state", [[], ["flags +user", "map root"]])
def test_an_ordinary_user_may_not_lower_it(state: list[str]) -> None:
    script = "\n".join([*state, "nice -5", "run true", "nice 0", "run nice", ""])
    result = nsh_unprivileged("-v", stdin=script)
    assert "setpriority(PRIO_PROCESS, 0, -5) = -1 EACCES (Permission denied)" in result.stderr
    assert "takes CAP_SYS_NICE in the first user namespace" in result.stderr
    assert "try: nice 0" in result.stderr
    assert "nsh> run true\n[125]\n" in result.stdout
    assert result.stdout.endswith("nsh> run nice\n0\n")
