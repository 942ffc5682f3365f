"""How tests type lines to a shell in this process, and read what it says."""

from __future__ import annotations

import pytest

from nsh.parts.table import PARTS
from nsh.shell import Shell
from nsh.state import State

Said = tuple[str, list[str], int]
Told = pytest.CaptureFixture[str]


def say(capsys: Told, *lines: str, shell: Shell | None = None) -> Said:
    """What the last of the lines wrote, the errors without ``nsh: ``, and its status."""
    shell = shell or Shell()
    for line in lines:
        capsys.readouterr()
        shell.run_line(line)
    shell.flush()
    out, err = capsys.readouterr()
    assert all(line.startswith("nsh: ") for line in err.splitlines())
    return out, [line[5:] for line in err.splitlines()], shell.status


def full_state() -> State:
    """A state in which every field is changed, by the examples of the parts."""
    shell = Shell()
    for line in [line for part in PARTS for line in part.examples]:
        shell.run_line(line)
        assert shell.status == 0, line
    return shell.state
