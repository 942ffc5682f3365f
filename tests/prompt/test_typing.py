"""What stands on the screen while a line is typed: the menu, what is pasted, what is suggested."""

from __future__ import annotations

from tests.screen import TOOLBAR, Start, toolbar


def test_no_lines_are_kept_for_a_menu_that_is_not_open(start: Start) -> None:
    tty = start(80, 24)
    tty.line("run seq 30")
    lines = tty.ready().splitlines()
    assert lines[21:23] == ["30", "nsh>"]
    assert TOOLBAR in lines[23]
    tty.type("flags +")
    screen = tty.until("the host name and the NIS domain name")
    lines = screen.splitlines()
    at = lines.index("nsh> flags +")
    assert lines[at - 15 : at] == [str(number) for number in range(16, 31)]
    assert len(lines) - at - 2 == 7
    tty.type("net")
    tty.until(lambda s: "+net  " not in s)
    tty.keys("Enter")
    tty.until("\n30\nnsh> flags +net\nnsh>")
    lines = tty.ready().splitlines()
    assert not [line for line in lines[:-1] if "new:" in line]
    above = tty.tmux("capture-pane", "-p", "-S", "-").splitlines()
    assert [line for line in above if line.isdigit()] == [str(n) for n in range(1, 31)]


def test_a_menu_at_the_bottom_of_a_low_terminal(start: Start) -> None:
    tty = start(60, 10)
    tty.line("run seq 9")
    tty.ready()
    tty.type("flags +")
    lines = tty.until("+net ").splitlines()
    at = lines.index("nsh> flags +")
    assert (lines[at - 1], len(lines) - at - 2) == ("9", 3)


def test_tab_chooses_nothing_before_it_is_asked_twice(start: Start) -> None:
    tty = start()
    tty.ready()
    tty.type("h")
    tty.until("history")
    tty.keys("Tab")
    tty.type("os")
    tty.until("hostname ")
    tty.keys("Tab")
    tty.until("nsh> host\n")
    tty.keys("Tab", "Tab")
    tty.until("nsh> hostname\n")


def test_a_copied_session_is_pasted_without_prompts_and_output(start: Start) -> None:
    tty = start()
    tty.ready()
    tty.paste("```nsh\nnsh> cd /usr\nnsh> run echo \\\n> two\ntwo\nnsh> cd /\n```")
    screen = tty.until("nsh> cd /\n")
    tty.ready()
    shown = screen.splitlines()
    at = shown.index("nsh> cd /usr")
    assert shown[at + 1 : at + 5] == ["nsh> run echo \\", "> two", "two", "nsh> cd /"]
    tty.paste("nsh> flags +net")
    tty.until("nsh> flags +net")
    tty.keys("C-c")
    tty.line("nsh> flags +uts")
    tty.until(lambda s: "nsh> flags +uts" in s and "+uts" in toolbar(s))


def test_a_quote_goes_on_as_in_sh(start: Start) -> None:
    tty = start()
    tty.line('sh echo "a b')
    tty.until("\n>")
    tty.type('c"')
    tty.keys("Enter")
    tty.until("\na b\nc\n")
    tty.ready()
    tty.keys("Up")
    tty.until(lambda s: s.count('nsh> sh echo "a b\n> c"') == 2)


def test_what_was_typed_wrong_is_not_suggested(start: Start) -> None:
    tty = start()
    tty.line("undo nonsense")
    tty.line("undo 1")
    tty.line("history 7")
    tty.line("run no-such-program")
    tty.until("[127]")
    tty.ready()
    for typed in ("his", "run no", "undo n"):
        tty.type(typed)
        tty.until(f"nsh> {typed}")
        assert "history 7" not in tty.text().rpartition("nsh>")[2]
        assert "-program" not in tty.text().rpartition("nsh>")[2]
        assert "nonsense" not in tty.text().rpartition("nsh>")[2]
        tty.keys("C-c")
        tty.ready()
