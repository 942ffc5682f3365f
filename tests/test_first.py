"""The shortest way through everything: the line that the README shows."""

from __future__ import annotations

from tests import needs
from tests.conftest import nsh


@needs.NAMESPACES
def test_ps_sees_itself_as_pid_1() -> None:
    result = nsh(stdin="flags +pid +mnt\nmount proc /proc\nrun ps -o pid=,args=\n")
    assert result.stdout.split() == ["1", "ps", "-o", "pid=,args="]
    assert (result.stderr, result.returncode) == ("", 0)
