"""What is said of the commands in several places: in each the same commands and the same words."""

from __future__ import annotations

import re
from contextlib import chdir
from pathlib import Path

import pytest

from nsh.commands.manual import groups, page_of, read_page, summary_of
from nsh.parts.table import PARTS, RESETS, state_commands
from nsh.prompt.lexer import commands
from nsh.shell import Shell
from nsh.state import START, State
from tests.lines import Told, full_state, say

COMMANDS = [name for names in groups(Shell).values() for name in names]
OTHER_WORDS = ("7", "7 7 7", "/tmp", "A=1", "/proc/self/ns/uts")
"""A number, three, a path, an assignment, a namespace: what commands take beside words of their own."""


def lines_offered(shell: Shell, name: str) -> list[list[str]]:
    """The lines that completion leads to, up to four words after the name of the command."""
    whole: list[list[str]] = []
    unfinished: list[list[str]] = [[]]
    while unfinished:
        before = unfinished.pop()
        more = [word for word, _ in getattr(shell, "complete_" + name)(before, "")]
        if more and len(before) < 4:
            unfinished += [[*before, word] for word in more]
        elif before:
            whole.append(before)
    return whole


def takes_only(name: str, here: Shell, there: Shell, place: Path) -> set[str]:
    """The words that completion offers, if they are the same everywhere and no others are taken.

    ``place`` is the directory of the shell ``there``.
    """
    if not hasattr(here, "complete_" + name):
        return set()
    first = {word for word, _ in getattr(here, "complete_" + name)([], "")}
    with chdir(place):
        if not first or first != {word for word, _ in getattr(there, "complete_" + name)([], "")}:
            return set()
        for word in (*OTHER_WORDS, next(iter(first)).upper()):
            shell = Shell()
            shell.said = lambda text: None
            shell.run_line(f"{name} {word}")
            shell.end_all()
            if shell.status != 2:
                return set()
        elsewhere = lines_offered(there, name)
    words = {word for line in lines_offered(here, name) for word in line}
    return words if words == {word for line in elsewhere for word in line} else set()


def test_completion_and_highlighting_have_the_same_words(tmp_path: Path) -> None:
    here, there = Shell(), Shell()
    (tmp_path / "file.nsh.md").touch()
    there.state = full_state().replace(cwd=str(tmp_path))
    there.host.uid = there.host.gid = 4242
    offered = {name: takes_only(name, here, there, tmp_path) for name in here.command_names()}
    highlighted = {name: set(words or ()) for name, words in commands().items()}
    assert highlighted == offered
    assert {"help", "map", "reset", "set", "trace"} <= {name for name in offered if offered[name]}


def test_a_command_takes_the_lines_that_completion_leads_to() -> None:
    for name, words in commands().items():
        for line in lines_offered(Shell(), name) if words else []:
            shell = Shell()
            shell.said = lambda text: None
            shell.run_line(" ".join([name, *line]))
            assert shell.status == 0, (name, line)


def test_the_usage_line_names_the_words() -> None:
    found = {}
    for name in COMMANDS:
        usage = Shell().synopsis(name).removeprefix(name)
        words = re.findall(r"[\w-]+", usage)
        if words and usage == usage.lower():
            found[name] = set(words)
    by_another_name = {"help", "reset"}  # COMMAND, WHAT
    declared = {name: set(words) for name, words in commands().items() if words}
    assert found == {name: declared[name] for name in declared.keys() - by_another_name}


def test_the_page_lists_the_commands_as_help_does() -> None:
    listed = []
    for row in re.findall(r"^\| (`.*?) \| ", read_page("commands"), re.MULTILINE):
        for span in re.findall(r"`(.*?)`", row):
            if found := re.match(r"[a-z]+|!", span):
                listed.append(found[0])
    assert [name for name in listed if name != "!"] == COMMANDS
    assert listed[listed.index("!") + 1] == "host"


def test_every_field_of_the_state_belongs_to_one_part() -> None:
    fields = [field for part in PARTS for fields in part.resets.values() for field in fields]
    assert set(fields) == set(State._fields)
    assert set(RESETS["all"]) == set(State._fields)
    # As the manual of reset says; mounts is what people type.
    assert set(RESETS) - {"all", "mounts"} <= set(COMMANDS)


@pytest.mark.parametrize("field", State._fields)
def test_the_part_that_resets_a_field_shows_it(field: str) -> None:
    state = START.replace(**{field: getattr(full_state(), field)})
    [part] = [part for part in PARTS if field in {f for each in part.resets.values() for f in each}]
    assert part.lines(state) == state_commands(state) != []
    shell = Shell()
    for line in state_commands(state):
        shell.run_line(line)
    assert shell.state == state
    [word, *_] = [word for word, fields in part.resets.items() if field in fields]
    shell.run_line(f"reset {word}")
    assert (shell.state, shell.status) == (START, 0)


@pytest.mark.parametrize("name", Shell().command_names())
def test_explain_finds_every_command(capsys: Told, name: str) -> None:
    out, errors, status = say(capsys, f"explain {name}")
    assert (errors, status) == ([], 0)
    assert page_of(Shell(), name) in out
    assert summary_of(Shell(), name)
    assert name in [word for word, _ in Shell().topics()]
