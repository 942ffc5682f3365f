"""How tests type lines to a shell in this process, and read what it says."""

from __future__ import annotations

import pytest

from nsh.shell import Shell

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
