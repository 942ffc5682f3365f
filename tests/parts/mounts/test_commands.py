"""The commands that queue mounts: how their words are read and shown."""

from __future__ import annotations

import shlex

from nsh.shell import Shell
from tests.lines import Told, say


def test_mount_options_of_the_manual_are_quoted_as_sh_does(capsys: Told) -> None:
    out = say(capsys, "mount tmpfs \"a'b\" '/c d' -o 'x=$y'", "mount")[0]
    assert shlex.split(out) == ["mount", "tmpfs", "a'b", "/c d", "-o", "x=$y"]


def test_umount_and_mount_take_names_that_look_like_options(capsys: Told) -> None:
    shell = Shell()
    assert say(capsys, "cd /x", "mount -- -a -b -c; umount -l -- -d", shell=shell) == ("", [], 0)
    assert say(capsys, "mount", shell=shell)[0] == "mount -- -a -b /x/-c\numount /x/-d -l\n"
