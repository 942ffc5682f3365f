"""Keys: what Enter, paste, F1 and F2 do at the prompt. The rest is prompt_toolkit's Emacs and vi."""

from __future__ import annotations

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.filters import has_focus
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.keys import Keys

from nsh.prompt.lookup import help_at, plan_of
from nsh.words import continues

TYPE_CHECKING = False
if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyPressEvent

    from nsh.shell import Shell
    from nsh.voice.text import Text


def bindings(shell: Shell, pending: list[str]) -> KeyBindings:
    """nsh's own keys, for the line that is edited. ``pending`` gets the lines that are pasted."""
    keys = KeyBindings()
    editing = has_focus("DEFAULT_BUFFER")

    @keys.add("enter", filter=editing)
    def _enter(event: KeyPressEvent) -> None:
        """Take the chosen completion; go on after a backslash; otherwise run the line."""
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
        elif continues(buffer.text.replace("\\\n", "")):
            buffer.cursor_position = len(buffer.text)
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add(Keys.BracketedPaste, filter=editing)
    def _paste(event: KeyPressEvent) -> None:
        """Whole lines run one after the other, as if typed; what follows the last stays to edit."""
        buffer = event.current_buffer
        lines = _whole_lines(event.data.replace("\r\n", "\n").replace("\r", "\n"))
        buffer.insert_text(lines[0])
        if len(lines) > 1:
            after = buffer.document.text_after_cursor
            buffer.text = buffer.document.text_before_cursor
            buffer.cursor_position = len(buffer.text)
            pending[:0] = [*lines[1:-1], lines[-1] + after]
            buffer.validate_and_handle()

    @keys.add("f1", filter=editing)
    def _help(event: KeyPressEvent) -> None:
        """Help on the word at the cursor."""
        document = event.current_buffer.document
        text = help_at(shell, document.text, document.cursor_position)
        run_in_terminal(lambda: _show(shell, text))

    @keys.add("f2", filter=editing)
    def _plan(event: KeyPressEvent) -> None:
        """The system calls that the line would make, and none of them made."""
        text = plan_of(shell, event.current_buffer.text.replace("\\\n", ""))
        run_in_terminal(lambda: _show(shell, text))

    return keys


def _show(shell: Shell, text: Text) -> None:
    shell.page(text)
    shell.flush()


def _whole_lines(text: str) -> list[str]:
    """The lines of a paste, a continued one with its continuation; the last one has no end."""
    lines = [""]
    for part in text.split("\n"):
        if lines[-1] and continues(lines[-1].replace("\\\n", "")):
            lines[-1] += "\n" + part
        elif lines[-1] or len(lines) > 1:
            lines.append(part)
        else:
            lines[-1] = part
    return lines
