"""Environment: what a replay runs in, and whether this machine can run it.

A recording uses the same environment, so that what it shows is what a replay will see.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from nsh.linux.namespaces import BY_NAME

FIXED = {"LC_ALL": "C", "TZ": "UTC", "COLUMNS": "80", "TERM": "dumb", "SHELL": "/bin/sh"}
INHERITED = ("PATH", "HOME", "USER", "LOGNAME")
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_REQUIREMENT = re.compile(
    r"root|userns|program:[^\s,/]+|ns:(?P<ns>[a-z]+)|kernel>=(?P<version>[0-9]+\.[0-9]+)"
)


def replay_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a replay started from one with that environment.

    >>> sorted(replay_environ({"PATH": "/bin", "LANG": "de_DE", "LS_COLORS": "x"}))
    ['COLUMNS', 'LC_ALL', 'PATH', 'SHELL', 'TERM', 'TZ']
    """
    kept = {name: environ[name] for name in INHERITED if name in environ}
    return {"PATH": DEFAULT_PATH, **kept, **FIXED}


def is_requirement(word: str) -> bool:
    """Whether that is a requirement that can be probed.

    >>> is_requirement("kernel>=5.6"), is_requirement("ns:tme"), is_requirement("program:ip")
    (True, False, True)
    """
    found = _REQUIREMENT.fullmatch(word)
    return bool(found) and (found["ns"] is None or found["ns"] in BY_NAME)  # type: ignore[index]


@cache
def unmet(word: str) -> str:
    """Why this machine does not meet a requirement, "" if it does. Raises ValueError."""
    if not is_requirement(word):
        raise ValueError(f"{word!r} is no requirement")
    kind, _, value = word.partition(":")
    if kind == "program":
        path = replay_environ(os.environ)["PATH"]
        return "" if shutil.which(value, path=path) else f"needs the program {value}"
    if kind == "ns":
        there = os.path.exists(f"/proc/self/ns/{BY_NAME[value].proc}")
        return "" if there else f"needs a kernel with {value} namespaces"
    if word.startswith("kernel>="):
        wanted = word.removeprefix("kernel>=")
        release = os.uname().release
        numbers = [int(number) for number in re.findall("[0-9]+", release)[:2]]
        enough = numbers >= [int(number) for number in wanted.split(".")]
        return "" if enough else f"needs Linux {wanted}, and this is {release}"
    return _attempt(word)


def _attempt(word: str) -> str:
    """Ask a process of its own: it unshares, and this one must not. See unshare(2)."""
    if not sys.platform.startswith("linux"):
        return f"needs Linux, and this is {sys.platform}"
    script = str(Path(__file__).with_name("requirement.py"))
    asked = subprocess.run(
        [sys.executable, "-I", script, word],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode == 0:
        return ""
    why = (asked.stdout or asked.stderr).strip().splitlines()
    return f"needs {word}: {why[-1] if why else 'the attempt failed'}"


def first_unmet(requires: Iterable[tuple[int, str]]) -> tuple[int, str] | None:
    """The first (line, requirement) that this machine does not meet, as (line, why)."""
    for line, word in requires:
        if why := unmet(word):
            return line, why
    return None
