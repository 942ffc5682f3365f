"""Line: the line editor of a typed session. It and its rooms here alone import prompt_toolkit.

It adapts: what to complete is said by completion.py, what to show by toolbar.py and lookup.py,
what to run by the shell. prompt_toolkit has the terminal while a line is edited; the line runs
after it has given everything back, so there is one thread and no event loop when a child is
forked.
"""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import contextmanager

from prompt_toolkit.application.current import get_app
from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.cursor_shapes import ModalCursorShapeConfig
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.shortcuts import PromptSession, print_formatted_text
from prompt_toolkit.styles import Attrs, Style
from prompt_toolkit.utils import get_cwidth

from nsh.files import joined
from nsh.prompt.completion import complete
from nsh.prompt.history import SharedHistory, history_path
from nsh.prompt.keys import bindings
from nsh.prompt.lexer import NshLexer
from nsh.prompt.toolbar import fragments
from nsh.prompt.typed import run_typed
from nsh.voice import theme
from nsh.words import MORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

    from nsh.shell import Shell

MENU_WHILE_TYPING = 60
"""A longer list than this waits for Tab when nothing of the word is typed yet."""

MENU_AT_MOST = 1000
"""So many completions are handed to the menu: nobody pages further."""

MENU_LINES = 7
"""So many lines are made free below the cursor for a menu that opens near the bottom."""

STYLE = Style.from_dict({**theme.LINE, **theme.SCREEN})
# Without colours a suggestion is dim, which is younger than prompt_toolkit 3.0.36, or in italics.
_DIM = {"auto-suggestion": "dim" if "dim" in Attrs._fields else "italic"}
PLAIN_STYLE = Style.from_dict({**theme.LINE, **theme.PLAIN_SCREEN, **_DIM})
# What prompt_toolkit itself gives to these has colours, which would be reversed, too.
_OWN = {name: f"noinherit {it}" for name, it in theme.PLAIN_SCREEN.items() if "reverse" in it}
FEW_STYLE = Style.from_dict({**theme.LINE, **theme.PLAIN_SCREEN, **_OWN})
"""With 16 colours only, as on a Linux console: none of them is near to the backgrounds of SCREEN."""

# What a killed full-screen program leaves on: the alternate screen, a hidden cursor, colours, the
# mouse, the application's keys. See console_codes(4), and xterm's ctlseqs for the rest.
CALM_DOWN = "\x1b[?1047l\x1b[?25h\x1b[0m\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1l\x1b>"


class _Completer(Completer):
    def __init__(self, shell: Shell) -> None:
        self.shell = shell

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        text = joined(document.text_before_cursor)
        found = complete(self.shell, text)
        if event.text_inserted:
            started = found and found[0].start < len(text)
            if len(found) > MENU_WHILE_TYPING and not started:
                return
            if len(found) == 1 and text[found[0].start :] == found[0].text:
                return
        for each in found[:MENU_AT_MOST]:
            shown, start = each.text or "''", each.start - len(text)
            yield Completion(each.text, start, display=shown, display_meta=each.about)


