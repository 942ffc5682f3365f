"""The state: what show writes rebuilds it, and undo and redo walk through it."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nsh.base import UNDO_ITEMS, UNDO_STEPS
from nsh.linux.mountflags import OPTIONS
from nsh.linux.namespaces import NAMESPACES
from nsh.parts.ids.commands import MAPS
from nsh.parts.mounts.commands import KINDS, PROPAGATIONS
from nsh.parts.table import PARTS, RESETS, reset, state_commands
from nsh.shell import Shell
from nsh.state import START, Mount, State, Umount
from nsh.words import join

characters = st.characters(exclude_characters="\0\n", exclude_categories=()).filter(
    lambda char: not 0xD800 <= ord(char) <= 0xDFFF or 0xDC80 <= ord(char) <= 0xDCFF
)
texts = st.text(characters, max_size=8)
names = texts.filter(lambda text: not text.startswith("-"))
paths = names.filter(lambda text: text and not text.startswith("~"))
numbers = st.integers(0, 4294967295).map(str)
kinds = st.sampled_from([n.name for n in NAMESPACES] + [n.constant for n in NAMESPACES] + ["all"])
options = st.lists(st.sampled_from([*OPTIONS, "size=1m", "mode=0700", "é=' #"]), max_size=4)


@st.composite
def mounts(draw: st.DrawFn) -> list[str]:
    found = draw(options)
    if draw(st.booleans()):
        found = [option for option in found if "=" not in option]
        found_words = [draw(st.sampled_from(["bind", "rbind"])), draw(paths), draw(paths)]
    else:
        found = [option for option in found if option not in ("bind", "rbind")]
        fstype = draw(st.one_of(st.sampled_from(["tmpfs", "proc", "ext4"]), paths))
        if fstype in ("bind", "rbind"):
            fstype = "tmpfs"
        found_words = [
            fstype,
            *draw(st.lists(texts.filter(bool), min_size=0, max_size=1)),
            draw(paths),
        ]
    return ["mount", *(["-o", ",".join(found)] if found else []), "--", *found_words]


settings_of_env = st.tuples(
    texts.filter(lambda text: text and "=" not in text), st.one_of(st.none(), texts)
).map(lambda pair: ["-u", pair[0]] if pair[1] is None else [f"{pair[0]}={pair[1]}"])

changes = st.one_of(
    st.lists(st.builds(str.__add__, st.sampled_from("+-"), kinds), min_size=1, max_size=4).map(
        lambda found: ["flags", *found]
    ),
    names.map(lambda name: ["hostname", name]),
    names.map(lambda name: ["domainname", name]),
    mounts(),
    st.tuples(paths, st.booleans()).map(lambda p: ["umount", p[0], *(["-l"] if p[1] else [])]),
    st.sampled_from(PROPAGATIONS).map(lambda word: ["propagation", word]),
    st.tuples(st.sampled_from(KINDS), paths).map(lambda pair: ["propagation", *pair]),
    st.tuples(
        st.sampled_from(["uidmap", "gidmap"]),
        st.one_of(
            st.just(["none"]),
            st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=3).map(
                lambda ranges: [number for entry in ranges for number in entry]
            ),
        ),
    ).map(lambda pair: [pair[0], *pair[1]]),
    st.sampled_from(["allow", "deny", "default"]).map(lambda word: ["setgroups", word]),
    st.sampled_from(MAPS).map(lambda word: ["map", word]),
    paths.map(lambda path: ["cd", path]),
    st.lists(settings_of_env, min_size=1, max_size=3).map(
        lambda found: ["env", *[word for words in found for word in words]]
    ),
    st.sampled_from(list(RESETS)).map(lambda word: ["reset", word]),
)
lines_of_changes = st.lists(changes.map(join), max_size=12)


def run(shell: Shell, line: str) -> None:
    assert not shell.run_line(line)
    assert shell.status == 0, line


def built(lines: list[str]) -> Shell:
    shell = Shell()
    for line in lines:
        run(shell, line)
    return shell


@given(lines_of_changes)
def test_the_lines_of_show_rebuild_the_state(lines: list[str]) -> None:
    state = built(lines).state
    shown = state_commands(state)
    assert built(shown).state == state
    assert state_commands(built(shown).state) == shown


@given(lines_of_changes)
def test_save_and_source_rebuild_the_state(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "it's $HOME;#")
        shell = built(lines)
        run(shell, join(["save", path]))
        assert os.listdir(directory) == [os.path.basename(path)]
        assert built([join(["source", path])]).state == shell.state


@given(lines_of_changes)
def test_show_prints_what_rebuilds_the_state(lines: list[str]) -> None:
    shell = built(lines)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        run(shell, "show")
    assert said.getvalue().split("\n")[:-1] == state_commands(shell.state)


steps = st.one_of(
    changes.map(join),
    st.tuples(st.sampled_from(["undo", "redo"]), st.integers(1, 4)).map(lambda p: f"{p[0]} {p[1]}"),
    st.sampled_from(["undo", "redo"]),
)


@given(st.lists(steps, max_size=30))
@example(["hostname a", "undo", "hostname b", "redo"])
def test_undo_and_redo_walk_along_the_states(lines: list[str]) -> None:
    shell = Shell()
    shell.error = lambda *texts: None  # type: ignore[method-assign]  # it need not be read here
    states, at = [START], 0
    for line in lines:
        word, _, count = line.partition(" ")
        if word in ("undo", "redo"):
            wanted = at + int(count or 1) * (-1 if word == "undo" else 1)
            possible = 0 <= wanted < len(states)
            at = wanted if possible else at
            shell.run_line(line)
            assert shell.status == (0 if possible else 1)
        else:
            run(shell, line)
            if shell.state != states[at]:
                del states[at + 1 :]
                states.append(shell.state)
                at += 1
        assert shell.state == states[at]


def test_the_last_thousand_changes_can_be_undone(capsys: pytest.CaptureFixture[str]) -> None:
    shell = built([f"hostname h{number}" for number in range(UNDO_STEPS + 10)])
    run(shell, f"undo {UNDO_STEPS}")
    assert shell.state.hostname == "h9"
    shell.run_line("undo")
    assert shell.status == 1
    run(shell, f"redo {UNDO_STEPS}")
    assert shell.state.hostname == f"h{UNDO_STEPS + 9}"


def test_undo_keeps_fewer_steps_of_states_with_thousands_of_mounts() -> None:
    size = 3 * UNDO_ITEMS // UNDO_STEPS
    shell = built([f"mount tmpfs /mnt/{number}" for number in range(size)])
    kept = len(shell.past)
    assert UNDO_STEPS / 4 < kept < UNDO_STEPS / 2
    run(shell, f"undo {kept}")
    assert len(shell.state.mounts) == size - kept
    run(shell, f"redo {kept}")
    assert len(shell.state.mounts) == size


@pytest.mark.parametrize("what", RESETS)
def test_reset_puts_back_that_part_and_no_other(what: str) -> None:
    everything = [line for part in PARTS for line in part.examples]
    full = built(everything).state
    assert all(getattr(full, name) != getattr(START, name) for name in State._fields)
    left = built([*everything, f"reset {what}"]).state
    for name in State._fields:
        expected = START if name in RESETS[what] else full
        assert getattr(left, name) == getattr(expected, name)
    assert left == reset(full, what)
    assert built([*everything, f"reset {what}", "undo"]).state == full


def test_values_are_compared_by_what_they_hold() -> None:
    assert Mount("tmpfs", "none", "/a") == Mount("tmpfs", "none", "/a", "")
    assert Mount("tmpfs", "none", "/a") != Mount("tmpfs", "none", "/a", "ro")
    assert Umount("/a") != Umount("/a", lazy=True)
    assert Umount("/a") != Mount("tmpfs", "none", "/a")
    assert hash(Umount("/a", True)) == hash(Umount("/a", True))
    state = State(flags=("pid",), mounts=(Umount("/a"),))
    assert {state: 1}[State(flags=("pid",), mounts=(Umount("/a"),))] == 1
    assert repr(state) == "State(flags=('pid',), mounts=(Umount(target='/a'),))"


def test_paths_are_seen_from_the_directory_inside(tmp_path: Path) -> None:
    state = built(["cd /srv/x", "mount bind ../a b/./c", "umount //d", "cd ..", "cd y"]).state
    assert state.mounts == (Mount("bind", "/srv/a", "/srv/x/b/c"), Umount("/d"))
    assert state.cwd == "/srv/y"
