"""The command join: what it takes, what it says, what it leaves in the state."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nsh.parts.table import state_commands
from nsh.shell import Shell
from nsh.state import Join
from tests import needs
from tests.conftest import nsh
from tests.lines import Told, say
from tests.parts.join.conftest import Stranger
from tests.runs import ROOT

UTS = "/proc/self/ns/uts"
NET = "/proc/self/ns/net"


@pytest.mark.parametrize(
    ("line", "why", "fixes"),
    [
        ("join ''", "has no empty name", ["help join"]),
        ("join web", "there is no child web, and no other lives", ["start web"]),
        ("join 99999999", "there is no process 99999999", ["!ps -e"]),
        ("join 0", "there is no process 0", ["!ps -e"]),
        (f"join {'9' * 5000}", "there is no process", ["!ps -e"]),
        ("join ²", "there is no child '²'", ["help join"]),
        ("join $$ uts", "there is no child '$$'", ["help join"]),
        ("join 1 foo", "there is no namespace 'foo': there are net mnt uts", ["help join"]),
        ("join 1 uts 1", "there is no namespace '1'", ["help join"]),
        ("join uts", "uts of what?", ["help join"]),
        ("join net uts", "net uts of what?", ["help join"]),
        (f"join {UTS} net", f"{UTS} is a uts namespace", [f"join uts {UTS}"]),
        (f"join net {UTS}", f"{UTS} is a uts namespace", [f"join uts {UTS}"]),
        ("join /etc/passwd", "/etc/passwd is no namespace", ["!ls -l /proc/$$/ns"]),
        ("join /dev/null", "/dev/null is no namespace", ["!ls -l /proc/$$/ns"]),
        ("join /etc", "/etc is no namespace", ["!ls -l /proc/$$/ns"]),
        ("join /nowhere", "cannot be opened: No such file", ["!ls -l /nowhere"]),
        ("join 'a\\0/'", "cannot be opened", None),
    ],
)
def test_what_is_typed_wrong_is_told_and_changes_nothing(
    capsys: Told, line: str, why: str, fixes: list[str] | None
) -> None:
    shell = Shell()
    say(capsys, f"join {NET}", shell=shell)
    before = shell.state
    _, errors, status = say(capsys, line, shell=shell)
    assert status == 2
    assert errors[0].startswith("join: ")
    assert why in errors[0]
    if fixes is not None:
        assert [each.removeprefix("try: ") for each in errors[1:]] == fixes
    assert shell.state == before


def test_a_process_that_shares_all_is_not_joined(capsys: Told) -> None:
    _, errors, status = say(capsys, f"join {os.getpid()}")
    assert status == 2
    assert f"process {os.getpid()} is in the same namespaces as this shell" in errors[0]


def test_a_process_that_has_ended_but_is_not_reaped_is_gone(capsys: Told) -> None:
    process = subprocess.Popen(["true"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    _, errors, status = say(capsys, f"join {process.pid} uts")
    process.wait()
    assert (status, errors[0]) == (2, f"join: there is no process {process.pid}")


def test_it_is_shown_and_taken_back(capsys: Told) -> None:
    shell = Shell()
    lines = [f"join uts {UTS}", f"join {NET}"]
    assert say(capsys, *lines, "show", shell=shell)[0] == f"join {UTS} uts\njoin {NET}\n"
    assert say(capsys, "join", shell=shell)[0] == f"{UTS} uts\n{NET}\n"
    say(capsys, "undo", shell=shell)
    assert [each.target for each in shell.state.joins] == [UTS]
    say(capsys, "redo", "join none", shell=shell)
    assert shell.state.joins == ()
    say(capsys, "undo", "reset join", shell=shell)
    assert shell.state.joins == ()
    say(capsys, "undo", shell=shell)
    again = Shell()
    say(capsys, *state_commands(shell.state), shell=again)
    assert again.state == shell.state


def test_a_path_is_kept_from_the_root_on(capsys: Told, tmp_path: Path) -> None:
    shell = Shell()
    link = tmp_path / "a b"
    link.symlink_to(UTS)
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        say(capsys, "join './a b'", shell=shell)
    finally:
        os.chdir(before)
    assert list(shell.state.joins) == [Join(str(link))]
    assert say(capsys, "show", shell=shell)[0] == f"join '{link}'\n"
    saved = tmp_path / "state"
    say(capsys, f"save '{saved}'", "reset all", f"source '{saved}'", shell=shell)
    assert list(shell.state.joins) == [Join(str(link))]


@needs.NAMESPACES
def test_a_later_line_takes_the_place_of_the_same_kind(capsys: Told, stranger: Stranger) -> None:
    shell = Shell()
    one, two = stranger("-uin"), stranger("-un")
    say(capsys, f"join {one}", f"join {two} net", shell=shell)
    assert list(shell.state.joins) == [Join(str(one), ("uts", "ipc")), Join(str(two), ("net",))]
    again = Shell()
    say(capsys, *state_commands(shell.state), shell=again)
    assert again.state == shell.state
    say(capsys, f"join {two}", shell=shell)
    assert list(shell.state.joins) == [Join(str(one), ("ipc",)), Join(str(two))]
    say(capsys, f"join {one} uts CLONE_NEWUTS newnet", shell=shell)
    assert list(shell.state.joins) == [Join(str(one), ("uts", "net"))]


@needs.NAMESPACES
def test_completion_offers_what_can_be_joined(stranger: Stranger) -> None:
    pid = stranger("-un")
    shell = Shell()
    shell.host.living = {"web": 4242}
    shell.host.pins = {"web": {}, "old": {}}
    offered = dict(shell.complete_join([], ""))
    assert offered["web"] == "a child, process 4242"
    assert offered["old"] == "a child that has ended and is pinned"
    assert {"none", "uts"} < set(offered)
    assert dict(shell.complete_join([], str(pid)[:1]))[str(pid)] == "sh: net uts"
    assert dict(shell.complete_join(["uts"], ""))["web"] == "a child, process 4242"
    assert [word for word, _ in shell.complete_join(["web", "net"], "")][:2] == ["mnt", "uts"]
    assert "/proc/self/" in [word for word, _ in shell.complete_join(["uts"], "/proc/se")]
    assert list(shell.complete_join(["uts", "web"], "")) == []


@needs.NAMESPACES
def test_a_run_is_in_what_it_joins(stranger: Stranger) -> None:
    pid = stranger("-unm")
    result = nsh(
        *("-c", f"join {pid} uts net"),
        *("-c", "run readlink /proc/self/ns/uts /proc/self/ns/net /proc/self/ns/mnt"),
        *("-c", "ns"),
    )
    joined = [os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("uts", "net")]
    lines = result.stdout.splitlines()
    assert lines[:3] == [*joined, os.readlink("/proc/self/ns/mnt")]
    words = {line.split()[0]: line.split()[-1] for line in lines[4:]}
    assert words == {
        "net": "joined", "mnt": "shared", "uts": "joined", "ipc": "shared",
        "pid": "shared", "user": "shared", "cgroup": "shared", "time": "shared",
    }  # fmt: skip
    assert (result.stderr, result.returncode) == ("", 0)


@needs.NAMESPACES
def test_what_is_joined_may_be_gone_when_a_run_comes(capsys: Told) -> None:
    shell = Shell()
    process = subprocess.Popen(["unshare", "-u", "sleep", "60"])
    try:
        while os.readlink(f"/proc/{process.pid}/ns/uts") == os.readlink(UTS):
            pass
        say(capsys, f"join {process.pid}", shell=shell)
    finally:
        process.kill()
        process.wait()
    for line in ("run true", "plan true", "ns", "diff id"):
        _, errors, status = say(capsys, line, shell=shell)
        assert errors[0] == f"there is no process {process.pid}", line
        assert status == (1 if line.startswith("plan") else 125), line
        assert errors[1] == "try: reset join"
    assert say(capsys, "show", shell=shell)[0] == f"join {process.pid}\n"


KINDS = ("net", "uts", "ipc", "pid", "cgroup", "time", "mnt")
FILES = [
    (form, kind)
    for form in ("bound", "/proc/PID/ns/KIND", "/proc/self/fd/9")
    for kind in KINDS
    if (form, kind) != ("bound", "mnt")  # a mnt namespace is bound only in an older one
]


@needs.AROUND
@pytest.mark.parametrize(("form", "kind"), FILES)
def test_a_file_that_is_a_namespace(form: str, kind: str, stranger: Stranger) -> None:
    pid = stranger("-unimpfCT")
    inner = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
    place = f"/proc/{inner}/ns/{kind}"
    setup = f"mount -t tmpfs none /mnt; touch /mnt/ns; exec 9< {place}\n"
    path = {"bound": "/mnt/ns"}.get(form, form.replace("PID", str(inner)).replace("KIND", kind))
    if form == "bound":
        setup += f"mount --bind {place} /mnt/ns\n"
    lines = [
        f"join {kind} {path}",
        "run readlink /proc/self/ns/" + kind,
        f"join {path}",
        "run true",
    ]
    result = nsh(
        *[word for line in lines for word in ("-c", line)],
        before=["unshare", "-m", "sh", "-ec", f'{setup}exec "$@"', "sh"],
    )
    assert (result.stderr, result.returncode) == ("", 0)
    if kind not in ("mnt", "pid"):  # there /proc is another's
        assert result.stdout == os.readlink(place) + "\n"


NO_PIDFD = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from nsh.host import Host
Host.sets_by_pidfd = False
from nsh.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("flags", [pytest.param("-user", marks=needs.NAMESPACES), "+user"])
def test_where_setns_takes_no_pidfd_each_namespace_is_joined_by_its_file(flags: str) -> None:
    maps = ["map root"] if flags == "+user" else []
    own = ["flags +all", f"flags {flags}", *maps, "hostname box", "mount proc /proc", "start web"]
    lines = [*own, "reset all", "join web", "plan true", "run sh -c 'uname -n; echo $$'"]
    result = subprocess.run(
        [sys.executable, "-I", "-c", NO_PIDFD, *[w for line in lines for w in ("-c", line)]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.stderr, result.returncode) == ("", 0)
    assert "pidfd_open" not in result.stdout
    assert result.stdout.count("setns(joined[0] ") == (8 if flags == "+user" else 7)
    assert result.stdout.splitlines()[-2:] == ["box", "2"]
