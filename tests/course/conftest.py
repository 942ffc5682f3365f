"""The small lesson, and a learner in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.course.learner import LESSON, Learner


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.nsh.md"
    path.write_text(LESSON)
    return path


@pytest.fixture
def learn(small: Path, tmp_path: Path) -> Learner:
    return Learner(small, tmp_path / "state")
