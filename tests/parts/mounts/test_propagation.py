"""The propagation of one mount: what is queued, what the kernel then shows, and why it fails."""

from __future__ import annotations

import re

import pytest

from nsh.shell import Shell
from nsh.state import START, Propagation
from tests import needs
from tests.conftest import nsh
from tests.diagnosis import teach
from tests.lines import Told, say


def test_it_is_queued_among_the_mounts(capsys: Told) -> None:
    shell = Shell()
    say(capsys, "cd /srv; propagation slave x; propagation -R shared /y", shell=shell)
    say(capsys, "propagation private /z -R; propagation runbindable /w -R", shell=shell)
    lines = [
        "propagation slave /srv/x",
        "propagation rshared /y",
        "propagation rprivate /z",
        "propagation runbindable /w",
    ]
    assert say(capsys, "mount", shell=shell) == ("\n".join(lines) + "\n", [], 0)
    assert say(capsys, "show", shell=shell)[0].splitlines()[:4] == lines
    assert say(capsys, "propagation", shell=shell)[0] == "private\n"
    say(capsys, "undo 4", shell=shell)
    assert list(shell.state.mounts) == []
    say(capsys, "redo; reset propagation", shell=shell)
    assert list(shell.state.mounts) == [Propagation("slave", "/srv/x")]
    say(capsys, "reset mounts; reset cd", shell=shell)
    assert shell.state == START


@pytest.mark.parametrize(
    ("line", "why", "fix"),
    [
        ("propagation rslave", "propagation: 'rslave' is none of private,", "propagation slave"),
        ("propagation unbindable", "propagation: unbindable is for one mount", "help propagation"),
        ("propagation -R slave", "propagation: without a TARGET, all mounts", "propagation slave"),
        ("propagation /x slave", "propagation: the KIND comes first", "propagation slave /x"),
        ("propagation unchanged /x", "propagation: a mount that no line changes is as", "mount"),
        (
            "propagation slav /x",
            "propagation: 'slav' is none of private, slave,",
            "propagation slave",
        ),
        ("propagation slave /x -l", "propagation: there is no option -l", "help propagation"),
        (
            "propagation slave ''",
            "propagation: the name of the target is empty",
            "help propagation",
        ),
    ],
)
def test_what_is_typed_wrong(capsys: Told, line: str, why: str, fix: str) -> None:
    out, errors, status = say(capsys, line)
    assert (out, status, errors[1:]) == ("", 2, [f"try: {fix}"])
    assert errors[0].startswith(why)
    assert say(capsys, fix)[2] == 0


def optional_fields(shown: str) -> dict[str, str]:
    """The optional fields of each line of mountinfo, without the numbers, by mount point."""
    found = {}
    for line in shown.splitlines():
        before = line.partition(" - ")[0].split()
        found[before[4]] = re.sub(r":\d+", "", " ".join(before[6:]))
    return found


@needs.NAMESPACES
@pytest.mark.parametrize(
    ("kind", "top", "below"),
    [
        ("shared", "shared", ""),
        ("rshared", "shared", "shared"),
        ("unbindable", "unbindable", ""),
        ("runbindable", "unbindable", "unbindable"),
        ("private", "", ""),
    ],
)
def test_the_kernel_shows_it(kind: str, top: str, below: str) -> None:
    lines = [
        "flags +mnt",
        "mount tmpfs /mnt",
        "mount bind /dev /mnt",
        "mount tmpfs /mnt/shm",
        f"propagation {kind} /mnt",
        "run cat /proc/self/mountinfo",
    ]
    done = nsh(stdin="\n".join(lines))
    assert (done.stderr, done.returncode) == ("", 0)
    shown = optional_fields(done.stdout)
    assert (shown["/mnt"], shown["/mnt/shm"]) == (top, below)


@needs.NAMESPACES
def test_a_slave_of_what_is_mounted_inside() -> None:
    lines = [
        "flags +mnt",
        "mount tmpfs /mnt",
        "propagation shared /mnt",
        "mount bind /mnt /srv",
        "propagation slave /srv",
        "run cat /proc/self/mountinfo",
    ]
    shown = optional_fields(nsh(stdin="\n".join(lines)).stdout)
    assert (shown["/mnt"], shown["/srv"]) == ("shared", "master")


@needs.NAMESPACES
def test_what_is_no_mount_point() -> None:
    teach(
        "flags +mnt",
        "propagation shared /srv",
        "run true",
        call='mount("none", "/srv", NULL, MS_SHARED, NULL) = -1 EINVAL',
        cause="/srv is no mount point",
        fixes=["reset mounts", "mount bind /srv /srv", "propagation shared /srv"],
    )


@needs.NAMESPACES
def test_what_is_not_there() -> None:
    teach(
        "flags +mnt",
        "propagation rslave /nosuch/x",
        "run true",
        call='mount("none", "/nosuch/x", NULL, MS_REC|MS_SLAVE, NULL) = -1 ENOENT',
        cause="there is no /nosuch/x",
        fixes=["reset mounts"],
    )


@needs.NAMESPACES
def test_what_was_made_unbindable_is_not_bound() -> None:
    teach(
        "flags +mnt",
        "mount tmpfs /mnt",
        "propagation unbindable /mnt",
        "mount bind /mnt /srv",
        "run true",
        call="= -1 EINVAL",
        cause="you made the mount on /mnt unbindable",
        fixes=["reset mounts", "mount tmpfs /mnt", "mount bind /mnt /srv"],
    )


def test_without_a_new_mnt_namespace_it_is_refused() -> None:
    done = nsh(stdin="propagation shared /mnt\nrun true\n")
    assert done.returncode == 125
    assert "try: flags +mnt" in done.stderr


def test_completion_offers_what_is_mounted() -> None:
    shell = Shell()
    shell.run_line("mount tmpfs /mytmp")
    first = [word for word, _ in shell.complete_propagation([], "")]
    assert first[:4] == ["private", "slave", "shared", "unchanged"]
    targets = [word for word, _ in shell.complete_propagation(["slave"], "")]
    assert targets[0] == "/mytmp"
    assert {"/", "-R"} <= set(targets)
    assert list(shell.complete_propagation(["unchanged"], "")) == []
    assert "-R" not in dict(shell.complete_propagation(["rslave"], ""))
