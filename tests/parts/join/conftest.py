"""A process that is none of nsh's, in namespaces of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

Stranger = Callable[..., int]


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    """Starts such a process with the options of unshare(1); the words before it come first."""
    made: list[subprocess.Popen[bytes]] = []

    def start(*options: str, before: tuple[str, ...] = ()) -> int:
        words = ["unshare", *options, "sh", "-c", "echo in; read x"]
        process = subprocess.Popen([*before, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        made.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        return process.pid

    yield start
    for process in made:
        process.communicate(b"\n", timeout=30)
