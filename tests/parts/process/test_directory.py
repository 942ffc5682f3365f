"""Diagnoses of chdir, each cause made for real."""

from __future__ import annotations

import os
from pathlib import Path

from tests import needs
from tests.diagnosis import teach
from tests.unprivileged import UID, unprivileged_command


def test_a_directory_that_is_not_there(place: Path) -> None:
    teach(
        f"cd {place}/new",
        "run true",
        call=f'chdir("{place}/new") = -1 ENOENT',
        cause=f"there is no directory {place}/new",
        fixes=[f"!mkdir {place}/new"],
    )


@needs.ANOTHER
def test_a_directory_that_an_ordinary_user_may_not_make(place: Path) -> None:
    teach(
        f"cd {place}/new",
        "run true",
        start=unprivileged_command(),
        call="= -1 ENOENT",
        cause="there is no directory",
        fixes=["cd /"],
    )


@needs.NAMESPACES
def test_a_directory_that_a_mount_covers(place: Path) -> None:
    (place / "in").mkdir()
    teach(
        "flags +mnt",
        f"mount tmpfs {place}",
        f"cd {place}/in",
        "run true",
        call="= -1 ENOENT",
        cause=f"your tmpfs on {place} covers what was there",
        fixes=[f"cd {place}"],
    )


def test_a_directory_that_is_a_file() -> None:
    teach(
        "cd /etc/passwd",
        "run true",
        call='chdir("/etc/passwd") = -1 ENOTDIR (Not a directory)',
        cause="/etc/passwd is not a directory",
        fixes=["cd /etc"],
    )


@needs.OWNER
def test_a_directory_that_is_closed_to_root_in_a_user_namespace(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir()
    closed.chmod(0o700)
    os.chown(closed, 1000, 1000)
    teach(
        "flags +user",
        f"cd {closed}",
        "run true",
        call="= -1 EACCES (Permission denied)",
        cause=f"{closed} is closed to others by its permissions, and in a user namespace root",
        fixes=["uidmap 0 0 4294967295", "gidmap 0 0 4294967295"],
    )


@needs.ANOTHER
def test_a_directory_that_is_closed_to_an_ordinary_user(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir()
    closed.chmod(0o700)
    teach(
        f"cd {closed}",
        "run true",
        start=unprivileged_command(),
        call="= -1 EACCES",
        cause=f"uid {UID} may not go through the directory {closed}",
        fixes=["cd /"],
    )
