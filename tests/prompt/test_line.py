"""The prompt by keys, without a terminal: prompt_toolkit's own pipe for input, nothing for output."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import ColorDepth, DummyOutput

from nsh.prompt.line import Prompt
from nsh.shell import Shell
from tests.lines import Told

RIGHT = "\x1b[C"


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


def test_a_quote_for_sh_goes_on(shell: Shell, keys: PipeInput) -> None:
    typed(shell, keys, "!true 'a \\\rb'\rhostname 'box\rcd /\r")
    assert list(shell.lines) == ["!true 'a \\\nb'", "hostname 'box", "cd /"]
    assert shell.state.hostname is None  # words of nsh itself: an error, as in a script


def test_copied_prompts_are_dropped(shell: Shell, keys: PipeInput) -> None:
    pasted = "nsh> flags +uts\nnsh> flags\nCLONE_NEWUTS | SIGCHLD\nnsh> cd \\\n... /tmp\nnsh> "
    typed(shell, keys, f"\x1b[200~{pasted}\x1b[201~nsh> hostname box\r")
    assert list(shell.lines) == ["flags +uts", "flags", "cd /tmp", "hostname box"]


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


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hostna", "hostname"),  # the only one
        ("mou", "mount"),  # umount holds it, too, but does not begin with it
        ("h", "h"),  # several without a common part
        ("propagation s", "propagation s"),
        ("flags +pid; uid", "flags +pid; uidmap"),
        ("set editing-mode emcs", "set editing-mode emacs"),  # the only one that holds the letters
        ("run /proc/self/ns/cg", "run /proc/self/ns/cgroup"),
        ("", ""),
    ],
)
def test_tab_inserts_what_all_have_in_common(
    shell: Shell, keys: PipeInput, before: str, after: str
) -> None:
    prompt = Prompt(shell, input=keys, output=DummyOutput())
    keys.send_text(f"{before}\t\r")
    assert prompt.read() == after


def test_the_line_that_mends_is_taken_by_the_right_arrow(shell: Shell, keys: PipeInput) -> None:
    prompt = typed(shell, keys, "hostname box\rrun true\r" + RIGHT + "\r")
    assert shell.state.flags == ("uts",)
    assert prompt.offers == ["run true"]  # the line that failed is offered again


def test_the_lines_of_a_solution_are_taken_one_after_the_other(
    shell: Shell, keys: PipeInput, tmp_path: Path
) -> None:
    shell.own_environ = {"XDG_STATE_HOME": str(tmp_path)}
    shell.run_line("lesson uts 2")
    prompt = typed(shell, keys, "solution\r" + "cd /\r")  # what is typed is not added to anything
    assert (shell.state.cwd, prompt.offers) == ("/", [])
    prompt = typed(shell, keys, "solution\r" + (RIGHT + "\r") * 2)
    assert shell.state.hostname == "myhostname"
    assert shell.lesson_goal.startswith("uts 2/3 reached")
    assert prompt.offers == []


@pytest.mark.parametrize("line", ["next", "record off"])
def test_a_fix_with_a_placeholder_is_not_offered(
    shell: Shell, keys: PipeInput, capsys: Told, line: str
) -> None:
    prompt = typed(shell, keys, line + "\r")
    assert capsys.readouterr().err  # it failed
    assert not [offer for offer in prompt.offers if offer.split()[-1].isupper()]


def test_a_fix_in_capitals_is_offered(shell: Shell, keys: PipeInput) -> None:
    shell.fixes = ("env A=B", "flags CLONE_NEWPID", "hostname NAME", "env NAME=VALUE")
    assert Prompt(shell, input=keys, output=DummyOutput()).offers == [
        "env A=B",
        "flags CLONE_NEWPID",
    ]


def test_one_thread_while_a_line_runs(
    shell: Shell, keys: PipeInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    def threads() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/task"))

    before, seen = (
        threads(),
        [],
    )  # more than one before, too, where pytest runs in several processes

    def do_show(line: str) -> None:
        seen.append(threads())
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()

    monkeypatch.setattr(shell, "do_show", do_show, raising=False)
    typed(shell, keys, "run t\x03show\rflags +u\t\rshow\r")
    assert seen == [before, before]


def test_with_16_colours_the_bar_and_the_menu_have_no_colours_of_their_own(
    shell: Shell, keys: PipeInput, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Few(DummyOutput):
        def get_default_color_depth(self) -> ColorDepth:
            return ColorDepth.DEPTH_4_BIT

    for name in ("COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    style = Prompt(shell, input=keys, output=Few()).session.app.style
    assert style is not None
    for part in (
        "bottom-toolbar,shared",
        "completion-menu,meta.completion",
        "scrollbar.background",
    ):
        got = style.get_attrs_for_style_str(" ".join(f"class:{name}" for name in part.split(",")))
        assert (got.color, got.bgcolor, got.reverse) == ("", "", True)
