"""The prompt by keys, without a terminal: prompt_toolkit's own pipe for input, nothing for output."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from nsh.prompt.history import SharedHistory
from nsh.prompt.line import Prompt
from nsh.prompt.lookup import help_at, plan_of
from nsh.prompt.toolbar import duration, toolbar, user_inside
from nsh.shell import Shell
from nsh.state import START
from tests.conftest import NSH, ROOT, nsh

UP, RIGHT, F2 = "\x1b[A", "\x1b[C", "\x1bOQ"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(interactive=True)
    made.host.environ["XDG_STATE_HOME"] = str(tmp_path)
    return made


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe:
        yield pipe


def typed(shell: Shell, keys: PipeInput, text: str) -> Prompt:
    """A whole session of these keys; Ctrl-D is added."""
    prompt = Prompt(shell, input=keys, output=DummyOutput())
    keys.send_text(text + "\x04")
    prompt.loop()
    return prompt


def test_lines_change_the_state(shell: Shell, keys: PipeInput) -> None:
    typed(shell, keys, "flags +pid +uts\rhostname box\r")
    assert shell.state.flags == ("pid", "uts")
    assert shell.state.hostname == "box"


def test_ctrl_c_clears_the_line_and_quit_ends(shell: Shell, keys: PipeInput) -> None:
    typed(shell, keys, "flags +pid\x03flags +uts\rquit 3\rflags +net\r")
    assert shell.state.flags == ("uts",)
    assert shell.status == 3


def test_continuation_and_paste(shell: Shell, keys: PipeInput) -> None:
    typed(shell, keys, "flags \\\r+pid\r")
    assert "pid" in shell.state.flags
    with create_pipe_input() as again:
        typed(shell, again, "\x1b[200~flags +uts\r\nhostname \\\nbox\ncd /t\x1b[201~mp\r")
    assert list(shell.state.flags) == ["pid", "uts"]
    assert (shell.state.hostname, shell.state.cwd) == ("box", "/tmp")
    assert list(shell.lines)[-3:] == ["flags +uts", "hostname box", "cd /tmp"]


def test_a_paste_into_the_middle_of_a_line(shell: Shell, keys: PipeInput) -> None:
    typed(shell, keys, "flags  +net" + "\x1b[D" * 5 + "\x1b[200~+pid\nflags\x1b[201~\r")
    assert shell.state.flags == ("pid", "net")


def test_vi_keys(shell: Shell, keys: PipeInput) -> None:
    shell.onecmd("set editing-mode vi")
    prompt = Prompt(shell, input=keys, output=DummyOutput())
    keys.send_text("hostname boxx\x1b")

    def more() -> None:
        keys.send_text("x\r")

    timer = threading.Timer(0.5, more)  # after the time-out of the escape sequence
    timer.start()
    assert prompt.read() == "hostname box"
    timer.join()


def test_the_menu(shell: Shell, keys: PipeInput) -> None:
    session = Prompt(shell, input=keys, output=DummyOutput()).session
    assert session.complete_in_thread is False
    assert session.completer is not None

    def menu(text: str, *, typing: bool) -> list[tuple[str, int]]:
        event = CompleteEvent(text_inserted=typing, completion_requested=not typing)
        assert session.completer is not None
        found = session.completer.get_completions(Document(text), event)
        return [(item.text, item.start_position) for item in found]

    assert menu("domainn", typing=True) == [("domainname", -7)]
    assert menu("domainname", typing=True) == []  # nothing to add
    assert menu("domainname", typing=False) == [("domainname", -10)]
    assert ("+uts", -2) in menu("flags \\\n+u", typing=True)
    assert menu("run ", typing=True) == []  # too long a list to pop up by itself
    assert len(menu("run ", typing=False)) > 60


def test_the_line_that_mends_is_taken_by_the_right_arrow(shell: Shell, keys: PipeInput) -> None:
    prompt = typed(shell, keys, "hostname box\rrun true\r" + RIGHT + "\r")
    assert shell.state.flags == ("uts",)
    assert prompt.offers == ["run true"]  # the line that failed is offered again


def test_proposed_lines_stand_typed_one_after_the_other(shell: Shell, keys: PipeInput) -> None:
    shell.proposed = ["flags +pid", "hostname box"]
    typed(shell, keys, "cd /\r" + "\r" + "es\r")
    assert (shell.state.flags, shell.state.hostname) == (("pid",), "boxes")
    assert shell.proposed == []


def test_one_thread_while_a_line_runs(
    shell: Shell, keys: PipeInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    seen = []

    def do_show(line: str) -> None:
        seen.append((threading.active_count(), len(os.listdir("/proc/self/task"))))
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()

    monkeypatch.setattr(shell, "do_show", do_show, raising=False)
    typed(shell, keys, "run t\x03show\rflags +u\t\rshow\r")
    assert seen == [(1, 1), (1, 1)]


def bar(shell: Shell, took: float | None = None, width: int = 80) -> str:
    return "".join(text for _, text in toolbar(shell, took, width))


def test_toolbar_follows_the_state(shell: Shell) -> None:
    name = os.uname().nodename
    assert bar(shell, width=200).startswith(" net mnt uts ipc pid user cgroup time │ ")
    assert name[:19] in bar(shell, width=200)
    for line in ("flags +uts +mnt", "hostname box", "mount tmpfs /tmp", "umount /proc"):
        shell.onecmd(line)
    assert " net +mnt +uts ipc" in bar(shell, width=200)
    assert "│ box │ 1 mount -1" in bar(shell, width=200)
    shell.onecmd("undo 3")
    assert "box" not in bar(shell, width=200)
    shell.onecmd("reset")
    assert shell.state == START
    assert "+" not in bar(shell, width=200)


@pytest.mark.parametrize("width", [40, 60, 80, 150])
def test_toolbar_fits(shell: Shell, width: int) -> None:
    shell.onecmd("hostname " + "x" * 64)
    shell.status = 130
    assert len(bar(shell, 5000.0, width)) <= width
    if width >= 80:
        assert "needs flags +uts" in bar(shell, 5000.0, width)


def test_who_is_inside(shell: Shell) -> None:
    shell.host.uid = 1234567
    assert user_inside(shell) == "uid 1234567"
    for lines, who in [
        (["flags +user"], "nobody"),
        (["map root"], "root"),
        (["map self"], "uid 1234567"),
        (["uidmap 7 1234560 100"], "uid 14"),
        (["uidmap 0 5 1"], "nobody"),
        (["flags -user"], "uid 1234567"),
    ]:
        for line in lines:
            shell.onecmd(line)
        assert user_inside(shell) == who, lines


def test_durations() -> None:
    assert [duration(s) for s in (0, 0.9999, 59.94, 61, 3700)] == [
        "0 ms", "1.0 s", "59.9 s", "1 min 01 s", "1 h 01 min",
    ]  # fmt: skip


def test_history_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "history"
    one, two = SharedHistory(str(path)), SharedHistory(str(path))
    one.append_string("run a \\\nb")
    two.refresh()
    two.append_string("run c")
    two.append_string("run c")
    one.refresh()
    assert one.get_strings() == two.get_strings() == ["run a b", "run c"]
    assert path.read_text() == "run a b\nrun c\n"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    one.append_string("x\udcff")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().endswith(b"x\xff\n")


def test_history_without_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = SharedHistory(str(tmp_path / "file" / "nsh" / "history"))
    assert kept.trouble == "Not a directory"
    kept.append_string("run a")
    kept.refresh()
    assert kept.get_strings() == ["run a"]


@pytest.mark.parametrize(
    ("text", "cursor", "begins"),
    [
        ("flags +pid", 9, "pid: CLONE_NEWPID"),
        ("flags +pid", 2, "flags [+NS"),
        ("run ps", 6, "run [CMD"),
        ("!ls", 3, "host LINE"),
        ("help mount", 8, "mount FSTYPE"),
        ("", 0, "Running"),
        ("nonsense", 3, "Running"),
        ("flags +pid; map root", 20, "map [root"),
    ],
)
def test_f1(shell: Shell, text: str, cursor: int, begins: str) -> None:
    assert help_at(shell, text, cursor).startswith(begins)


def test_f2_runs_and_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    state, past = shell.state, list(shell.past)
    text = plan_of(shell, f"flags +uts; hostname box; run touch {tmp_path}/never; show")
    assert "unshare(CLONE_NEWUTS)" in text
    assert 'sethostname("box", 3)' in text
    assert "# show: makes none of a run's system calls" in text
    assert (shell.state, list(shell.past)) == (state, past)
    assert not (tmp_path / "never").exists()
    assert "unshare(CLONE_NEWPID)" in plan_of(shell, "flags +pid")
    mounted = plan_of(shell, "flags +user +mnt; map root; mount tmpfs /mytmp; propagation slave")
    assert 'mount("none", "/mytmp", "tmpfs", 0, NULL)' in mounted
    assert "MS_REC|MS_SLAVE" in mounted
    assert "uid_map" in mounted
    assert "makes none" not in mounted
    assert "try: flags +uts" in plan_of(shell, "hostname x; run true")
    assert "there is no command flgs" in plan_of(shell, "flgs +pid")
    assert "unclosed quote" in plan_of(shell, "run 'a")
    assert '["/bin/sh", "-c", "a | b", "sh"]' in plan_of(shell, "sh a | b")
    assert "unshare" not in plan_of(shell, "!ls")


def test_a_script_imports_neither_prompt_toolkit_nor_pygments(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("flags +uts\nshow\nhelp run\nplan true\n")
    for args in (["-c", "flags +uts; show; help"], [str(script)], ["--help"]):
        result = subprocess.run(
            [NSH[0], "-X", "importtime", *NSH[1:], *args],
            capture_output=True,
            text=True,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        assert "nsh.shell" in result.stderr or args == ["--help"]
        for name in ("prompt_toolkit", "pygments", "nsh.prompt", "asyncio"):
            assert name not in result.stderr, name


def test_only_the_prompt_imports_prompt_toolkit() -> None:
    for path in (ROOT / "nsh").rglob("*.py"):
        if "prompt_toolkit" in path.read_text() and path.parent.name != "prompt":
            lines = [line for line in path.read_text().splitlines() if "prompt_toolkit" in line]
            assert not [line for line in lines if "import" in line], path


def test_nshrc_is_not_for_scripts(tmp_path: Path) -> None:
    (tmp_path / "nsh").mkdir()
    (tmp_path / "nsh" / "nshrc").write_text("flags +pid\n")
    env = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    assert nsh("-c", "show", env=env).stdout == ""
    assert nsh(stdin="show\n", env=env).stdout == ""


def test_set() -> None:
    result = nsh("-c", "set; set editing-mode vi; set")
    assert result.stdout == "set editing-mode emacs\nset editing-mode vi\n"
    for line in ("set editing-mode", "set colour blue", "set editing-mode edt"):
        assert nsh("-c", line).returncode == 2


def test_a_history_that_has_grown_is_cut_to_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nsh.prompt.history.READ_AT_MOST", 100)
    monkeypatch.setattr("nsh.prompt.history.KEEP_AT_MOST", 400)
    path = tmp_path / "history"
    lines = [f"run echo {number}" for number in range(100)]
    other = SharedHistory(str(path))
    for line in lines[:20]:
        other.append_string(line)
    before = path.read_text()
    SharedHistory(str(path))
    assert path.read_text() == before  # not yet too large
    for line in lines[20:]:
        other.append_string(line)
    SharedHistory(str(path))
    kept = path.read_text().splitlines()
    assert kept == lines[-len(kept) :]
    assert 5 <= len(kept) <= 10
    assert path.stat().st_mode & 0o777 == 0o600
    other.append_string("show")  # a session that was there before goes on in the new file
    assert path.read_text().splitlines() == [*kept, "show"]
    assert os.listdir(tmp_path) == ["history"]
