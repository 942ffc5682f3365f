"""The prompt in a real terminal emulator: tmux, driven by keys and read from its screen."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests import needs
from tests.screen import SIZES, TOOLBAR, Start, toolbar
from tests.unprivileged import UID, open_nsh, ordinary_user

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@needs.root("reads what root is told first")
@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_greeting_menu_and_toolbar(start: Start, columns: int, rows: int) -> None:
    tty = start(columns, rows)
    screen = tty.ready()
    assert screen.splitlines()[0].startswith("nsh ")
    assert "To begin: flags +uts; hostname box; run hostname" in screen
    assert max(len(line) for line in screen.splitlines()) <= columns
    tty.type("flags +u")
    screen = tty.until("+uts ")
    assert "the host name and the NIS domain name" in screen
    assert "+user" in screen
    tty.keys("Tab")  # nothing that both begin with
    tty.keys("Tab", "Enter")  # takes the completion, does not run yet
    tty.until("nsh> flags +uts")
    tty.keys("Enter")
    tty.until("net mnt +uts ipc")
    tty.line("hostname box")
    tty.line("mount tmpfs /tmp")
    screen = tty.until("needs flags +mnt")
    tty.line("undo 2")
    screen = tty.until(lambda s: toolbar(s) != "" and "needs" not in toolbar(s))
    assert "box" not in toolbar(screen)
    assert "+uts" in toolbar(screen)
    tty.line("reset")
    tty.until(lambda s: " net mnt uts ipc pid" in toolbar(s))
    saved = tty.home / "state.nsh"
    saved.write_text("flags +pid +user\n")
    tty.line(f"source {saved}")
    screen = tty.until(lambda s: "+pid +user cgroup" in toolbar(s))
    assert "nobody" in toolbar(screen)
    tty.line("map root")
    tty.until(lambda s: "│ root │" in toolbar(s))
    tty.line("run sh -c 'exit 7'")
    screen = tty.until(lambda s: "│ [7] " in toolbar(s))
    assert len(toolbar(screen)) <= columns


def test_unknown_words_are_marked_while_typing(start: Start) -> None:
    tty = start()
    tty.ready()
    tty.type("flgs +pid")
    tty.until(lambda s: "\x1b[31m" in s or ";31m" in s or "4;31m" in s, colours=True)
    tty.keys("C-c")
    tty.ready()
    tty.type("flags +pid")
    tty.until("nsh> flags +pid")
    line = [text for text in tty.text(colours=True).splitlines() if "+pid" in text][-1]
    assert "31m" not in line
    assert "32m" in line


def test_no_color_has_no_colours(start: Start) -> None:
    import re

    tty = start(env={"NO_COLOR": "1"})
    tty.line("flags +pid")
    tty.until(lambda s: "+pid" in toolbar(s))
    tty.type("mount tm")
    tty.until("files in memory")
    screen = tty.text(colours=True)
    codes = re.findall(r"\x1b\[([0-9;]*)m", screen)
    numbers = {int(n) for code in codes for n in code.split(";") if n}
    assert not [n for n in numbers if 30 <= n <= 38 or 40 <= n <= 48 or n >= 90], numbers
    assert "\x1b[7m" in screen
    tty.keys("C-c")
    tty.ready()
    tty.type("fla")
    # What is only suggested does not look typed: dim, or italic with an older prompt_toolkit.
    tty.until(
        lambda s: bool(re.search(r"fla(\x1b\[[0-9;]*m)*\x1b\[[0;]*[23]mgs \+pid", s)), colours=True
    )


@pytest.mark.parametrize("term", ["dumb", ""])
def test_dumb_terminal_has_the_plain_reader(start: Start, term: str) -> None:
    tty = start(env={"TERM": term})
    tty.until("nsh>")
    tty.type("flags +pid")
    tty.keys("Enter")
    tty.type("flags")
    tty.keys("Enter")
    screen = tty.until("CLONE_NEWPID | SIGCHLD")
    assert TOOLBAR not in screen
    assert "F1" not in screen
    tty.keys("C-d")
    tty.until("left 0")


def test_ctrl_c_clears_and_ctrl_d_leaves(start: Start) -> None:
    tty = start()
    tty.ready()
    tty.type("run nothing-of-this")
    tty.until("nothing-of-this")
    tty.keys("C-c")
    tty.ready()
    tty.type("xy")
    tty.until("nsh> xy")
    tty.keys("C-a", "C-d", "C-d")  # deletes; only an empty line ends
    tty.ready()
    tty.keys("C-d")
    assert "icanon,echo" in tty.until(lambda s: "left 0" in s and "icanon" in s)


def test_output_without_a_newline_stays(start: Start) -> None:
    tty = start()
    tty.line("run printf foo")
    tty.until("\nfoo⏎\nnsh>")


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_pasted_lines_run_one_by_one(start: Start, columns: int, rows: int) -> None:
    tty = start(columns, rows)
    tty.ready()
    tty.paste("run echo one\nrun echo \\\ntwo\n\nrun echo three\nrun echo fo")
    screen = tty.until(lambda s: "\nthree\n" in s and s.rstrip().count("nsh> run echo fo") == 1)
    shown = [line.rstrip() for line in screen.splitlines()]
    shown = [line for line in shown[shown.index("nsh> run echo one") :] if line]
    assert shown[:7] == [
        "nsh> run echo one",
        "one",
        "nsh> run echo \\",
        "> two",
        "two",
        "nsh> run echo three" if shown[5] != "nsh>" else "nsh>",
        "three" if shown[5] != "nsh>" else "nsh> run echo three",
    ]
    tty.type("ur")
    tty.until("run echo four")
    tty.keys("Enter")
    tty.until("\nfour")


def test_ctrl_c_drops_the_rest_of_a_paste(start: Start) -> None:
    tty = start()
    tty.ready()
    tty.paste("run sh -c 'echo started; sleep 1000'\nrun echo never\nrun echo never\n")
    tty.until("\nstarted")
    tty.keys("C-c")
    screen = tty.ready()
    assert "never" not in screen


def test_continuation_lines(start: Start) -> None:
    tty = start()
    tty.ready()
    tty.type("run echo a \\")
    tty.keys("Enter")
    tty.until("\n>")
    tty.type("b")
    tty.keys("Enter")
    tty.until("\na b\n")
    tty.keys("Up")
    tty.until(lambda s: s.count("run echo a b") == 1)


def test_f1_and_f2(start: Start) -> None:
    tty = start(150, 45)
    tty.ready()
    tty.type("flags +uts; run true")
    tty.keys("F1")
    tty.until("Run a command in a forked child")
    tty.keys("F2")
    screen = tty.until("unshare(CLONE_NEWUTS)")
    assert "the process becomes the command" in screen
    assert " net mnt uts ipc" in toolbar(tty.until(TOOLBAR))
    tty.until(lambda s: s.count("nsh> flags +uts; run true") >= 1)
    tty.keys("C-c")
    tty.ready()
    tty.type("run ip link add type veth")
    tty.keys("M-h")
    tty.until("More: explain veth")
    tty.keys("C-c")
    tty.ready()
    tty.type("flags +net; run true")
    tty.keys("M-p")
    tty.until("unshare(CLONE_NEWNET)")
    tty.keys("C-c")
    tty.ready()
    tty.line("show")
    tty.ready()


def test_long_help_goes_through_the_pager(start: Start) -> None:
    tty = start(80, 24)
    tty.line("help")
    screen = tty.until(lambda s: "Running" in s and TOOLBAR not in s)
    assert "help COMMAND says more" not in screen
    tty.keys("G")
    tty.until("help COMMAND says more")
    tty.keys("C-c")
    tty.keys("q")
    tty.ready()
    tall = start(150, 110)
    tall.line("help")
    tall.until("help COMMAND says more")
    tall.ready()


@pytest.mark.parametrize(
    ("lines", "looks"),
    [
        ("env A={n} B={n} C={n}", "env"),
        ("env A={n} B={n} C={n}", "show"),
        ("run true {n}\nrun true {n}", "history"),
    ],
)
def test_long_lists_go_through_the_pager(start: Start, lines: str, looks: str) -> None:
    tty = start(80, 24, env={"PAGER": "sed s/^/paged:/"})
    tty.ready()
    tty.line(looks)
    assert "\npaged:" not in tty.ready()
    tty.paste(lines.format(n="1" * 900) + "\n")
    tty.ready()
    tty.line(looks)
    tty.until("\npaged:")


def test_pager_of_the_user(start: Start) -> None:
    tty = start(80, 24, env={"PAGER": "sed s/^/paged:/"})
    tty.line("help")
    tty.until("paged:help COMMAND says more")


@needs.NAMESPACES
def test_the_mending_line_is_the_next_suggestion(start: Start) -> None:
    tty = start()
    tty.line("flags +user +mnt; map root")
    tty.line("mount tmpfs /no/such/directory")
    tty.line("run true")
    tty.until("try: !mkdir -p /no/such/directory")
    tty.until("nsh> !mkdir -p /no/such/directory")
    tty.keys("C-c")
    tty.until(lambda s: s.count("nsh> !mkdir") == 1)


def test_right_arrow_takes_the_mending_line(start: Start) -> None:
    tty = start()
    tty.line("hostname box")
    tty.line("run true")
    tty.until("nsh> flags +uts")
    tty.keys("Right", "Enter")
    tty.until(lambda s: "+uts" in toolbar(s))
    tty.until(lambda s: s.rstrip().count("nsh> run true") == 2)  # offered again


def test_history_is_shared_private_and_searched(start: Start, tmp_path: Path) -> None:
    state = tmp_path / "shared"
    one = start(env={"XDG_STATE_HOME": str(state)})
    two = start(env={"XDG_STATE_HOME": str(state)})
    two.ready()
    one.line("run echo from-one")
    one.until("\nfrom-one")
    two.line("show")
    two.ready()
    two.keys("C-r")
    two.type("from-o")
    two.until("run echo from-one")
    two.keys("Enter")
    two.until("nsh> run echo from-one")
    file = state / "nsh" / "history"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
    assert "run echo from-one\nshow\n" in file.read_text()


def test_unwritable_history_warns_once(start: Start) -> None:
    tty = start(env={"XDG_STATE_HOME": "/proc/none"})
    tty.until("the history stays in memory: /proc/none/nsh/history")
    tty.line("run echo kept")
    tty.until("\nkept")
    tty.ready()
    tty.keys("Up")
    screen = tty.until(lambda s: s.count("nsh> run echo kept") == 2)
    assert screen.count("stays in memory") == 1


@needs.NAMESPACES
def test_vi_keys_from_nshrc(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "config" / "nsh"
    config.mkdir(parents=True)
    (config / "nshrc").write_text("set editing-mode vi\nflags +pid\n")
    tty = start(150, 45, env={"XDG_CONFIG_HOME": str(config.parent)})
    screen = tty.until("vi insert")
    assert "+pid" in toolbar(screen)
    tty.type("run echo aXb")
    tty.until("aXb")
    tty.keys("Escape")
    tty.until("vi command")
    tty.keys("h", "x", "Enter")
    tty.until("\nab")
    tty.ready()
    tty.keys("Escape")
    tty.until("vi command")
    tty.keys("i")
    tty.type("undo")
    tty.keys("Enter")
    tty.until("there is nothing to undo")


def test_a_broken_nshrc_names_its_line(start: Start, tmp_path: Path) -> None:
    config = tmp_path / "config" / "nsh"
    config.mkdir(parents=True)
    (config / "nshrc").write_text("show\nflgs +pid\n")
    tty = start(150, 45, env={"XDG_CONFIG_HOME": str(config.parent)})
    tty.until("nshrc:2: there is no command flgs")
    tty.line("run true")
    tty.until(lambda s: "│ ok " in toolbar(s))


@ROOT_ONLY
def test_an_ordinary_user_is_told_what_to_type(start: Start, place: Path) -> None:
    state = place / "state"
    state.mkdir()
    os.chown(state, UID, UID)
    own = {"HOME": str(place), "XDG_STATE_HOME": str(state), "XDG_CONFIG_HOME": str(place)}
    user = ordinary_user(gaining=True)
    tty = start(env=own, prefix=user, program=shlex.join(open_nsh()))
    screen = tty.until(TOOLBAR)
    assert "not root" in screen
    assert "So type first: flags +user; map root" in screen
    tty.keys("Right", "Enter")
    tty.until(lambda s: "+user" in toolbar(s) and "│ root │" in toolbar(s))
    assert (state / "nsh" / "history").read_text() == "flags +user; map root\n"


@needs.NAMESPACES
def test_resize(start: Start) -> None:
    tty = start(150, 45)
    tty.line("flags +uts")
    tty.ready()
    tty.tmux("resize-window", "-x", "80", "-y", "24")
    tty.until(lambda s: "+uts" in toolbar(s) and len(toolbar(s)) <= 80)
    tty.line(
        "run sh -c 'trap \"stty size; exit\" WINCH; echo started; while :; do sleep 0.05; done'"
    )
    tty.until("\nstarted")
    tty.tmux("resize-window", "-x", "100", "-y", "30")
    tty.until("\n30 100\n")
    tty.line("!stty size")
    tty.until(lambda s: s.count("\n30 100\n") == 2)


@needs.NAMESPACES
@pytest.mark.parametrize(("columns", "rows"), [(20, 5), (40, 8), (30, 2)])
def test_a_small_terminal(start: Start, columns: int, rows: int) -> None:
    tty = start(columns, rows)
    tty.until(lambda s: "nsh>" in s and " net mnt uts" in s)
    tty.type("flags +ut")
    screen = tty.until("nsh> flags +ut")
    assert "too small" not in screen
    tty.type("s")
    tty.keys("Enter")
    tty.until(" net mnt +uts")
    tty.type("run expr 41 + 1")
    tty.keys("Enter")
    tty.until("\n42\n" if rows > 2 else "nsh>")
    tty.tmux("resize-window", "-x", "80", "-y", "24")
    tty.until(lambda s: "│ ok " in toolbar(s))
