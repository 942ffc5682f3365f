"""How tests start nsh as an ordinary user without any privilege: uid 65534, nothing to gain."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import ROOT

UID = 65534

SETPRIV = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--no-new-privs"]
"""What turns root into that user for the command that follows. See setpriv(1)."""


def ordinary_user() -> list[str]:
    """What to put in front of a command so that it runs unprivileged: nothing if these tests do."""
    return SETPRIV if os.geteuid() == 0 else []


@functools.cache
def _python() -> str:
    """A python >= 3.11 that the ordinary user can execute; the one of .venv may lie under /root.

    Raises RuntimeError if there is none.
    """
    # Through sh: setpriv itself still finds its command with the rights of root.
    check = "import sys, ctypes; sys.exit(sys.version_info < (3, 11))"
    base = getattr(sys, "_base_executable", "")
    for python in (sys.executable, base, "/usr/bin/python3", "/usr/local/bin/python3"):
        if python and _runs(
            [*ordinary_user(), "sh", "-c", 'exec "$@"', "sh", python, "-I", "-c", check]
        ):
            return python
    raise RuntimeError(f"uid {UID} can execute no python >= 3.11 on this machine")


@functools.cache
def _entry() -> str:
    """nsh/__main__.py of the checkout, or of a copy of it if the ordinary user cannot read it.

    The copy is removed when the tests end. Raises RuntimeError if no place for it is readable.
    """
    checkout = ROOT / "nsh"
    if _all_readable(checkout):
        return str(checkout / "__main__.py")
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")):
        try:
            copy = Path(tempfile.mkdtemp(prefix="nsh-tests-", dir=place))
        except OSError:
            continue
        atexit.register(shutil.rmtree, copy, ignore_errors=True)
        shutil.copytree(checkout, copy / "nsh", ignore=shutil.ignore_patterns("__pycache__"))
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        if _all_readable(copy / "nsh"):
            return str(copy / "nsh" / "__main__.py")
    raise RuntimeError(f"there is no place that uid {UID} can read for a copy of {checkout}")


def unprivileged_command() -> list[str]:
    """The words that start nsh as an ordinary user; its arguments follow them.

    If others cannot read this checkout, nsh runs from a copy that they can. Start it in a directory
    that the user may enter, such as / (subprocess's ``cwd``). Raises RuntimeError if there is no
    python or no place for the copy that the user can reach.
    """
    return [*ordinary_user(), _python(), "-I", _entry()]


def nsh_unprivileged(
    *args: str, stdin: str = "", before: Sequence[str] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run nsh as an ordinary user in the directory /, set-uid programs not disarmed.

    ``before`` is a command put in front of it, run by the same user.
    """
    words = [word for word in unprivileged_command() if word != "--no-new-privs"]
    user = len([word for word in ordinary_user() if word != "--no-new-privs"])
    return subprocess.run(
        [*words[:user], *before, *words[user:], *args],
        input=stdin,
        capture_output=True,
        text=True,
        env=env,
        cwd="/",
        timeout=60,
        check=False,
    )


def _all_readable(package: Path) -> bool:
    files = [str(path) for path in package.glob("**/*.py")]
    return _runs([*ordinary_user(), "cat", "--", *files])


def _runs(command: list[str]) -> bool:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=60,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0
