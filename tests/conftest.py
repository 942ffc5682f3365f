"""What all tests share: how nsh is started, and the check that the host is as it was."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.runs import NSH as NSH
from tests.runs import ROOT as ROOT
from tests.runs import children
from tests.screen import Screen, Start
from tests.unprivileged import open_directory


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--strict-skips", action="store_true", help="a skipped test counts as a failure"
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if (
        report.skipped
        and item.config.getoption("--strict-skips")
        and not hasattr(report, "wasxfail")
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped, and --strict-skips is given: {report.longrepr}"


def pytest_configure() -> None:
    """Signals as in a terminal, also under nohup(1); a PATH as of the one who runs the tests."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # A directory of PATH that may not be entered, such as root's own, makes EACCES of ENOENT.
    path = os.environ.get("PATH", os.defpath).split(":")
    os.environ["PATH"] = ":".join([place for place in path if os.access(place, os.X_OK)])


def nsh(
    *args: str,
    stdin: str | bytes | None = None,
    env: dict[str, str] | None = None,
    before: list[str] | None = None,
    timeout: float = 60,
    merged: bool = False,
    cwd: str | Path | None = None,
    start: Sequence[str] = NSH,
) -> subprocess.CompletedProcess[str]:
    """Run nsh with these arguments.

    ``before`` is a command put in front (strace, unshare), ``start`` what starts nsh, for instance
    as another user.
    """
    data = stdin.encode(errors="surrogateescape") if isinstance(stdin, str) else stdin
    result = subprocess.run(
        [*(before or []), *start, *args],
        input=data,
        stdin=subprocess.DEVNULL if data is None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        env=env,
        timeout=timeout,
        cwd=cwd,
        check=False,
    )
    return subprocess.CompletedProcess(
        result.args,
        result.returncode,
        result.stdout.decode(errors="surrogateescape"),
        (result.stderr or b"").decode(errors="surrogateescape"),
    )


def own() -> dict[str, object]:
    """What no test leaves in its own process: children, descriptors, other namespaces."""
    return {
        "children": sorted(children(os.getpid())),
        "descriptors": sorted(os.listdir("/proc/self/fd"), key=int)[:-1],
        "namespaces": [
            os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")
        ],
    }


def host() -> dict[str, object]:
    """What nsh must never change on the host: the mounts, names, interfaces, queues."""
    return {
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "host name": socket.gethostname(),
        "domain name": Path("/proc/sys/kernel/domainname").read_text(),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "queues": [line.split()[:2] for line in Path("/proc/sysvipc/msg").read_text().splitlines()],
        "root": sorted(os.listdir("/")),
    }


@pytest.fixture(scope="session")
def _host() -> dict[str, object]:
    return host()


@pytest.fixture(autouse=True)
def _host_unchanged(_host: dict[str, object]) -> Iterator[None]:
    """The host is as it was before the first test, and this process as before this one.

    Others use the host, too, and other tests at the same time: what differs for a moment only is
    theirs. What a test has left stays, and is told of once.
    """
    before = own()
    yield
    assert own() == before, "the test left something in its process"
    deadline = time.monotonic() + 5
    while (now := host()) != _host and time.monotonic() < deadline:
        time.sleep(0.05)
    changed = {name: (_host[name], now[name]) for name in now if now[name] != _host[name]}
    _host.update(now)
    assert not changed, "the test changed the host"


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty directory that every user can reach and only its owner can write."""
    made = open_directory()
    yield made
    shutil.rmtree(made)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    opened: list[Screen] = []

    def new(
        columns: int = 80,
        rows: int = 24,
        env: dict[str, str] | None = None,
        prefix: list[str] | None = None,
        program: str = "",
    ) -> Screen:
        home = tmp_path / f"{len(opened)}-{uuid.uuid4().hex[:6]}"
        home.mkdir()
        screen = Screen(home, columns, rows, env or {}, prefix or [], program)
        opened.append(screen)
        return screen

    yield new
    for screen in opened:
        screen.close()
