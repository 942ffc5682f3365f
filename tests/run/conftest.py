"""What tests of runs find ready: a mark for their processes, and children that are ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from nsh.run.living import Living
from tests.run.living import descriptors
from tests.runs import marked


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> Iterator[str]:
    made = f"1000.{os.getpid()}{abs(hash(request.node.name)) % 10**6:06}"
    yield made
    for pid in marked(made):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def stopping() -> Iterator[list[Living]]:
    before = descriptors()
    living: list[Living] = []
    yield living
    for each in living:
        each.end()
        each.wait()
        each.close()
    assert descriptors() == before
