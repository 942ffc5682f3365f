"""The way through a lesson at the prompt: it stops before each step, and goes where one wants."""

from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from nsh.prompt.completion import complete
from nsh.prompt.typed import source_nshrc
from tests import needs
from tests.conftest import nsh
from tests.course.at_prompt import REACH, AtPrompt
from tests.course.learner import LESSON
from tests.course.test_children import WITH_CHILDREN
from tests.screen import Start


def test_between_two_steps_the_prompt_waits_for_enter(at_prompt: AtPrompt, small: Path) -> None:
    text = at_prompt(f"lesson {small}")
    assert "Welcome." in text
    assert text.endswith("Say hello.\n")
    text = at_prompt(*REACH)
    assert text.endswith("Reached: First\n\nBecause.\n\nEnter goes on with step 2 of 2.\n")
    assert at_prompt.shell.state.cwd is None  # what the setup does is not done yet
    assert at_prompt.shell.lesson_goal == "small 1/2 reached; Enter goes on"
    assert "WORD=hello" in at_prompt("show")
    assert at_prompt("run true") == ""
    assert at_prompt("") == "Step 2 of 2: Second\n\nSay good bye.\n\nDone for you: cd /\n"
    assert at_prompt.shell.state.cwd == "/"
    assert at_prompt.shell.lesson_goal == "small 2/2: Second"
    assert at_prompt("") == ""


def test_goal_goes_on_and_hint_and_solution_wait(at_prompt: AtPrompt, small: Path) -> None:
    at_prompt(f"lesson {small}", *REACH)
    for line in ("hint", "solution"):
        assert "step 2 has not begun: Enter goes on with it" in at_prompt(line)
        assert at_prompt.shell.status == 1
    assert "Say good bye." in at_prompt("goal")
    assert "Say good bye." in at_prompt("goal")


def test_what_was_tried_between_two_steps_is_put_back(at_prompt: AtPrompt, small: Path) -> None:
    at_prompt(f"lesson {small}", *REACH, "env WORD=other")
    assert at_prompt("").startswith(
        "Your state is put back for step 2; undo gets it back.\n\nStep 2"
    )
    assert "WORD=hello" in at_prompt("show")
    assert "WORD=other" in at_prompt("undo", "show")


def test_skip_stops_and_at_the_stop_it_skips_the_step_that_comes(
    at_prompt: AtPrompt, small: Path
) -> None:
    at_prompt(f"lesson {small}")
    assert at_prompt("skip").endswith("Because.\n\nEnter goes on with step 2 of 2.\n")
    assert at_prompt.shell.lesson_goal == "small 1/2 skipped; Enter goes on"
    text = at_prompt("skip")
    assert text.startswith("Skipped: Second\n\nThat was all.")
    assert text.endswith(
        "That was the lesson small. The state stays.\nIt was the last one; lesson lists them all.\n"
    )
    assert at_prompt.shell.lesson_goal == ""
    assert at_prompt("") == ""


def test_an_introduction_that_would_scroll_away_comes_alone(
    at_prompt: AtPrompt, small: Path
) -> None:
    at_prompt.size = os.terminal_size((80, 9))
    text = at_prompt("flags +uts", f"lesson {small}")
    assert "small\n\nWelcome.\n\n" in text
    assert "Say hello." not in text
    assert text.endswith("\n\nEnter goes on with step 1 of 2.\n")
    assert not at_prompt.shell.state.has("uts")
    assert at_prompt.shell.lesson_goal == "small 1/2 comes next; Enter goes on"
    assert at_prompt("").startswith("Step 1 of 2: First\n")


