"""Theme: how everything of nsh looks, in this one file. Pure.

A style is written as prompt_toolkit reads it: ``bold ansigreen``, ``bg:#1c2733``. What stands in the
scrolling text (the voice, and the typed line) takes the sixteen colours of the terminal, and of them
those that are readable on black and on white: its owner has chosen them. What has a background of its
own (the toolbar, the menu) brings its own colours, which a terminal with fewer gets as near as it can.
Attributes are no colours: they stay under NO_COLOR.
"""

from __future__ import annotations

VOICE = {
    "nsh": "dim",
    "error": "ansired",
    "call": "bold ansired",
    "label": "dim",
    "hint": "ansicyan",
    "not yet": "ansiyellow",
    "reached": "bold ansigreen",
    "title": "bold",
    "heading": "bold",
    "name": "ansigreen",
    "status": "bold ansired",
    "why": "dim",
    "number": "dim",
    "arrow": "bold ansiyellow",
    "new": "bold ansigreen",
    "joined": "bold ansicyan",
    "shared": "dim",
    "added": "ansigreen",
    "removed": "ansired",
    "span": "ansicyan",
    "here": "bold",
    "solved": "bold ansigreen",
    "shown": "ansiyellow",
    "open": "dim",
    "ended": "dim",
    "actor parent": "ansiblue",
    "actor child": "ansigreen",
    "actor PID 1": "ansimagenta",
    "actor child 2": "ansimagenta",
    "actor child 3": "ansicyan",
    "actor keeper": "ansiyellow",
    "actor command": "bold ansigreen",
}
"""What nsh says: a role, and how it looks."""

LINE = {
    "prompt": "bold ansicyan",
    "pygments.keyword": "ansigreen bold",
    "pygments.error": "ansired underline",
    "pygments.name.builtin": "ansigreen",
    "pygments.name.constant": "ansicyan",
    "pygments.name.attribute": "ansimagenta",
    "pygments.name.variable": "ansimagenta",
    "pygments.literal.number": "ansicyan",
    "pygments.literal.string": "ansimagenta",
    "pygments.operator": "bold",
    "pygments.punctuation": "bold",
    "pygments.comment": "italic",
    "auto-suggestion": "ansibrightblack italic",
}
"""The typed line; also commands inside what nsh says."""

_BAR, _CHIP, _JOINED, _TEXT, _DIM = "#263040", "#1f5f5f", "#1f5f87", "#d5dde8", "#8f9499"

SCREEN = {
    "bottom-toolbar": f"noreverse bg:{_BAR} {_TEXT}",
    "bottom-toolbar shared": _DIM,
    "bottom-toolbar bar": "#5f656c",
    "bottom-toolbar new": f"bg:{_CHIP} bold #d7ffd7",
    "bottom-toolbar joined": f"bg:{_JOINED} bold #d7ffff",
    "bottom-toolbar name": "bold #8ce99a",
    "bottom-toolbar living": "#8ce99a",
    "bottom-toolbar ok": "#8ce99a",
    "bottom-toolbar failed": "bold #ff8787",
    "bottom-toolbar step": "bg:#5f5f1f bold #ffffd7",
    "bottom-toolbar recording": "bold #ff8787",
    "bottom-toolbar goal": "bold #ffd97a",
    "completion-menu": f"bg:{_BAR} {_TEXT}",
    "completion-menu.completion": f"bg:{_BAR} {_TEXT}",
    "completion-menu.completion.current": f"noreverse bg:{_CHIP} bold #ffffff",
    "completion-menu.meta.completion": f"bg:{_BAR} {_DIM}",
    "completion-menu.meta.completion.current": f"bg:{_CHIP} {_TEXT}",
    "scrollbar.background": f"bg:{_BAR}",
    "scrollbar.button": "bg:#6c7680",
}
"""What has a background of its own."""

PLAIN_SCREEN = {
    "bottom-toolbar": "reverse",
    "bottom-toolbar new": "bold underline",
    "bottom-toolbar joined": "bold underline",
    "bottom-toolbar name": "bold",
    "bottom-toolbar failed": "bold underline",
    "bottom-toolbar step": "bold",
    "bottom-toolbar recording": "bold",
    "bottom-toolbar goal": "bold",
    "completion-menu": "reverse",
    "completion-menu.completion": "reverse",
    "completion-menu.completion.current": "noreverse bold",
    "completion-menu.meta.completion": "reverse",
    "completion-menu.meta.completion.current": "noreverse bold",
    "scrollbar.background": "reverse",
    "scrollbar.button": "noreverse",
}
"""The same without colours."""

_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_ATTRIBUTES = {"bold": "1", "dim": "2", "italic": "3", "underline": "4", "reverse": "7"}


def codes(role: str, colours: bool) -> str:
    """The parameters of SGR for a role of VOICE or LINE, "" if it looks as all else does.

    Without ``colours`` the attributes alone. See console_codes(4).

    >>> codes("call", True), codes("call", False), codes("error", False), codes("nothing", True)
    ('1;31', '1', '', '')
    """
    found = []
    for word in (VOICE.get(role) or LINE.get(role, "")).split():
        if word in _ATTRIBUTES:
            found.append(_ATTRIBUTES[word])
        elif colours and word.startswith("ansibright"):
            found.append(str(90 + _COLOURS.index(word.removeprefix("ansibright"))))
        elif colours and word.startswith("ansi"):
            found.append(str(30 + _COLOURS.index(word.removeprefix("ansi"))))
    return ";".join(found)
