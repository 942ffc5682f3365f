"""The command flags: the names that it takes."""

from __future__ import annotations

import pytest

from nsh.linux.namespaces import NAMESPACES
from nsh.shell import Shell
from tests.lines import Told, say


@pytest.mark.parametrize("namespace", [namespace.name for namespace in NAMESPACES])
def test_a_namespace_has_three_names(capsys: Told, namespace: str) -> None:
    [entry] = [entry for entry in NAMESPACES if entry.name == namespace]
    short = entry.constant.removeprefix("CLONE_")
    for word in (namespace, entry.constant, short, entry.constant.lower(), namespace.upper()):
        shell = Shell()
        assert say(capsys, f"flags +{word}", shell=shell) == ("", [], 0)
        assert shell.state.flags == (namespace,)


@pytest.mark.parametrize(
    ("line", "why", "fix"),
    [
        ("flags +net,+pid", "blanks stand between the words, not commas", "flags +net +pid"),
        (
            "flags +net,pid -uts",
            "blanks stand between the words, not commas",
            "flags +net +pid -uts",
        ),
        ("flags net,mnt", "blanks stand between the words, not commas", "flags +net +mnt"),
        ("flags +net,bogus", "blanks stand between the words, not commas", "help flags"),
        (
            "flags +bogus",
            "there is no namespace 'bogus': the eight are net, mnt, uts, ipc, pid, user, cgroup, time",
            "help flags",
        ),
        ("flags +nett", "there is no namespace 'nett'", "flags +net"),
        ("flags +net+pid", "there is no namespace 'net+pid'", "flags +net +pid"),
        ("flags net -pid", "'net' begins with neither + nor -", "flags +net -pid"),
        (
            "flags bogus",
            "'bogus' begins with neither + nor -: the eight are"
            " net, mnt, uts, ipc, pid, user, cgroup, time",
            "help flags",
        ),
    ],
)
def test_what_is_meant_is_proposed(capsys: Told, line: str, why: str, fix: str) -> None:
    assert say(capsys, line) == ("", [f"flags: {why}", f"try: {fix}"], 2)
