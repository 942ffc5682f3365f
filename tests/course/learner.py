"""A learner in the tests of lessons."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.conftest import nsh


class Learner:
    """Types lines at nsh in the small lesson, with a progress file of its own."""

    def __init__(self, small: Path, state: Path) -> None:
        self.small = str(small)
        self.progress = state / "nsh/progress"
        self.environ = {**os.environ, "XDG_STATE_HOME": str(state)}

    def __call__(self, *lines: str, path: str = "") -> subprocess.CompletedProcess[str]:
        typed = "\n".join(lines) + "\n"
        return nsh("--lesson", path or self.small, stdin=typed, env=self.environ, merged=True)
