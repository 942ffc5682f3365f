"""What a test needs of the one who runs it, as marks of pytest: without it the test is skipped."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from typing import Any

import pytest


def root(why: str) -> pytest.MarkDecorator:
    """The mark of a test that only root can run, because it does what is said."""
    return pytest.mark.skipif(os.geteuid() != 0, reason=f"needs root: it {why}")


NAMESPACES = root("makes namespaces without a user namespace")
AROUND = root("starts nsh in namespaces that were made without a user namespace")
IDS = root("maps ids that are not its own")
ANOTHER = root("is both root and an ordinary user")
OWNER = root("gives a file to another user")
SUBORDINATE = root("says in /etc/subuid, in a mount namespace, what ids a user may map")


def program(name: str) -> pytest.MarkDecorator:
    """The mark of a test that runs that program."""
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"needs the program {name}")


def rights(*lines: str) -> tuple[pytest.MarkDecorator, ...]:
    """The marks of a test that types these lines: NAMESPACES, unless they make a user namespace."""
    if re.search(r"^join ", "\n".join(lines), re.MULTILINE):
        return (NAMESPACES,)
    flags = re.findall(r"(?<!\w)\+(\w+)", " ".join(lines))
    return (NAMESPACES,) if flags and not {"user", "all"} & set(flags) else ()


def cases(found: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Cases for parametrize, each with the marks of the lines that it begins with."""
    return [pytest.param(*case, marks=rights(case[0])) for case in found]
