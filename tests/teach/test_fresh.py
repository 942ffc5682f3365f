"""The hints that a run is a child of its own, and what it changed has ended with it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from nsh.state import State
from nsh.teach import fresh
from tests import needs
from tests.conftest import nsh
from tests.told import fixes, hints

GONE = [
    ("flags +user +uts; map root", "run hostname bar", "run hostname", "uts", "bar"),
    ("flags +uts", "sh hostname bar; hostname", "run uname -n", "uts", "bar"),
    (
        "flags +user +mnt; map root",
        "run mount -t tmpfs none /mnt",
        "run findmnt -n -o FSTYPE /mnt",
        "mnt",
        "tmpfs",
    ),
    (
        "flags +mnt",
        "run mount -t tmpfs size /mnt -osize=8k",
        "run df --output=size /mnt",
        "mnt",
        "8",
    ),
    ("flags +mnt", "run mount --bind /proc /mnt", "run ls /mnt/uptime", "mnt", "/mnt/uptime"),
    ("flags +mnt", "run umount -l /proc", "run ls /proc", "mnt", ""),
    (
        "flags +user +net; map root",
        "run ip link set lo up",
        "run ip -brief link show up",
        "net",
        "UP",
    ),
    ("flags +user +ipc; map root", "run ipcmk -Q", "run ipcs -q", "ipc", "0x"),
    ("flags +mnt; mount tmpfs /mnt", "run touch /mnt/x", "run ls /mnt/", "tmpfs on /mnt", "x"),
    ("flags +mnt; mount tmpfs /mnt", "sh echo x > /mnt/x", "sh cat /mnt/x", "tmpfs on /mnt", "x"),
    ("", "sh cd /usr/bin", "run pwd", "directory", "/usr/bin"),
    ("", "sh export A='b c'", "run env", "environment", "A=b c"),
    ("", "sh export A=b", "sh echo is $A.", "environment", "is b."),
]
AT_ONCE = [case for case in GONE if ";" not in case[1]]


def cases(found: Iterable[tuple[str, ...]]) -> list[object]:
    """The cases, each with the marks of what it needs: rights, and the program that changes."""
    return [
        pytest.param(
            *case,
            marks=[*needs.rights(case[0]), *_program(case[1].split()[1])],
            id=f"{case[1]}, {case[2]}",
        )
        for case in found
    ]


def _program(name: str) -> list[pytest.MarkDecorator]:
    return [] if name in ("cd", "export") else [needs.program(name)]


@pytest.mark.parametrize(("before", "change", "look", "what", "shown"), cases(GONE))
def test_the_earlier_run_is_named_and_each_line_to_try_does_it(
    before: str, change: str, look: str, what: str, shown: str
) -> None:
    lines = ["hints on", before, change]
    first = nsh(stdin="\n".join(lines) + "\n").stderr
    told = nsh(stdin="\n".join([*lines, look, look]) + "\n")
    assert told.stderr.startswith(first)
    if look.startswith(("run hostname", "run uname", "run env")):
        assert shown not in told.stdout.splitlines()[-1]
    second = told.stderr[len(first) :]
    [hint] = hints(second)
    assert hint.startswith(f"{change} was a child of its own: ")
    assert what in hint
    assert len(fixes(second)) == 2
    for fix in fixes(second):
        again = [] if fix.startswith(("sh ", "start ")) else [look]
        mended = nsh(stdin="\n".join(["hints on", before, fix, *again]) + "\n")
        assert shown in mended.stdout
        assert hints(mended.stderr) == []


@pytest.mark.parametrize(("before", "change", "look", "what", "shown"), cases(AT_ONCE))
def test_the_first_such_run_is_told_at_once(
    before: str, change: str, look: str, what: str, shown: str
) -> None:
    told = nsh(stdin=f"hints on\n{before}\n{change}\n{change}\n")
    [hint] = hints(told.stderr)
    assert hint.startswith("each run is a child of its own: ")
    assert what in hint
    fix, topic = fixes(told.stderr)
    assert topic == fresh.TOPIC
    again = [] if fix.startswith("sh ") else [look]
    mended = nsh(stdin="\n".join(["hints on", before, fix, *again]) + "\n")
    assert shown in mended.stdout
    assert hints(mended.stderr) == []


NOT_GONE = [
    ("flags +uts", "sh hostname bar; hostname", "run true"),
    ("flags +uts", "sh hostname bar; hostname", "hostname bar; run hostname"),
    ("flags +uts", "sh hostname bar; hostname", "sh hostname foo; hostname"),
    ("flags +uts", "sh hostname bar; hostname", "reset flags; run hostname"),
    ("flags +uts", "run sh -c 'hostname bar; false'", "hostname foo; run hostname"),
    ("flags +uts; start box; join box; flags -uts", "run hostname bar", "run hostname"),
    ("flags +mnt", "run sh -c 'mount -t tmpfs none /mnt; false'", "run ls /mnt"),
    ("flags +mnt", "sh mount -t tmpfs none /mnt; ls /mnt", "run ls /srv"),
    ("flags +mnt", "sh mount --make-rprivate /; true", "run ls /"),
    ("flags +net", "sh ip link set lo up; ip link", "reset all; run ip link"),
    ("flags +mnt; mount tmpfs /mnt", "sh touch /mnt/x; ls /mnt", "run ls /usr"),
    ("flags +mnt; mount tmpfs /mnt", "sh touch /mnt/x; ls /mnt", "umount /mnt; run ls /mnt"),
    ("flags +mnt; mount tmpfs /mnt", "sh touch /mnt/x; ls /mnt", "reset all; run ls /mnt"),
    ("", "sh cd /usr; true", "run pwd"),
    ("", "sh export A=b; env", "run env"),
    ("", "sh cd /usr; ls", "run ls /"),
]


@pytest.mark.parametrize(("before", "change", "look"), needs.cases(NOT_GONE))
def test_what_is_no_surprise_gets_no_hint(before: str, change: str, look: str) -> None:
    assert hints(nsh(stdin=f"hints on\n{before}\n{change}\n{look}\n").stderr) == []


def test_a_line_of_the_state_is_proposed_only_where_it_is_known() -> None:
    made = fresh.effects(State(flags=("uts",)), ["/bin/sh", "-c", "hostname $NAME", "sh"])
    assert [effect.line for effect in made] == [""]
    hint = fresh.gone(made, State(flags=("uts",)), ["hostname"], taken=["box"])
    assert hint is not None
    assert hint.fixes == (
        "sh hostname $NAME; hostname",
        "start box2; enter box2 sh -c 'hostname $NAME'; enter box2 hostname",
    )
    made = fresh.effects(State(flags=("uts",)), ["/bin/sh", "-c", "hostname a # b", "sh"])
    hint = fresh.gone(made, State(flags=("uts",)), ["hostname"])
    assert hint is not None
    assert hint.fixes == ("hostname a",)
    made = fresh.effects(State(flags=("uts",)), ["/bin/sh", "-c", "hostname b; hostname", "sh"])
    hint = fresh.gone(made, State(flags=("uts",)), ["hostname"])
    assert hint is not None
    assert hint.fixes == ("hostname b", "sh hostname b; hostname")


@needs.NAMESPACES
def test_a_recording_knows_nothing_of_the_runs_before_it(tmp_path: Path) -> None:
    lines = ["hints on", "undo", "flags +uts", "run hostname bar", "record x.nsh.md"]
    lines += ["run hostname", "explain error", "record off"]
    told = nsh(stdin="\n".join(lines) + "\n", cwd=tmp_path, merged=True)
    assert hints(told.stdout)[-1].startswith("new uts namespace"), told.stdout
    replayed = nsh("--test", "x.nsh.md", cwd=tmp_path, merged=True)
    assert replayed.returncode == 0, replayed.stdout


@needs.NAMESPACES
@needs.program("ip")
def test_with_a_child_that_has_such_a_namespace_the_line_enters_that() -> None:
    lines = ["hints on", "flags +net", "start box", "run ip link set lo up", "run ip -brief link"]
    told = nsh(stdin="\n".join([*lines, ""])).stderr
    assert "enter box ip link set lo up; enter box ip -brief link" in fixes(told)
    assert not [fix for fix in fixes(told) if "box2" in fix]
