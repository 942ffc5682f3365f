"""Who the command is: its ids, when they change, and why they cannot."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import NSH, nsh
from tests.runs import marked, until
from tests.unprivileged import nsh_unprivileged

IDS = "grep -E '^(Uid|Gid|Groups|CapEff):' /proc/self/status"


def ids(*lines: str) -> list[list[str]]:
    result = nsh("-c", "\n".join([*lines, f"sh {IDS}"]))
    assert result.stderr == ""
    return [line.split()[1:] for line in result.stdout.splitlines()]


def test_all_ids_change_and_the_rights_go() -> None:
    uid, gid, groups, capabilities = ids("user 65534:65533,7,9")
    assert (uid, gid, groups) == (["65534"] * 4, ["65533"] * 4, ["7", "9"])
    assert int(capabilities[0], 16) == 0


def test_with_a_gid_the_other_groups_are_none() -> None:
    assert ids("user 65534:65534")[2] == []


def test_without_a_gid_the_groups_stay() -> None:
    uid, gid, groups, _ = ids("user 65534")
    assert (uid[0], gid[0]) == ("65534", str(os.getegid()))
    assert sorted(groups) == sorted([str(group) for group in os.getgroups()])


def test_mounts_names_and_limits_come_before() -> None:
    lines = ["flags +uts +mnt +pid", "hostname box", "mount proc /proc", "nice -3"]
    lines += [
        "rlimit nofile 99",
        "user 65534:65534",
        "sh hostname; nice; ulimit -n; id -u; echo $$",
    ]
    assert nsh("-c", "\n".join(lines)).stdout.split() == ["box", "-3", "99", "65534", "1"]


def test_in_a_user_namespace_of_all_ids() -> None:
    lines = ["flags +user", "uidmap 0 0 70000", "gidmap 0 0 70000", "user 1000:1001,5"]
    assert [row[:1] for row in ids(*lines)[:3]] == [["1000"], ["1001"], ["5"]]


def test_show_undo_and_what_is_shown() -> None:
    lines = ["user 1:2,3", "user", "show", "user 4", "show", "undo", "reset user", "show", "user"]
    out = nsh("-c", "\n".join(lines)).stdout.splitlines()
    assert out[:3] == ["user 1:2,3", "user 1:2,3", "user 4"]
    assert out[3:] == [f"user {os.geteuid()}:{os.getegid()}"]


def test_killed_nsh_leaves_nothing_also_after_the_ids_have_changed() -> None:
    # Without a new pid namespace only PR_SET_PDEATHSIG does it, which setresuid(2) clears.
    shell = subprocess.Popen([*NSH, "-c", "user 65534:65534", "-c", "run sleep 98765.25"])
    try:
        until(
            lambda: [w for w in marked("98765.25").values() if w.startswith("sleep")], "the command"
        )
        shell.send_signal(signal.SIGKILL)
        shell.wait()
        until(lambda: not marked("98765.25"), "its end")
    finally:
        shell.kill()
        shell.wait()


@pytest.mark.parametrize(
    ("word", "fix"),
    [
        ("nobody", "user 65534"),
        ("root:root", "user 0:0"),
        ("0:root,daemon", "user 0:0,1"),
        ("nosuchuser", "help user"),
        ("-1", "help user"),
        ("4294967295", "help user"),
        ("1:", "help user"),
        ("1:2:3", "help user"),
        ("''", "help user"),
    ],
)
def test_names_and_nonsense_get_an_answer(word: str, fix: str) -> None:
    result = nsh("-c", f"user {word}; show")
    assert result.stdout == ""
    assert result.stderr.endswith(f"nsh: -c:1: try: {fix}\n")


def refused(*lines: str, user: bool = True) -> tuple[str, list[str]]:
    run = nsh_unprivileged if user else nsh
    result = run("-v", stdin="\n".join([*lines, "run true", ""]))
    assert result.stdout.endswith("nsh> run true\n[125]\n")
    said = [line.partition(": stdin:")[2].partition(": ")[2] for line in result.stderr.splitlines()]
    fixes = [line.removeprefix("try: ") for line in said if line.startswith("try: ")]
    again = run("-v", stdin="\n".join([*lines, *fixes, "run echo it works", ""]))
    assert again.stdout.endswith("\nit works\n"), (again.stdout, again.stderr)
    return " / ".join(said[:2]), fixes


def test_an_ordinary_user_may_not() -> None:
    said, fixes = refused("user 1000:1000")
    assert "= -1 EPERM" in said
    assert "takes CAP_SETUID and CAP_SETGID, which uid 65534 does not have here" in said
    assert fixes == ["flags +user", "map root", "user 0:0"]


def test_an_id_that_is_not_mapped() -> None:
    said, fixes = refused("flags +user", "map root", "user 5:6")
    assert "setresgid(6, 6, 6) = -1 EINVAL" in said
    assert "uid 5 and gid 6 cannot be had: the user namespace does not map them" in said
    assert fixes == ["uidmap 5 65534 1", "gidmap 6 65534 1"]
    said, fixes = refused("flags +user", "map root", "user 5", user=False)
    assert "setresuid(5, 5, 5) = -1 EINVAL" in said
    assert fixes[0].startswith("uidmap 0 0 ")
    said, _ = refused("flags +user", "user 0:0")
    assert "uid 0 and gid 0 cannot be had" in said


def test_other_groups_where_setgroups_is_denied() -> None:
    said, fixes = refused("flags +user", "map root", "user 0:0,0")
    assert "setgroups(1, [0]) = -1 EPERM" in said
    assert "setgroups is denied in this user namespace" in said
    assert fixes == ["user 0:0"]


def test_files_are_judged_by_the_new_ids(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    program = closed / "true"
    shutil.copy("/bin/true", program)
    result = nsh("-c", f"user 65534:65534; run {program}")
    assert result.returncode == 126
    assert "uid 65534 may not go through the directory " in result.stderr
    closed.chmod(0o755)
    for above in list(tmp_path.parents)[:3]:
        above.chmod(above.stat().st_mode | 0o011)
    tmp_path.chmod(0o755)
    program.chmod(0o700)
    result = nsh("-c", f"user 65534:65534; run {program}")
    assert f"uid 65534 may not run {program} by its permissions" in result.stderr


def test_a_hint_tells_of_the_groups() -> None:
    result = nsh("-c", "hints on; user 65534; run id -u; user 65534:65534; hints on; run id -u")
    assert result.stderr.count("hint: another uid, yet nsh's groups") == 1


def test_no_descriptor_is_left_to_look_for_nsh() -> None:
    lines = ["rlimit nofile 0", "user 65534", "run true"]
    result = nsh("-v", stdin="\n".join([*lines, ""]))
    assert "poll([{fd=" in result.stderr
    assert "poll(2) takes no more descriptors than RLIMIT_NOFILE" in result.stderr
    assert "try: rlimit nofile 1\n" in result.stderr
    assert result.stdout.endswith("nsh> run true\n[125]\n")
    again = nsh("-c", "\n".join([*lines[:2], "rlimit nofile 1", "run true"]))
    assert "poll(" not in again.stderr  # the command is reached


def test_nsh_s_own_ids_without_the_right_to_change_groups() -> None:
    said, fixes = refused("user 65534:65534")
    assert "uid 65534 and gid 65534 are nsh's own" in said
    assert fixes == ["user 65534"]
