"""Plans and traces: what is tried in many directories of PATH is one row, and names the program."""

from __future__ import annotations

from tests.conftest import nsh


def test_tries_in_many_directories_are_folded_and_the_program_is_named() -> None:
    path = "env PATH=/nowhere:/nix:/noplace:/nor:/usr/bin:/bin"
    row, *why = nsh("-c", path, "-c", "plan true").stdout.splitlines()[-3:]
    assert 'execve("/usr/bin/true", ["true"]' in row
    assert row.split()[0].endswith("-10")
    assert "6 directories of PATH" in " ".join(" ".join(why).split())
    *_, first, folded, last = nsh("-x", "-c", path, "-c", "run true").stderr.splitlines()
    assert 'execve("/nowhere/true"' in first
    assert first.endswith("= -1 ENOENT (No such file or directory)")
    assert "[child] execve(...) = -1 ENOENT" in folded
    assert folded.endswith(" in 3 more directories of PATH")
    assert 'execve("/usr/bin/true"' in last


def test_a_program_that_is_nowhere_is_told_of_at_the_end_of_the_trace() -> None:
    path = "env PATH=/nowhere:/nix:/noplace:/nor"
    lines = nsh("-x", "-c", path, "-c", "run nosuch").stderr.splitlines()
    assert sum("execve(" in line for line in lines) == 3  # twice in the trace, and in the error
    assert "in 3 more directories" in "\n".join(lines)