class _Suggester(AutoSuggest):
    """The line that fixes the last error, otherwise the last line of the history that fits."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        text = document.text
        for line in self.prompt.offers:
            if line.startswith(text) and line != text:
                return Suggestion(line[len(text) :])
        if not text.strip() or "\n" in text:
            return None
        if line := self.prompt.history.last_that_begins(text):
            return Suggestion(line[len(text) :])
        return None


class Prompt:
    """One typed session: reads lines with all comforts and hands them to the shell.

    shell    runs the lines
    offers   lines to suggest first: those to type next, or those that fix the last error and then
             the one that failed
    pending  pasted lines that have not run yet
    took     seconds that the last line ran, None before the first
    threads  so many there were before the first line: one, unless nsh is part of another program
    """

    def __init__(
        self, shell: Shell, input: Input | None = None, output: Output | None = None
    ) -> None:
        self.shell = shell
        self.offers: list[str] = self._lines_to_send(shell.fixes)
        self.pending: list[str] = []
        self.took: float | None = None
        self.threads = _threads()
        self.history = SharedHistory(history_path(shell.host.environ))
        if self.history.trouble:
            shell.error(
                "the history stays in memory: "
                + ": ".join(filter(None, [self.history.path, self.history.trouble])),
                "try: XDG_STATE_HOME=DIRECTORY nsh",
            )
        # Without colours the attributes stay.
        without = bool(os.environ.get("NO_COLOR"))
        depth = ColorDepth.DEPTH_1_BIT if without else _true_colour()
        self.style = PLAIN_STYLE if without else STYLE
        self.session: PromptSession[str] = PromptSession(
            [("class:prompt", shell.prompt)],
            lexer=PygmentsLexer(NshLexer),
            completer=_Completer(shell),
            # Nothing is typed, no menu comes: its lines stay with the text above.
            complete_while_typing=Condition(lambda: bool(self.session.default_buffer.text)),
            complete_in_thread=False,
            auto_suggest=_Suggester(self),
            history=self.history,
            bottom_toolbar=self._toolbar,
            # Only before what was typed as a new line, not where a long line is wrapped.
            prompt_continuation=lambda width, number, wrapped: "" if wrapped else MORE,
            key_bindings=bindings(shell, self.pending),
            enable_suspend=True,
            style=self.style,
            include_default_pygments_style=False,
            color_depth=depth,
            reserve_space_for_menu=0,
            cursor=ModalCursorShapeConfig(),
            input=input,
            output=output,
        )
        if self.session.app.color_depth == ColorDepth.DEPTH_4_BIT:
            self.style = self.session.style = FEW_STYLE
        # Without a full second of waiting for the rest of an escape sequence after Escape in vi.
        self.session.app.ttimeoutlen = 0.05
        self.session.default_buffer.on_text_changed += self._offer
        self.session.app.before_render += self._fit

    def loop(self) -> None:
        """Read and run lines until one of them, or Ctrl-D, ends the session."""
        while True:
            for text in self.shell.look_after():
                self.shell.message(text)
            try:
                text = self.read()
            except KeyboardInterrupt:
                self.pending.clear()
                continue
            except EOFError:
                return
            if self.run(joined(text)):
                return

    def read(self) -> str:
        """One typed, or the next pasted, line. Raises KeyboardInterrupt and EOFError."""
        mode = self.shell.settings["editing-mode"]
        self.session.editing_mode = EditingMode.VI if mode == "vi" else EditingMode.EMACS
        prefill = ""
        if self.pending:
            prefill = self.pending.pop(0)
            if self.pending:
                self._show_pasted(prefill)
                return prefill
        with _terminal_modes():
            return self.session.prompt(default=prefill, pre_run=self._offer)

    def _show_pasted(self, text: str) -> None:
        """Show a pasted line as if it was typed. What is typed meanwhile waits for its own prompt."""
        fragments: StyleAndTextTuples = []
        lines = PygmentsLexer(NshLexer).lex_document(Document(text))
        for number in range(text.count("\n") + 1):
            start = ("class:prompt", self.shell.prompt) if number == 0 else ("", f"\n{MORE}")
            fragments += [start, *lines(number)]
        print_formatted_text(
            FormattedText(fragments),
            style=self.style,
            include_default_pygments_style=False,
            color_depth=self.session.color_depth,
            output=self.session.app.output,
        )
        self.history.append_string(text)

    def run(self, line: str) -> bool:
        """Run a line and keep what the next prompt shows of it. True if it ends the session."""
        assert _threads() <= self.threads, "a thread of the line editor is left, and nsh forks now"
        before, typed = time.monotonic(), self.shell.typed
        ended = run_typed(self.shell, line)
        if self.shell.typed > typed:  # also when an empty line goes on in a lesson
            self.took = time.monotonic() - before
            self._settle_terminal()
            self._plan_offers(line)
            self.history.judge(line, self.shell.status in WRONG)
        if self.shell.status == 130:
            self.pending.clear()  # Ctrl-C is meant for all that was pasted
        return ended

    def _plan_offers(self, line: str) -> None:
        """Offer what comes next, or what fixes the error and then the failed line again.

        Go on after each that worked.
        """
        if self.shell.proposed:
            self.offers = list(self.shell.proposed)
        elif self.shell.following:
            self.offers = [self.shell.following]
        elif self.shell.fixes:
            self.offers = [fix for fix in self._lines_to_send(self.shell.fixes) if fix != line]
            # A line that was typed wrong is not wanted again, nor one that nothing mends.
            if self.offers and self.shell.status not in WRONG:
                self.offers.append(line)
        elif self.offers[:1] == [line.strip()]:
            del self.offers[0]
        else:
            self.offers = []

    def _lines_to_send(self, fixes: Iterable[str]) -> list[str]:
        """The fixes without those in which a word of the usage line stands for another, as FILE."""
        return [fix for fix in fixes if not self._has_placeholder(fix)]

    def _has_placeholder(self, fix: str) -> bool:
        name, arguments, _ = self.shell.parseline(fix)
        if not arguments or name not in self.shell.command_names():
            return False
        usage = re.findall(r"\w+", self.shell.synopsis(name))
        return any(word.isupper() and word in usage for word in re.findall(r"\w+", arguments))

    def _offer(self, _: object = None) -> None:
        """An empty line has the first offer behind its cursor, before anything is typed."""
        buffer = self.session.default_buffer
        if not buffer.text and self.offers:
            buffer.suggestion = Suggestion(self.offers[0])

    def _fit(self, _: object = None) -> None:
        """Make lines free for a menu that is open, and not more than it or a low terminal has.

        The screen scrolls then, if it must: what stands above the prompt goes up, as with output.
        """
        buffer = self.session.default_buffer
        items = len(buffer.complete_state.completions) if buffer.complete_state else 0
        size = self.session.app.output.get_size()
        bars = 2 if self.shell.lesson_goal else 1
        free = min(items, MENU_LINES, (size.rows - bars) // 2 - 1)
        above = 0
        for number, line in enumerate(buffer.document.text_before_cursor.split("\n")):
            start = MORE if number else self.shell.prompt
            above += 1 + get_cwidth(start + line) // max(1, size.columns)
        self.session.reserve_space_for_menu = above + free if free > 0 else 0

    def _settle_terminal(self) -> None:
        """Make good what a command left: a line without its end, a terminal in disorder."""
        output = self.session.app.output
        if self.shell.status >= 128:
            output.write_raw(CALM_DOWN)
        # A mark and a line of blanks: at the left edge the blanks just fill the line and all of it
        # is wiped; after an unfinished line the blanks overflow, and the mark stays.
        mark = "⏎" if (output.encoding() or "").lower().startswith("utf") else "%"
        columns = output.get_size().columns
        output.write_raw(f"\x1b[7m{mark}\x1b[0m{' ' * (columns - 1)}\r\x1b[K")
        output.flush()

    def _toolbar(self) -> StyleAndTextTuples:
        app = get_app()
        mode = ""
        if self.session.editing_mode == EditingMode.VI:
            inserting = app.vi_state.input_mode in (InputMode.INSERT, InputMode.REPLACE)
            mode = "vi insert" if inserting else "vi command"
        return list(fragments(self.shell, self.took, app.output.get_size().columns, mode))


def _true_colour() -> ColorDepth | None:
    """All colours where the terminal says that it has them, else what prompt_toolkit takes."""
    wide = os.environ.get("COLORTERM", "") in ("truecolor", "24bit")
    return ColorDepth.DEPTH_24_BIT if wide else None


def _threads() -> int:
    """How many threads this process has; 1 where there is no /proc to tell. See proc_pid_task(5)."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 1


@contextmanager
def _terminal_modes() -> Iterator[None]:
    """While a line is edited: give the terminal its modes back when a signal ends nsh."""
    import termios

    try:
        modes = termios.tcgetattr(0)
    except (OSError, termios.error):
        yield
        return

    def end(number: int, frame: object) -> None:
        try:
            termios.tcsetattr(0, termios.TCSADRAIN, modes)
            os.write(1, b"\x1b[?2004l\x1b[?25h\x1b[0m\r\n")
        except (OSError, termios.error):
            pass
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    wanted = [number for number in _ENDING if signal.getsignal(number) == signal.SIG_DFL]
    for number in wanted:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in wanted:
            signal.signal(number, signal.SIG_DFL)


WRONG = (2, 127)
"""The statuses of a line that was typed wrong: a usage error, a command that was not found."""

_ENDING = (signal.SIGTERM, signal.SIGHUP)
