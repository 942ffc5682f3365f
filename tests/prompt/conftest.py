"""What the tests of the prompt share: a shell whose history lies in a directory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from nsh.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(interactive=True)
    made.host.environ["XDG_STATE_HOME"] = str(tmp_path)
    return made
