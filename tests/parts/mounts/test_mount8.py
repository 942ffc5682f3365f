"""Lines of mount(8) and of mount(2) as they are typed from habit: the lines that do the same here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nsh.shell import Shell
from tests import needs
from tests.conftest import nsh
from tests.lines import Told, say

LINES = {
    "mount proc /proc proc": ["mount proc /proc"],
    "mount -t proc proc /proc": ["mount proc /proc"],
    "mount --types=proc none /proc": ["mount proc /proc"],
    "mount -tproc none /proc": ["mount proc /proc"],
    "mount -t tmpfs -o size=1m tmpfs /mnt": ["mount tmpfs /mnt -o size=1m"],
    "mount -r -t tmpfs none /mnt": ["mount tmpfs /mnt -o ro"],
    "mount -t ext4 /dev/x /mnt": ["mount ext4 /dev/x /mnt"],
    "mount none /mnt tmpfs": ["mount tmpfs /mnt"],
    'mount none /mnt tmpfs 0 ""': ["mount tmpfs /mnt"],
    'mount none /mnt tmpfs MS_NOSUID "size=1m"': ["mount tmpfs /mnt -o nosuid,size=1m"],
    'mount "none", "/mnt", "tmpfs", 0, ""': ["mount tmpfs /mnt"],
    "mount --bind /etc /mnt": ["mount bind /etc /mnt"],
    "mount -B '/a b' /mnt -o ro": ["mount bind '/a b' /mnt -o ro"],
    "mount -o bind,ro /etc /mnt": ["mount bind /etc /mnt -o ro"],
    "mount -o rbind /etc /mnt": ["mount rbind /etc /mnt"],
    "mount --rbind /dev /mnt": ["mount rbind /dev /mnt"],
    "mount --move /a /b": ["mount none /a /b -o move"],
    "mount --bind --make-private /a /b": ["mount bind /a /b", "propagation private /b"],
    "mount --make-shared /mnt": ["propagation shared /mnt"],
    "mount --make-rslave /mnt": ["propagation rslave /mnt"],
    "mount --make-rslave /": ["propagation slave"],
    "mount --make-slave /": ["propagation slave /"],
    "mount --make-unbindable /mnt": ["propagation unbindable /mnt"],
    "mount -o remount,ro /mnt": ["mount none /mnt -o remount,bind,ro"],
    "mount -o remount,bind,nosuid /mnt": ["mount none /mnt -o remount,bind,nosuid"],
    "mount -o remount,size=2m,ro /mnt": ["mount none /mnt -o remount,bind,ro"],
    "mount /etc /mnt": ["mount bind /etc /mnt"],
    "mount /mnt tmpfs": ["mount tmpfs /mnt"],
    "mount . /mnt": ["mount bind . /mnt"],
    "mount /proc": ["mount proc /proc"],
    "mount /mytmp": ["mount tmpfs /mytmp"],
    "mount proc": ["mount proc /proc"],
    "mount sysfs": ["mount sysfs /sys"],
    "umount /a /b": ["umount /a", "umount /b"],
    "umount -R /a": ["umount /a -l"],
}


@pytest.mark.parametrize("line", LINES)
def test_the_line_that_works_here(capsys: Told, line: str) -> None:
    shell = Shell()
    out, errors, status = say(capsys, line, shell=shell)
    assert (out, status) == ("", 2)
    assert errors[1:] == [f"try: {fix}" for fix in LINES[line]]
    for fix in LINES[line]:
        assert say(capsys, fix, shell=shell) == ("", [], 0)


@pytest.mark.parametrize(
    "line",
    [
        "mount proc /proc",
        "mount proc proc /proc",
        "mount bind /etc proc",
        "mount rbind /etc tmpfs",
        "mount tmpfs none /mnt -o size=1m",
        "mount tmpfs /mnt -o remount,size=1m",
        "mount none /mnt -o remount,bind,ro",
        "mount none /a /b -o move",
        "mount -o ro tmpfs /mnt",
        "mount tmpfs /mnt -oro",
        "mount -- /a -b",
        "mount overlay /mnt -o lowerdir=/a:/b",
        "mount fuse.sshfs a:/b /mnt",
        "mount ext4 /dev/x proc",
    ],
)
def test_lines_of_nsh_stay_what_they_are(capsys: Told, line: str) -> None:
    assert say(capsys, line) == ("", [], 0)


def test_a_directory_by_its_name_alone_is_bound(capsys: Told, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    shell = Shell()
    say(capsys, f"cd {tmp_path}", "mount src dst -o ro", shell=shell)
    assert list(shell.fixes) == ["mount bind src dst -o ro"]
    assert say(capsys, "mount other dst", shell=shell) == ("", [], 0)


def test_a_remount_of_what_is_queued_keeps_its_file_system(capsys: Told) -> None:
    shell = Shell()
    say(capsys, "mount tmpfs /mnt", "mount -o remount,size=2m /mnt", shell=shell)
    assert list(shell.fixes) == ["mount tmpfs /mnt -o remount,size=2m"]


@needs.NAMESPACES
def test_the_lines_do_what_is_meant(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    a, b, c = (str(tmp_path / name) for name in "abc")
    shell = Shell()
    shell.said = lambda text: None
    for line in (
        f"mount none {a} tmpfs",
        f"mount --bind {a} {b}",
        f"mount -o remount,ro {b}",
        f"mount --make-shared {a}",
        f"mount --move {b} {c}",
    ):
        shell.run_line(line)
        assert shell.fixes
        for fix in list(shell.fixes):
            shell.run_line(fix)
            assert shell.status == 0
    lines = ["flags +mnt", *[f"source {tmp_path}/lines"], "run cat /proc/self/mountinfo"]
    shell.run_line(f"save {tmp_path}/lines")
    done = nsh(stdin="\n".join(lines))
    assert done.stderr == ""
    shown = {line.split()[4]: line for line in done.stdout.splitlines()}
    assert a in shown
    assert b not in shown
    assert " shared:" in shown[a]
    assert shown[c].split()[5].startswith("ro,")


@pytest.mark.parametrize(
    ("typed", "meant"), [("tmpsf", "tmpfs"), ("prco", "proc"), ("tempfs", "tmpfs")]
)
def test_a_misspelt_file_system_is_told_when_typed(capsys: Told, typed: str, meant: str) -> None:
    why = f"mount: there is no file system {typed}: did you mean {meant}?"
    assert say(capsys, f"mount {typed} /mnt -o ro") == (
        "",
        [why, f"try: mount {meant} /mnt -o ro"],
        2,
    )
    assert say(capsys, f"mount {typed} x /mnt")[1][1] == f"try: mount {meant} x /mnt"


@pytest.mark.parametrize("name", ["nfs4", "zfs", "ext3", "unheardof", "fuse.tmpsf"])
def test_what_a_module_may_bring_is_not_misspelt(capsys: Told, name: str) -> None:
    assert say(capsys, f"mount {name} x /mnt") == ("", [], 0)


def hints_of(capsys: Told, *lines: str) -> list[str]:
    shell = Shell()
    shell.hinting = True
    said = []
    for line in lines:
        said += say(capsys, line, shell=shell)[1]
    return said


def test_a_bind_is_told_to_reach_the_host_once(capsys: Told, tmp_path: Path) -> None:
    bind = f"mount bind {tmp_path} /mnt"
    said, fix = hints_of(capsys, bind, bind, f"mount bind {tmp_path} /srv")
    assert said == (
        f"hint: what is written below /mnt is written to {tmp_path} on the host; -o ro prevents it"
    )
    assert fix == f"try: undo; mount bind {tmp_path} /mnt -o ro"
    assert hints_of(capsys, f"{bind} -o ro") == []
    assert hints_of(capsys, "mount tmpfs /mnt", "mount bind /mnt/x /srv") == []
    assert say(capsys, bind) == ("", [], 0)
    shell = Shell()
    say(capsys, bind, fix.removeprefix("try: "), "show", shell=shell)
    assert [entry.options for entry in shell.state.mounts if hasattr(entry, "options")] == ["ro"]


def test_a_bind_on_the_root_is_told_not_to_be_seen(capsys: Told, tmp_path: Path) -> None:
    said, fix = hints_of(capsys, f"mount bind {tmp_path} /", "mount rbind / /")
    assert said.startswith("hint: a mount on / is not seen: a process keeps the root that it has")
    assert fix == "try: undo"
    assert hints_of(capsys, "mount rbind / /")[1] == "try: run chroot /"


@needs.NAMESPACES
def test_a_bind_on_the_root_is_not_seen(tmp_path: Path) -> None:
    lines = ["flags +mnt", f"mount bind {tmp_path} /", "run ls -A /"]
    assert set(nsh(stdin="\n".join(lines)).stdout.split()) == set(os.listdir("/"))
