"""The small lesson, and a learner in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.course.at_prompt import AtPrompt
from tests.course.learner import LESSON, Learner


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.nsh.md"
    path.write_text(LESSON)
    return path


@pytest.fixture
def learn(small: Path, tmp_path: Path) -> Learner:
    return Learner(small, tmp_path / "state")


@pytest.fixture
def at_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AtPrompt]:
    learner = AtPrompt(tmp_path)
    monkeypatch.setattr(os, "get_terminal_size", lambda fd: learner.size)
    yield learner
    learner.end()
