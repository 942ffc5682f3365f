"""How tests start nsh as an ordinary user without any privilege: uid 65534, nothing to gain."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.runs import ROOT

UID = 65534

GAINING = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"]
"""What turns root into that user, who may still gain rights by set-uid programs. See setpriv(1)."""

SETPRIV = [*GAINING, "--no-new-privs"]
"""The same, with set-uid programs disarmed."""

LIBRARIES = ("prompt_toolkit", "pygments", "wcwidth")
"""What the prompt imports."""


def ordinary_user(*, gaining: bool = False) -> list[str]:
    """What to put in front of a command so that it runs unprivileged: nothing if these tests do.

    With ``gaining`` set-uid programs such as newuidmap(1) give that user their rights.
    """
    if os.geteuid() != 0:
        return []
    return GAINING if gaining else SETPRIV


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


def open_directory() -> Path:
    """A new directory that every user can enter and only its owner can write; the caller removes it.

    The usual place for temporary files may lie where only root may go. Raises RuntimeError if there
    is no place that the ordinary user can reach.
    """
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")):
        try:
            made = Path(tempfile.mkdtemp(prefix="nsh-tests-", dir=place))
        except OSError:
            continue
        made.chmod(0o755)
        if _runs([*ordinary_user(), "ls", "--", str(made)]):
            return made
        made.rmdir()
    raise RuntimeError(f"there is no place for files that uid {UID} can reach")


@functools.cache
def open_checkout() -> Path:
    """The directory that has the package nsh: the checkout, or a copy if others cannot read that.

    The copy has the libraries of the prompt beside it, since the python that others can execute may
    not have them; it is removed when the tests end. Raises RuntimeError if there is no place for it.
    """
    if _python() == sys.executable and _all_readable(ROOT / "nsh"):
        return ROOT
    copy = open_directory()
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    packages = [ROOT / "nsh"]
    for name in LIBRARIES:
        found = importlib.util.find_spec(name)
        assert found is not None
        packages += [Path(place) for place in found.submodule_search_locations or ()]
    for package in packages:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, copy / package.name, ignore=ignored)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


def open_nsh() -> list[str]:
    """The words that start nsh and that every user can execute; its arguments follow them."""
    return [_python(), "-I", str(open_checkout() / "nsh" / "__main__.py")]


def unprivileged_command(*, gaining: bool = False) -> list[str]:
    """The words that start nsh as an ordinary user; its arguments follow them.

    If others cannot read this checkout, nsh runs from a copy that they can. Start it in a directory
    that the user may enter, such as / (subprocess's ``cwd``). Raises RuntimeError if there is no
    python or no place for the copy that the user can reach.
    """
    return [*ordinary_user(gaining=gaining), *open_nsh()]


def nsh_unprivileged(
    *args: str, stdin: str = "", before: Sequence[str] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run nsh as an ordinary user in the directory /, set-uid programs not disarmed.

    ``before`` is a command put in front of it, run by the same user.
    """
    return subprocess.run(
        [*ordinary_user(gaining=True), *before, *open_nsh(), *args],
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
