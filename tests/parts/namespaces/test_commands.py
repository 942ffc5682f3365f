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
