"""A map that leaves out nsh's own id: what is told when it is typed, and the line that mends it."""

from __future__ import annotations

import pytest

from nsh.shell import Shell
from tests import needs
from tests.conftest import nsh
from tests.lines import Told, say


def hints(capsys: Told, *lines: str) -> list[str]:
    shell = Shell()
    shell.host.uid = shell.host.gid = 0
    shell.hinting = True
    return [said for line in lines for said in say(capsys, line, shell=shell)[1]]


@pytest.mark.parametrize(
    ("lines", "fixes"),
    [
        (["uidmap 0 100000 65536"], ["user 0"]),
        (["uidmap 0 100000 65536", "gidmap 7 100000 65536"], ["user 0", "user 0:7"]),
        (["gidmap 7 100000 65536", "uidmap 5 100000 9"], ["user 0:7", "user 5:7"]),
        (["uidmap 0 100000 9", "uidmap 0 200000 9"], ["user 0"]),
        (["uidmap 0 0 1 1 100000 65536", "gidmap 0 0 1"], []),
        (["user 0", "uidmap 0 100000 9"], []),
        (["uidmap none", "map root", "map auto"], []),
    ],
)
def test_it_is_told_once_for_each_kind(capsys: Told, lines: list[str], fixes: list[str]) -> None:
    said = hints(capsys, *lines)
    assert said[1::2] == [f"try: {fix}" for fix in fixes]
    assert all(line.startswith("hint: nsh's own ") for line in said[::2])


def test_a_script_is_told_nothing(capsys: Told) -> None:
    shell = Shell()
    shell.host.uid = 0
    assert say(capsys, "uidmap 0 100000 65536", shell=shell) == ("", [], 0)


@needs.IDS
def test_what_is_told_is_so() -> None:
    maps = ["flags +user", "uidmap 0 100000 65536", "run id -u"]
    assert nsh(stdin="\n".join([*maps, "user 0", "run id -u"])).stdout == "65534\n0\n"
    maps = [*maps[:2], "gidmap 7 100000 65536", "run id -g", "user 0:7", "run id -g"]
    assert nsh(stdin="\n".join(maps)).stdout == "65534\n7\n"
