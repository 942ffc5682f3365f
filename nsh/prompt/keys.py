"""Keys: what Enter, Tab, paste, F1 and F2 do at the prompt. The rest is prompt_toolkit's Emacs and vi."""

from __future__ import annotations

import os

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.filters import emacs_insert_mode, has_focus, vi_insert_mode
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.keys import Keys

from nsh.files import behind_more, behind_prompt, continues, joined, logical_lines
from nsh.prompt.completion import complete
from nsh.prompt.lookup import help_at, plan_of
from nsh.voice.text import prose

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
        """Take the chosen completion; go on after a backslash, in a quote; else run the line."""
        buffer = event.current_buffer
        if buffer.complete_state and buffer.complete_state.current_completion:
            buffer.complete_state = None
            return
        if (typed := behind_prompt(buffer.text)) is not None:
            buffer.text = typed
        if continues(joined(buffer.text)):
            buffer.cursor_position = len(buffer.text)
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("tab", filter=editing & (emacs_insert_mode | vi_insert_mode))
    def _complete(event: KeyPressEvent) -> None:
        """Insert what all that begin with the word have in common, and show them.

        Where that is nothing, the next Tab chooses the first, and each further one the next.
        """
        buffer = event.current_buffer
        menu = buffer.complete_state
        if not (menu and menu.current_completion):
            replaced, text, several = _common_part(shell, buffer.document.text_before_cursor)
            if replaced or text:
                buffer.delete_before_cursor(replaced)
                buffer.insert_text(text, fire_event=not several)
                if several:
                    buffer.start_completion()
                return
            if not event.is_repeat:
                if not menu:
                    buffer.start_completion()
                return
        if menu:
            buffer.complete_next()
        else:
            buffer.start_completion(select_first=True)

    @keys.add(Keys.BracketedPaste, filter=editing)
    def _paste(event: KeyPressEvent) -> None:
        """Whole lines run one after the other, as if typed; what follows the last stays to edit."""
        buffer = event.current_buffer
        lines = pasted_lines(event.data.replace("\r\n", "\n").replace("\r", "\n"))
        buffer.insert_text(lines[0])
        if len(lines) > 1:
            after = buffer.document.text_after_cursor
            buffer.text = buffer.document.text_before_cursor
            buffer.cursor_position = len(buffer.text)
            pending[:0] = [*lines[1:-1], lines[-1] + after]
            buffer.validate_and_handle()

    # Where the terminal keeps F1 and F2 for itself. In vi, Alt-h is Escape and then h.
    @keys.add("f1", filter=editing)
    @keys.add("escape", "h", filter=editing & emacs_insert_mode)
    def _help(event: KeyPressEvent) -> None:
        """Help on the word at the cursor."""
        document = event.current_buffer.document
        first, end, rest = help_at(shell, document.text, document.cursor_position).partition("\n")
        text: Text = [("heading", first + end), *prose(rest, shell.lexed)]
        run_in_terminal(lambda: _show(shell, text))

    @keys.add("f2", filter=editing)
    @keys.add("escape", "p", filter=editing & emacs_insert_mode)
    def _plan(event: KeyPressEvent) -> None:
        """The system calls that the line would make, and none of them made."""
        text = plan_of(shell, joined(event.current_buffer.text))
        run_in_terminal(lambda: _show(shell, text))

    return keys


def _common_part(shell: Shell, text: str) -> tuple[int, str, bool]:
    """What Tab does to a text: how many characters go, what comes, whether it may become several.

    Of what completion finds, the common beginning of all that begin with the word; or the only one,
    which may hold it elsewhere.
    """
    text = joined(text)
    found = complete(shell, text)
    begin = [each.text for each in found if each.text.startswith(text[each.start :])]
    if begin:
        return 0, os.path.commonprefix(begin)[len(text) - found[0].start :], len(begin) > 1
    if len(found) == 1:
        return len(text) - found[0].start, found[0].text, False
    return 0, "", False


def _show(shell: Shell, text: Text) -> None:
    shell.page(text)
    shell.flush()


def pasted_lines(text: str) -> list[str]:
    """The lines of a paste, a continued one with its continuation; the last one has no end yet.

    Of a copied session only what stands behind its prompts, and none of it has to wait for its end
    if something was printed after it.

    >>> pasted_lines("nsh> flags +net\\nnsh> flags\\nCLONE_NEWNET | SIGCHLD")
    ['flags +net', 'flags', '']
    """
    typed = text.split("\n")
    prompts = [behind_prompt(line) is not None for line in typed]
    found = ["\n".join(line.parts) for line in logical_lines(typed, session=any(prompts))]
    if any(prompts) and not (prompts[-1] or behind_more(typed[-1]) is not None):
        found.append("")
    while len(found) > 1 and not found[0]:
        del found[0]
    return found
