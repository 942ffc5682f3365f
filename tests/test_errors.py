"""What is said where nsh itself fails: one line, a status, and the shell goes on."""

from __future__ import annotations

import pytest

from nsh.errors import closest, own_failure
from nsh.shell import Shell

FAILURES = [
    (MemoryError(), "nsh has no memory left for this"),
    (ImportError("no module x"), "a part of nsh could not be loaded: no module x"),
    (OSError(24, "Too many open files"), "a system call of nsh itself failed: Too many open files"),
    (OSError(5, "I/O error", "/x"), "a system call of nsh itself failed: I/O error (/x)"),
]


@pytest.mark.parametrize(("error", "says"), FAILURES, ids=lambda each: type(each).__name__)
def test_a_command_that_meets_it_ends_and_the_next_one_works(
    error: Exception,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(self: Shell, line: str) -> None:
        raise error

    assert own_failure(error) == says
    monkeypatch.setattr(Shell, "do_show", fails)
    shell = Shell()
    assert not shell.run_line("show")
    assert shell.status == 1
    assert capsys.readouterr() == ("", f"nsh: {says}\nnsh: try: quit\n")
    shell.run_line("flags")
    assert (shell.status, capsys.readouterr().out) == (0, "SIGCHLD\n")


def test_a_word_that_is_far_from_all_is_close_to_none() -> None:
    assert closest("flagz", ["flags", "run"]) == "flags"
    assert closest("zzz", ["flags", "run"]) == ""
