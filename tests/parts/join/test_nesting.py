"""Pods and namespaces in namespaces: who is where, by which number, and what ends with whom."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Sequence

import pytest

from nsh.linux.processes import number_here
from tests import needs
from tests.conftest import nsh
from tests.runs import NSH, processes, until
from tests.unprivileged import unprivileged_command

USER = unprivileged_command()
WHO = [
    pytest.param(NSH, "", marks=needs.NAMESPACES, id="root"),
    pytest.param(USER, " +user", id="user"),
]


def session(*lines: str, start: Sequence[str] = NSH, before: Sequence[str] = ()) -> list[str]:
    """What the lines print; none of them may fail or say anything else."""
    stdin = "\n".join([*lines, ""])
    result = nsh("-e", stdin=stdin, start=start, before=list(before), cwd="/")
    assert (result.stderr, result.returncode) == ("", 0), result.stdout
    return result.stdout.splitlines()


def with_maps(flags: str) -> list[str]:
    return [f"flags {flags}", *(["map root"] if "+user" in flags else [])]


@pytest.mark.parametrize(("start", "user"), WHO)
def test_a_pod(start: list[str], user: str) -> None:
    look = "readlink /proc/self/ns/net /proc/self/ns/uts /proc/self/ns/ipc /proc/self/ns/pid"
    found = session(
        *with_maps(f"+net +ipc +uts{user}"),
        "hostname pod",
        "start base",
        "reset all",
        "join base",
        "flags +pid",
        "start one sleep 1000",
        "start two sleep 1000",
        "reset all",
        f"enter one {look}",
        f"enter two {look}",
        "enter one uname -n",
        "enter two sh -c 'echo $$'",
        "children",
        start=start,
    )
    assert found[:3] == found[4:7]
    assert found[3] != found[7]
    assert found[8] == "pod"
    assert int(found[9]) > 1
    assert [line.split()[2] for line in found[11:]] == [found[11].split()[1], "1", "1"]


NAMES = "abcde"


@pytest.mark.parametrize(("start", "user"), WHO)
def test_five_pid_namespaces_deep(start: list[str], user: str) -> None:
    lines = [*with_maps(f"+pid +mnt{user}"), "mount proc /proc"]
    for name in NAMES:
        lines += [f"start {name} sleep 1000" if name == "c" else f"start {name}", f"join {name}"]
    found = session(
        *lines,
        "reset all",
        *[f"!grep NSpid /proc/${name}/status" for name in NAMES],
        "children",
        *[f"enter {name} sh -c 'echo $$'" for name in NAMES],
        "join e",
        "run sh -c 'echo $$ $PPID'",
        "flags +pid",
        "run sh -c 'echo $$'",
        "flags -pid +time",
        "run sh -c 'exit 0'",
        "reset all",
        "stop a",
        "children",
        start=start,
    )
    numbers = [line.split()[1:] for line in found[:5]]
    assert [len(each) for each in numbers] == [2, 3, 4, 5, 6]
    assert all(each[-1] == "1" for each in numbers)
    rows = [line.split() for line in found[6:11]]
    assert [row[:3] for row in rows] == [
        [n, each[0], "1"] for n, each in zip(NAMES, numbers, strict=True)
    ]
    assert all(int(line) > 1 for line in found[11:16])
    assert found[16].endswith(" 0")  # its parent, nsh, is not in there
    assert found[17] == "1"
    ended = [line.split() for line in found[19:]]
    assert [(row[0], row[1]) for row in ended] == [(name, "-") for name in NAMES]
    assert all("SIGKILL" in line for line in found[20:])


@pytest.mark.parametrize("start", [pytest.param(NSH, id="root"), pytest.param(USER, id="user")])
def test_a_user_namespace_in_a_user_namespace(start: list[str]) -> None:
    look = "sh -c 'id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map | xargs; uname -n'"
    found = session(
        "flags +user +uts",
        "map root",
        "hostname outer",
        "start outer",
        "reset all",
        "join outer",
        "flags +user",
        f"run {look}",
        "map root",
        f"run {look}",
        "uidmap 5 0 1",
        "gidmap 6 0 1",
        f"run {look}",
        "map root",
        "flags +uts +pid +mnt +net",
        "hostname inner",
        "mount tmpfs /mnt",
        "start inner sleep 1000",
        "reset all",
        "join inner",
        f"run {look}",
        "flags +user",
        "map root",
        f"run {look}",
        "reset all",
        f"enter inner {look}",
        start=start,
    )
    nobody, root, other, inner, innermost, entered = [found[at : at + 4] for at in range(0, 24, 4)]
    assert nobody == ["65534", "65534", "", "outer"]
    assert root == ["0", "0", "0 0 1 0 0 1", "outer"]
    assert other == ["5", "6", "5 0 1 6 0 1", "outer"]
    assert inner == innermost == entered == ["0", "0", "0 0 1 0 0 1", "inner"]


@needs.IDS
def test_ranges_in_a_user_namespace_in_a_user_namespace() -> None:
    found = session(
        "flags +user",
        "uidmap 0 0 100",
        "gidmap 0 0 100",
        "start outer",
        "reset all",
        "join outer",
        "flags +user",
        "uidmap 0 0 5 7 10 1",
        "gidmap 0 0 5",
        "run sh -c 'cat /proc/self/uid_map | xargs; cat /proc/self/setgroups'",
        "user 3:4",
        "run id",
    )
    assert found == ["0 0 5 7 10 1", "allow", "uid=3(sys) gid=4(adm) groups=4(adm)"]


@needs.NAMESPACES
def test_the_user_namespace_last() -> None:
    found = session(
        "flags +net +uts",
        "hostname web",
        "start web",
        "reset all",
        "join web net uts",
        "flags +user",
        "map root",
        "run sh -c 'uname -n; cat /proc/self/uid_map | xargs; readlink /proc/self/ns/net'",
        "!readlink /proc/$web/ns/net",
    )
    assert found[:2] == ["web", "0 0 1"]
    assert found[2] == found[3]


@needs.NAMESPACES
def test_several_of_several_children() -> None:
    kinds = ("net", "uts", "ipc", "mnt", "cgroup", "time", "pid")
    lines = []
    for kind in kinds:
        lines += [f"flags +{kind}", f"start c_{kind}", "reset all"]
    joins = [f"join c_{kind} {kind}" for kind in kinds]
    found = session(
        *lines,
        *[f"!readlink /proc/$c_{kind}/ns/{kind}" for kind in kinds],
        *joins,
        "ns",
        "show",
    )
    there = {line.split()[0]: line.split()[-2:] for line in found[8:16]}
    for kind, link in zip(kinds, found, strict=False):
        assert there[kind] == [link, "joined"]
    assert found[16:] == joins


@pytest.mark.parametrize("start", [pytest.param(NSH, id="root"), pytest.param(USER, id="user")])
def test_who_the_command_is_in_a_joined_user_namespace(start: list[str]) -> None:
    base = [
        "flags +user",
        "uidmap 7 UID 1",
        "gidmap 8 UID 1",
        "start base",
        "reset all",
        "join base",
    ]
    own = "0" if start is NSH else "65534"
    found = session(
        *[line.replace("UID", own) for line in base],
        "user 7:8",
        "run sh -c 'id -u; id -g'",
        start=start,
    )
    assert found == ["7", "8"]


def test_an_id_that_a_joined_user_namespace_does_not_map() -> None:
    own = os.getuid(), os.getgid()
    base = ["flags +user", f"uidmap 7 {own[0]} 1", f"gidmap 8 {own[1]} 1", "start base"]
    lines = [*base, "reset all", "join base", "user 9:8", "run true"]
    result = nsh(*[word for line in lines for word in ("-c", line)])
    assert "setresuid(9, 9, 9) = -1 EINVAL" in result.stderr
    assert (
        "uid 9 cannot be had: the user namespace does not map it, and it is joined" in result.stderr
    )
    assert "try: user 7\n" in result.stderr
    assert result.returncode == 125


@needs.NAMESPACES
def test_many_runs_at_once_in_pods_with_the_same_numbers() -> None:
    """Four sessions, each with two pods, whose pid namespaces have the same small numbers."""
    lines = [*with_maps("+pid +mnt"), "start one", "start two", "reset all"]
    for _ in range(10):
        for pod in ("one", "two"):
            lines += [f"join {pod}", "flags +pid", "run sh -c 'test $$ = 1'", "flags -pid +time"]
            lines += ["run sh -c 'test $$ != 1; exit 0'", "start it sleep 1000"]
            lines += ["!grep -q $(cat /proc/$it/comm) /proc/$it/status", "stop it", "reset all"]
    failures: list[BaseException] = []

    def run() -> None:
        try:
            assert session(*lines) == []
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@needs.AROUND
@pytest.mark.parametrize(("start", "user"), WHO)
def test_numbers_are_found_where_proc_hides_others(start: list[str], user: str) -> None:
    hide = "mount -t proc -o hidepid=invisible proc /proc"
    found = session(
        *with_maps(f"+pid +mnt{user}"),
        "start a",
        "join a",
        "start b",
        "join b",
        "flags +pid",
        "run sh -c 'echo $$'",
        "enter b sh -c 'test $$ != 1; echo entered'",
        start=start,
        before=["unshare", "-m", "sh", "-ec", f'{hide}; exec "$@"', "sh"],
    )
    assert found == ["1", "entered"]


@needs.AROUND
def test_numbers_are_found_by_nsh_in_a_pid_namespace_itself() -> None:
    found = session(
        *with_maps("+pid +mnt"),
        "start a",
        "join a",
        "start b",
        "!grep -c . /proc/$b/status | grep -c .",
        "join b",
        "flags +pid",
        "run sh -c 'echo $$'",
        before=["unshare", "-pf", "--mount-proc"],
    )
    assert found == ["1", "1"]


@needs.NAMESPACES
def test_the_number_here_of_a_process_in_another_pid_namespace() -> None:
    process = subprocess.Popen(
        ["unshare", "-pf", "sh", "-c", "sleep 1000 & echo $!; read x; kill $!"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    inside = int(process.stdout.readline())
    parents = {
        pid: int(stat.rpartition(")")[2].split()[1]) for pid, stat in processes("stat").items()
    }
    [init] = [pid for pid, parent in parents.items() if parent == process.pid]
    sleep = number_here(inside, init, False, set())
    try:
        until(lambda: processes("comm").get(sleep) == "sleep\n", "the sleep")
        assert number_here(inside, init, False, {sleep}) == 0
        assert number_here(inside, process.pid, False, set()) == inside  # that one is out here
        assert number_here(999999, init, False, set()) == 0
    finally:
        process.communicate(b"\n", timeout=30)