def test_a_file_and_nshrc_do_not_stop(at_prompt: AtPrompt, small: Path, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("\n".join([f"lesson {small}", *REACH, "", "show"]) + "\n")
    text = at_prompt(f"source {lines}")
    assert text.index("Reached: First") < text.index("Step 2 of 2") < text.index("cd /\n")
    assert "Enter goes on" not in text
    rc = tmp_path / "nsh/nshrc"
    rc.parent.mkdir()
    lines.rename(rc)
    shell = at_prompt.start()
    shell.host.environ["XDG_CONFIG_HOME"] = str(tmp_path)
    source_nshrc(shell)
    assert "Step 2 of 2" in "".join(at_prompt.said)


def test_a_recording_at_the_prompt_goes_on_as_its_replay_does(small: Path, start: Start) -> None:
    screen = start()
    path = screen.home / "all.nsht"
    for line in (f"record {path}", f"lesson {small}", *REACH, "lesson quit", "record off"):
        screen.line(line)
    screen.ready()
    text = path.read_text()
    assert "Step 2 of 2" in text
    assert "Enter goes on" not in text
    assert "have left" not in text
    state = screen.home / "state"
    assert (state / "nsh/progress").read_text() == f"small 1 solved\n{small} 2 here\n"
    result = nsh("--test", str(path), env={**os.environ, "XDG_STATE_HOME": str(state)})
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


# Where one wants to go.


def test_a_lesson_can_be_entered_at_a_step(at_prompt: AtPrompt, small: Path) -> None:
    text = at_prompt(f"lesson {small} 2")
    assert text.startswith("small\n\n")
    assert "Welcome" not in text
    assert "\nStep 2 of 2: Second\n" in text
    assert at_prompt.shell.state.cwd == "/"
    assert "Welcome" in at_prompt(f"lesson {small} 01")
    for word in ("0", "3", "-1", "x", "''", "9" * 5000):
        at_prompt(f"lesson {small} {word}")
        assert at_prompt.shell.status == 2, word
        assert at_prompt.shell.fixes == (f"lesson {small} 1",)
        assert at_prompt.shell.lesson_goal == "small 1/2: First"
    assert "the lesson small has 2 steps, 1 to 2: there is no step 3" in at_prompt(
        f"lesson {small} 3"
    )
    for word in ("quit", "reset", "back"):
        assert f"try: lesson {word}\n" in at_prompt(f"lesson {word} 1")
    assert "usage: lesson" in at_prompt(f"lesson {small} 1 2")


def test_back_goes_to_the_state_that_the_step_before_begins_with(
    at_prompt: AtPrompt, small: Path
) -> None:
    assert "this works in a lesson only" in at_prompt("lesson back")
    at_prompt(f"lesson {small}")
    assert "this is the first step of the lesson small" in at_prompt("lesson back")
    at_prompt(*REACH, "", "env OTHER=x")
    assert at_prompt("lesson back") == "Step 1 of 2: First\n\nSay hello.\n"
    assert "env" not in at_prompt("show")
    at_prompt(*REACH)
    assert at_prompt("lesson back").startswith("Step 1 of 2")  # from the stop that comes after it
    assert at_prompt.progress.read_text().startswith("small 1 solved\n")


def test_completion_knows_the_steps(at_prompt: AtPrompt, small: Path) -> None:
    found = {each.text: each.about for each in complete(at_prompt.shell, f"lesson {small} ")}
    assert found == {"1": "First", "2": "Second"}
    assert [each.text for each in complete(at_prompt.shell, "lesson uts ")] == ["1", "2", "3"]
    for text in ("lesson reset ", "lesson uts 1 ", "lesson /dev ", "lesson /no/such.md "):
        assert complete(at_prompt.shell, text) == []
    assert "back" not in [each.text for each in complete(at_prompt.shell, "lesson ")]
    at_prompt("lesson uts")
    assert "back" in [each.text for each in complete(at_prompt.shell, "lesson ")]


def test_whose_the_state_is_stands_there(at_prompt: AtPrompt, small: Path) -> None:
    assert "undo" not in at_prompt(f"lesson {small}")
    at_prompt("env A=mine")
    assert "undo" not in at_prompt(f"lesson {small}")  # it was the lesson's already
    assert (
        at_prompt("env A=mine", "lesson quit")
        == "You have left the lesson small. The state stays.\n"
    )
    text = at_prompt(f"lesson {small}")
    assert text.startswith("The state is the lesson's now; undo gets yours back.\n\nsmall\n")
    assert "A=mine" not in at_prompt("show")
    assert "A=mine" in at_prompt("undo", "show")


def test_the_end_says_which_children_ended(at_prompt: AtPrompt, tmp_path: Path) -> None:
    path = tmp_path / "living.nsh.md"
    path.write_text(WITH_CHILDREN)
    at_prompt(f"lesson {path}")
    at_prompt("reset all")
    assert at_prompt("lesson quit") == "You have left the lesson living. box has ended.\n"
    text = at_prompt(f"lesson {path}", "skip", "skip")
    assert "\nThat was the lesson living. The state stays. other has ended.\n" in text


def test_ctrl_c_while_lines_are_typed_for_the_learner(
    at_prompt: AtPrompt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "slow.nsh.md"
    path.write_text(LESSON.replace("cd /\n", "start slow sleep 1000\nwait slow\n"))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    at_prompt(f"lesson {path}", *REACH)
    with monkeypatch.context() as patched:
        patched.setattr(select, "select", interrupt)
        at_prompt("")
        assert at_prompt.shell.status == 130
    assert at_prompt.shell.lesson_goal == "slow 2/2 comes next; Enter goes on"
    assert "slow" in at_prompt("children")
    path.write_text(LESSON.replace("cd /\n", "start slow sleep 1000\n"))
    assert "Step 2 of 2" in at_prompt("lesson reset", "skip", "")
    assert "slow has ended." in at_prompt("lesson quit")


# Beside other things.


@needs.NAMESPACES
def test_a_hint_about_a_run_stands_before_what_it_reached(at_prompt: AtPrompt) -> None:
    text = at_prompt(
        "lesson uts", "flags +uts", "run true", "lesson uts 1", "flags +uts", "sh uname -n"
    )
    assert text.count("hint: new uts namespace, yet the old host name") == 1
    assert text.index("hint: ") < text.rindex("\nReached: ")
    text = at_prompt("lesson uts 2", "sh uname -n")
    assert "not yet: " in text


def test_nothing_scrolls_away_at_80x24(start: Start) -> None:
    screen = start(columns=80, rows=24)
    screen.line("lesson skeleton")
    screen.until("Enter goes on with step 1 of 3.")
    assert "skeleton: one child, nothing new yet" in screen.ready()
    screen.keys("Enter")
    screen.until("goal: skeleton 1/3: ")
    assert "Step 1 of 3: " in screen.ready()
    for line in ("env ROLE=child", "run printenv ROLE"):
        screen.line(line)
    screen.until("Enter goes on with step 2 of 3.")
    assert "Reached: " in screen.ready()
    screen.keys("Enter")
    screen.until("goal: skeleton 2/3: ")
    assert "Step 2 of 3: " in screen.ready()


def test_going_on_takes_the_grey_line_of_the_step_before_away(start: Start) -> None:
    screen = start(columns=80, rows=24)
    screen.line("lesson uts 2")
    screen.line("skip")
    screen.until("Enter goes on with step 3 of 3.")
    screen.line("flags -uts")
    screen.line("run true")
    screen.until("nsh> flags +uts")
    screen.ready()
    screen.keys("Enter")
    screen.until("goal: uts 3/3: ")
    screen.until(lambda text: text.split("\nnsh>")[-1].split("\n")[0].strip() == "")
