"""What is joined is not new: only what was made for a child of this shell may be changed.

All in namespaces around nsh, which stand for the host: if something got through, they would be
changed and the rest of the machine not.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from nsh.host import Host
from nsh.parts.part import FailedCall
from nsh.plan.diagnose import cause_of
from nsh.plan.order import plan
from nsh.run.living import Living
from nsh.run.perform import CallFailed, launch
from nsh.state import START, Join, State
from tests import needs
from tests.conftest import nsh
from tests.parts.join.conftest import Stranger
from tests.runs import sh
from tests.unprivileged import unprivileged_command

pytestmark = needs.AROUND

AROUND = ["unshare", "-mun"]
USER = unprivileged_command()


def session(*lines: str, before: Sequence[str] = AROUND, start: Sequence[str] = ()) -> list[str]:
    """What the lines print, standard error among it, and the status of each that fails."""
    stdin = "\n".join([*lines, ""])
    more = {"start": start} if start else {}
    result = nsh("-v", stdin=stdin, before=list(before), merged=True, cwd="/", **more)  # type: ignore[arg-type]
    said = [line for line in result.stdout.splitlines() if not line.startswith("nsh> ")]
    assert "Traceback" not in result.stdout
    return [line.partition(": ")[2].partition(": ")[2] or line for line in said]


def refused(*lines: str, why: str, fixes: Sequence[str], before: Sequence[str] = AROUND) -> None:
    """The last line must be refused, and work after the fixes. The host name stays."""
    name = os.uname().nodename
    look = "!uname -n; cat /proc/self/mountinfo | wc -l"
    found = session(look, *lines, look, *fixes, lines[-1], "!echo end", before=before)
    assert found[0] == name
    assert why in found[2], found
    assert found[3 : 3 + len(fixes)] == [f"try: {fix}" for fix in fixes], found
    assert found[3 + len(fixes)] == "[125]", found
    assert found[4 + len(fixes) :] == [*found[:2], "end"], found


def test_the_own_namespaces_by_a_file() -> None:
    refused(
        "join uts /proc/self/ns/uts",
        "hostname evil",
        "run true",
        why="the uts namespace of /proc/self/ns/uts is the host's own, and sethostname would rename",
        fixes=["flags +uts"],
    )
    refused(
        "join mnt /proc/self/ns/mnt",
        "mount tmpfs /mnt",
        "run true",
        why="the mnt namespace of /proc/self/ns/mnt is the host's own, and the mounts would be made",
        fixes=["flags +mnt"],
    )


def test_the_own_namespaces_by_a_process_and_by_a_bound_file() -> None:
    bind = sh("mount -t tmpfs none /mnt; touch /mnt/uts; mount --bind /proc/self/ns/uts /mnt/uts")
    refused(
        "join uts /mnt/uts",
        "domainname evil",
        "run true",
        why="is the host's own, and setdomainname would rename",
        fixes=["flags +uts"],
        before=[*AROUND, *bind],
    )
    refused(
        *("start one", "join one uts", "hostname evil", "run true"),
        why="the uts namespace of one is the host's own",
        fixes=["flags +uts"],
    )


@pytest.mark.parametrize(
    ("kind", "line"),
    [("uts", "hostname evil"), ("mnt", "mount tmpfs /mnt"), ("mnt", "umount /proc")],
)
def test_what_somebody_else_has_made(kind: str, line: str, stranger: Stranger) -> None:
    pid = stranger("-um")
    mounts = Path(f"/proc/{pid}/mountinfo").read_text()
    for target in (str(pid), f"/proc/{pid}/ns/{kind}"):
        refused(
            f"join {kind} {target}",
            line,
            "run true",
            why=f"the {kind} namespace of {target} was not made for a child of this shell",
            fixes=[f"flags +{kind}"],
            before=["unshare", "-n"],
        )
    assert Path(f"/proc/{pid}/mountinfo").read_text() == mounts


def test_a_child_that_has_joined_what_somebody_else_made(stranger: Stranger) -> None:
    pid = stranger("-u")
    lines = [f"join {pid} uts", "start kid", "reset join", "join kid uts", "hostname evil"]
    refused(
        *lines,
        "run true",
        why="the uts namespace of kid was not made for a child of this shell",
        fixes=["flags +uts"],
    )


@pytest.mark.parametrize("moment", ["at once", "later"])
@pytest.mark.parametrize("to", ["the host", "a stranger"])
def test_a_child_that_goes_elsewhere(
    to: str, moment: str, stranger: Stranger, tmp_path: Path
) -> None:
    pid = str(stranger("-u")) if to == "a stranger" else "$PPID"
    wait = f"until test -e {tmp_path}/go; do sleep 0.01; done; " * (moment == "later")
    back = f"{wait}exec nsenter --uts=/proc/{pid}/ns/uts sh -c 'touch {tmp_path}/there; sleep 1000'"
    if to == "the host":  # whose namespace the script finds by a descriptor
        back = back.replace("/proc/$PPID/ns/uts", f"{tmp_path}/ns")
    script = tmp_path / "back"
    script.write_text(back)
    bind = f"touch {tmp_path}/ns; mount --bind /proc/self/ns/uts {tmp_path}/ns"
    why = "is the host's own, and" if to == "the host" else "of kid"
    refused(
        "flags +uts",
        f"start kid sh {script}",
        "reset all",
        f"!touch {tmp_path}/go; until test -e {tmp_path}/there; do sleep 0.01; done",
        "join kid uts",
        "hostname evil",
        "run true",
        why=why,
        fixes=["flags +uts"],
        before=[*AROUND, *sh(bind)],
    )


OWN = ["flags +uts +mnt", "start kid", "reset all"]


def test_what_was_made_for_a_child_is_changed_and_nothing_else() -> None:
    found = session(
        *OWN,
        "join kid uts mnt",
        "hostname inner",
        "mount tmpfs /mnt",
        "run sh -c 'uname -n; touch /mnt/x'",
        "!uname -n; ls /mnt | grep -c '^x$'",
        "reset all",
        "enter kid sh -c 'uname -n; ls /mnt'",
        "join kid mnt",
        "umount /mnt",
        "run true",
        "enter kid sh -c 'ls /mnt | grep -c ^x'",
    )
    assert found == ["inner", os.uname().nodename, "0", "[1]", "inner", "x", "0", "[1]"]


def test_by_the_number_of_the_child_and_by_a_file_of_it_too() -> None:
    found = session(
        *OWN,
        "!echo join uts $kid > /mnt/one; echo join uts /proc/$kid/ns/uts > /mnt/two",
        "source /mnt/one",
        "hostname one",
        "run uname -n",
        "source /mnt/two",
        "hostname two",
        "run uname -n",
        "reset all",
        "enter kid uname -n",
        before=[*AROUND, *sh("mount -t tmpfs none /mnt")],
    )
    assert found == ["one", "two", "two"]


def test_a_grandchild_that_has_joined_its_parent() -> None:
    found = session(
        *OWN, "join kid uts", "start inner", "join inner uts", "hostname x", "run uname -n"
    )
    assert found == ["x"]


def test_a_pinned_one() -> None:
    lines = [*OWN, "pin kid", "stop kid", "join kid uts", "hostname x", "run uname -n"]
    assert session(*lines) == ["x"]
    found = session(*OWN, "pin kid", "stop kid", "join kid mnt", "mount tmpfs /mnt", "run true")
    assert "no process that may be looked at is in the mnt namespace of kid" in found[0]
    assert found[1:] == ["try: flags +mnt", "[125]"]
    found = session(*OWN, "pin kid", "unpin kid", "stop kid", "join kid uts")
    assert "there is no child kid" in found[0] or "has ended" in found[0]


def test_the_number_of_a_namespace_that_has_ended_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from nsh.errors import Refusal
    from nsh.host import Host
    from nsh.parts.join.own import may_change
    from nsh.state import Join, State

    # The child lives, but has left what was made for it; its number is that of another now.
    host = Host()
    text = os.readlink("/proc/self/ns/uts")
    state = State(joins=(Join(str(os.getpid()), ("uts",)),))
    host.living = {"kid": os.getpid()}
    host.made = {"kid": {"uts": "uts:[1]"}}
    monkeypatch.setattr("nsh.parts.join.own.own_links", lambda: {"uts": "uts:[2]"})
    monkeypatch.setattr("nsh.parts.join.own.link", _all_but_pid_1)
    with pytest.raises(Refusal):
        may_change(state, host, "uts", "x")
    host.made = {"kid": {"uts": text}}
    assert may_change(state, host, "uts", "x") is not None
    host.living = {"kid": os.getppid() if os.getppid() != 1 else 0}
    monkeypatch.setattr("nsh.parts.join.own._link", lambda pid, kind: "uts:[3]")
    with pytest.raises(Refusal):
        may_change(state, host, "uts", "x")


def _all_but_pid_1(path: str) -> str:
    return "" if path.startswith("/proc/1/") else os.readlink(path)


@pytest.mark.parametrize("to", ["slave", "shared", "unchanged"])
def test_propagation_is_for_new_ones(to: str) -> None:
    refused(
        *OWN,
        "join kid mnt",
        f"propagation {to}",
        "run true",
        why="the propagation of / is set in a new mnt namespace only",
        fixes=["flags +mnt", "reset propagation"],
    )


SHARED = sh("mount -t tmpfs none /mnt; mount --make-shared /mnt")
PLANT = """
import ctypes, os, sys
syscall = ctypes.CDLL(None, use_errno=True).syscall
OPEN_TREE, MOVE_MOUNT, AT_FDCWD, OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH = 428, 429, -100, 1, 4
tree = syscall(OPEN_TREE, AT_FDCWD, b"/mnt", OPEN_TREE_CLONE)
there = os.open(f"/proc/{sys.argv[1]}/ns/mnt", os.O_RDONLY)
assert tree >= 0 and syscall({"x86_64": 308, "aarch64": 268}[os.uname().machine], there, 0) == 0
assert syscall(MOVE_MOUNT, tree, b"", AT_FDCWD, b"/mnt", MOVE_MOUNT_F_EMPTY_PATH) == 0
"""
"""Puts a copy of the mount on /mnt, its peer, into the mnt namespace of a process."""


def test_a_mount_that_would_appear_on_the_host(tmp_path: Path) -> None:
    script = tmp_path / "plant.py"
    script.write_text(PLANT)
    lines = [*OWN, f"!{sys.executable} {script} $kid", "join kid mnt", "mount tmpfs /mnt"]
    refused(
        *lines,
        "run true",
        why="/mnt in the mnt namespace of kid is the peer of a shared mount here",
        fixes=["flags +mnt"],
        before=["unshare", "-mu", *SHARED],
    )


def test_a_mount_in_a_user_namespace_stays_there() -> None:
    found = session(
        "flags +mnt +user",
        "map root",
        "propagation unchanged",
        "start kid",
        "reset all",
        "join kid",
        "mount tmpfs /mnt",
        "run sh -c 'touch /mnt/x'",
        "!ls /mnt",
        before=["unshare", "-m", *SHARED],
    )
    assert found == []


def test_a_copy_of_a_joined_one_propagates_to_it() -> None:
    refused(
        "flags +mnt",
        "propagation shared",
        "start kid",
        "reset all",
        "join kid mnt",
        "flags +mnt",
        "propagation unchanged",
        "mount tmpfs /mnt",
        "run true",
        why="a mount made inside would appear",
        fixes=["propagation slave", "propagation private"],
    )


@pytest.mark.parametrize(
    ("line", "why", "fixes"),
    [
        (
            "mount none /proc -o remount,ro",
            "a remount without bind changes the file system on /proc for the host too",
            ["reset mounts", "mount bind /proc /proc -o remount,ro"],
        ),
        ("umount /", "umount2 does not take / away but makes its file system", ["reset mounts"]),
        (
            "mount cgroup2 /mnt -o nsdelegate",
            "there is one cgroup2 for all",
            ["reset mounts", "mount cgroup2 /mnt"],
        ),
    ],
)
def test_the_file_system_behind_a_mount_is_everybody_s(
    line: str, why: str, fixes: list[str]
) -> None:
    refused(*OWN, "join kid mnt", line, "run true", why=why, fixes=fixes)


def test_the_child_s_own_file_system_may_be_changed() -> None:
    own = ["flags +mnt", "mount tmpfs /mnt", "start kid", "reset all", "join kid mnt"]
    found = session(
        *own, "mount tmpfs /mnt -o remount,ro", "run sh -c 'touch /mnt/x 2>&1 | grep -o Read-only'"
    )
    assert found == ["Read-only"]


def test_a_link_of_the_child_leads_where_it_leads_there(tmp_path: Path) -> None:
    # /mnt/to is nothing here; there it leads to /, and umount2 of / without -l is dangerous.
    own = ["flags +mnt", "mount tmpfs /mnt", "start kid sh -c 'ln -s / /mnt/to; sleep 1000'"]
    found = session(
        *own,
        "reset all",
        "enter kid sh -c 'until test -L /mnt/to; do sleep 0.01; done'",
        "join kid mnt",
        "umount /mnt/to",
        "run true",
    )
    assert "umount2 does not take / away" in found[0]


def test_maps_of_a_joined_user_namespace() -> None:
    for start in ([], USER):
        found = session(
            "flags +user", "map root", "start base", "flags -user", "join base", "run true",
            "reset map", "run id -u", "flags +user", "map root", "run id -u", start=start,
        )  # fmt: skip
        assert "the maps of the one that is joined are written already" in found[0]
        assert found[1:] == ["try: flags +user", "[125]", "0", "0"]


def test_an_init_in_a_joined_pid_namespace() -> None:
    found = session("flags +pid", "start a", "flags -pid", "join a", "init on", "run true",
                    "flags +pid", "run sh -c 'echo $$'")  # fmt: skip
    assert "and the one that is joined has its PID 1 already" in found[0]
    assert found[1:] == ["try: flags +pid", "try: init off", "[125]", "2"]


def test_a_namespace_that_is_changed_is_the_one_that_was_looked_at() -> None:
    made = Living("kid", plan(START.replace(flags=("user", "uts")), (), Host(), stays=True), None)
    try:
        host = Host()
        host.living, host.made = {"kid": made.pid}, {"kid": made.made}
        joins = (Join("kid", ("user", "uts")),)
        assert "pidfd_open" in [
            call.name for call in plan(State(joins=joins), ("true",), host).calls
        ]
        wanted = plan(State(joins=joins, hostname="x"), ("true",), host)
        opened = [call for call in wanted.calls if call.name == "openat"]
        assert len(opened) == 2
        assert all(call.expects in made.made.values() for call in opened)
        moved = [
            call.replace(expects="uts:[1]") if call in opened else call for call in wanted.calls
        ]
        with pytest.raises(CallFailed) as failed:
            launch(wanted.replace(calls=tuple(moved)))
        assert failed.value.errno == errno.EBUSY
        found = cause_of(FailedCall(failed.value.call, errno.EBUSY, wanted, host))
        assert "has gone to another namespace" in found.cause
    finally:
        made.end()
        made.wait()
