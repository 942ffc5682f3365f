"""help: every command once, each docstring a page, its examples work."""

from __future__ import annotations

import inspect
import re

import pytest

from nsh import words
from nsh.commands.manual import GROUPS, groups, summary_of
from nsh.shell import Shell
from nsh.state import START
from tests.lines import Told, say

PRINTING = (
    "run",
    "sh",
    "diff",
    "explain",
    "lesson",
    "enter",
    "ns",
    "step",
    "next",
    "continue",
    "abort",
    "tree",
    "help",
)
"""Commands of which an example prints something."""

COMMANDS = [name for names in groups(Shell).values() for name in names]


def test_help_teaches_every_command_once(capsys: Told) -> None:
    assert sorted([*COMMANDS, "exit"]) == Shell().command_names()
    out, errors, status = say(capsys, "help")
    assert (errors, status) == ([], 0)
    named = re.findall(r"^  (\w+)", out, re.MULTILINE)
    assert named == COMMANDS
    assert [line for line in out.splitlines() if line in GROUPS] == list(GROUPS)
    assert max(len(line) for line in out.splitlines()) <= 80


@pytest.mark.parametrize("name", [*COMMANDS, "exit"])
def test_a_docstring_is_a_manual_page(capsys: Told, name: str) -> None:
    text = inspect.getdoc(getattr(Shell, "do_" + name))
    assert text
    lines = text.splitlines()
    assert lines[0].split()[0] == ("quit" if name == "exit" else name)
    assert lines[1] == ""
    assert max(len(line) for line in lines) <= 80
    assert summary_of(Shell(), name)
    for typed in (f"help {name}", f"?{name}", f"? {name}"):
        assert say(capsys, typed) == (text + "\n", [], 0)


def test_help_knows_the_signs(capsys: Told) -> None:
    assert say(capsys, "help !") == say(capsys, "help host")
    assert say(capsys, "help ?") == say(capsys, "help help")
    assert say(capsys, "?") == say(capsys, "help")


def test_the_examples_in_the_manuals_work(capsys: Told) -> None:
    examples = [
        line.strip()
        for name in COMMANDS
        for line in str(inspect.getdoc(getattr(Shell, "do_" + name))).splitlines()
        if line.startswith("    ")
    ]
    assert len(examples) > 10
    shell = Shell()
    shell.run_line("start web")  # of whom the examples tell

    try:
        for line in examples:
            [command] = words.commands(line, frozenset({"sh", "host"}))
            assert words.command_word(command)[0] in COMMANDS or command.startswith("!")
            if command.split()[0] in PRINTING or command[0] == "!":
                continue  # their own tests run them
            shell.become(START)
            if line.startswith("start web"):
                shell.run_line("stop web")
            assert say(capsys, line, shell=shell) == ("", [], 0)
            if not shell.started["web"].lives:
                shell.run_line("start web")
    finally:
        shell.end_all()
