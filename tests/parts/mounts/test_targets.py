"""Diagnoses of targets that cannot be mounted on, each cause made for real."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import needs
from tests.conftest import nsh
from tests.diagnosis import FAILED, session, teach
from tests.runs import sh
from tests.unprivileged import UID, unprivileged_command


@needs.NAMESPACES
def test_a_target_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount tmpfs {place}/new",
        "run true",
        call=f'mount("none", "{place}/new", "tmpfs", 0, NULL) = -1 ENOENT (No such file',
        cause=f"there is no directory {place}/new to mount on",
        fixes=[f"!mkdir {place}/new"],
    )


@needs.NAMESPACES
def test_a_deep_target_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount tmpfs '{place}/a b/c'",
        "run true",
        call="= -1 ENOENT",
        cause=f"there is no directory {place}/a b/c to mount on",
        fixes=[f"!mkdir -p '{place}/a b/c'"],
    )


@needs.ANOTHER
def test_a_target_that_this_user_may_not_make(place: Path) -> None:
    name = f"nsh-{os.getpid()}"
    try:
        teach(
            "flags +mnt +user",
            "mount tmpfs /dev/shm",
            f"mount tmpfs {place}/{name}",
            "map root",
            "run true",
            start=unprivileged_command(),
            call="= -1 ENOENT",
            cause=f"and uid {UID} may not make it",
            fixes=[
                f"!mkdir /tmp/{name}",
                "reset mounts",
                "mount tmpfs /dev/shm",
                f"mount tmpfs /tmp/{name}",
            ],
        )
    finally:
        os.rmdir(f"/tmp/{name}")


@needs.NAMESPACES
def test_a_file_to_bind_on_that_is_not_there(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount bind /etc/passwd {place}/file",
        "run true",
        call="MS_BIND, NULL) = -1 ENOENT",
        cause=f"there is no file {place}/file to mount on",
        fixes=[f"!touch {place}/file"],
    )


@needs.NAMESPACES
@pytest.mark.parametrize(
    ("mount", "made"),
    [
        ("tmpfs {0}/in -o size=1m", "mount -t tmpfs -o size=1m none {0}/in"),
        ("bind /etc {0}/in", "mount --bind /etc {0}/in"),
    ],
)
def test_a_target_in_a_new_and_empty_mount(place: Path, mount: str, made: str) -> None:
    (place / "in").mkdir()
    lesson = teach(
        "flags +mnt",
        f"mount tmpfs {place}",
        "mount " + mount.format(place),
        "run true",
        call="= -1 ENOENT",
        cause=f"there is no directory {place}/in inside, because your tmpfs on {place} is new",
        fixes=[
            "reset mounts",
            f"mount tmpfs {place}",
            f"sh mkdir -p {place}/in && {made.format(place)}",
        ],
    )
    out, said = session(["flags +mnt", *lesson.fixes])
    assert not FAILED.findall(out)
    assert not said


@needs.NAMESPACES
def test_a_target_that_is_a_dangling_link(place: Path) -> None:
    (place / "link").symlink_to(place / "nowhere")
    teach(
        "flags +mnt",
        f"mount tmpfs {place}/link",
        "run true",
        call="= -1 ENOENT",
        cause=f"{place}/link is a symbolic link to {place}/nowhere, which is not there",
        fixes=[f"!mkdir {place}/nowhere"],
    )


@needs.NAMESPACES
def test_a_target_that_is_a_file(place: Path) -> None:
    name = f"file-{os.getpid()}"
    (place / name).touch()
    try:
        teach(
            "flags +mnt",
            f"mount tmpfs {place}/{name}",
            "run true",
            call="= -1 ENOTDIR (Not a directory)",
            cause=f"{place}/{name} is not a directory, and tmpfs can be mounted on a directory only",
            fixes=[f"!mkdir /tmp/{name}", "reset mounts", f"mount tmpfs /tmp/{name}"],
        )
    finally:
        os.rmdir(f"/tmp/{name}")


@needs.NAMESPACES
def test_a_file_bound_on_a_directory(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount bind /etc/passwd {place} -o ro",
        "run true",
        call="= -1 ENOTDIR",
        cause=f"/etc/passwd is a file and {place} is a directory, and a file is bound on a file",
        fixes=[
            f"!touch {place}/passwd",
            "reset mounts",
            f"mount bind /etc/passwd {place}/passwd -o ro",
        ],
    )


@needs.NAMESPACES
def test_a_directory_bound_on_a_file(place: Path) -> None:
    name = f"dir-{os.getpid()}"
    (place / name).touch()
    try:
        teach(
            "flags +mnt",
            f"mount bind /etc {place}/{name}",
            "run true",
            call="= -1 ENOTDIR",
            cause=f"/etc is a directory and {place}/{name} is not",
            fixes=[f"!mkdir /tmp/{name}", "reset mounts", f"mount bind /etc /tmp/{name}"],
        )
    finally:
        os.rmdir(f"/tmp/{name}")


@needs.NAMESPACES
@pytest.mark.parametrize(
    ("mount", "make"), [("tmpfs", "!mkdir"), ("bind /etc/hosts", "!touch"), ("bind /etc", "!mkdir")]
)
def test_a_target_below_a_file(mount: str, make: str) -> None:
    target = f"/tmp/x-{os.getpid()}"
    try:
        teach(
            "flags +mnt",
            f"mount {mount} /etc/passwd{target}",
            "run true",
            call="= -1 ENOTDIR",
            cause="/etc/passwd is a file, so there is nothing below it",
            fixes=[f"{make} {target}", "reset mounts", f"mount {mount} {target}"],
        )
    finally:
        os.rmdir(target) if os.path.isdir(target) else os.unlink(target)


@needs.AROUND
def test_a_target_on_a_read_only_file_system() -> None:
    # What lies in /tmp stays there, read-only: this checkout may be one of it.
    read_only = "mount -t tmpfs none /mnt; mount -o remount,ro /mnt\n" + "".join(
        f"mount --bind {place} {place}; mount -o remount,bind,ro {place}\n"
        for place in ("/tmp", "/var/tmp")
    )
    name = f"nsh-{os.getpid()}"
    try:
        teach(
            "flags +mnt",
            f"mount tmpfs /mnt/{name}",
            "run true",
            before=["unshare", "-m", *sh(read_only)],
            call=f'mount("none", "/mnt/{name}", "tmpfs", 0, NULL) = -1 ENOENT',
            cause="none can be made, because the file system there is read-only; /dev/shm is open",
            fixes=[
                f"!mkdir /dev/shm/{name}",
                "reset mounts",
                f"mount tmpfs /dev/shm/{name}",
            ],
        )
    finally:
        if os.path.isdir(f"/dev/shm/{name}"):
            os.rmdir(f"/dev/shm/{name}")


@needs.NAMESPACES
@pytest.mark.parametrize("source", ["/etc/passwd", "/dev/null"])
@pytest.mark.parametrize(
    ("target", "made"),
    [
        ("/mnt/x", "touch /mnt/x"),
        ("/mnt/a/x", "mkdir -p /mnt/a && touch /mnt/a/x"),
        ("/mnt", "touch /mnt/{name}"),
    ],
)
def test_a_file_on_what_is_new_is_made_in_the_run(source: str, target: str, made: str) -> None:
    name = source.rpartition("/")[2]
    made = made.format(name=name)
    place = made.rpartition(" ")[2]
    lesson = teach(
        "flags +mnt",
        "mount tmpfs /mnt",
        f"mount bind {source} {target}",
        "run true",
        call=f'mount("{source}", "{target}", NULL, MS_BIND, NULL) = -1 ENO',
        cause="your tmpfs on /mnt is new and covers what was there",
        fixes=["reset mounts", "mount tmpfs /mnt", f"sh {made} && mount --bind {source} {place}"],
    )
    look = f"{lesson.fixes[-1]} && cmp {source} {place} && ! test -d {place} && echo same"
    lines = ["flags +mnt", *lesson.fixes[:-1], look]
    assert nsh(stdin="\n".join(lines)).stdout == "same\n"


@needs.NAMESPACES
def test_a_device_is_bound_on_a_file(place: Path) -> None:
    teach(
        "flags +mnt",
        f"mount bind /dev/null {place}/null",
        "run true",
        call="= -1 ENOENT",
        cause=f"there is no file {place}/null to mount on",
        fixes=[f"!touch {place}/null"],
    )
