"""Said: what a lesson says of a step, as text with roles."""

from __future__ import annotations

import os

from nsh.voice.text import prose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nsh.course.lesson import Step
    from nsh.voice.text import Fragment

_WIDTH = 80


def task(
    step: Step, number: int, steps: int, lexed: Callable[[str], list[Fragment]]
) -> list[Fragment]:
    """A step with its number: the title, what is to be done, and what is done already."""
    text: list[Fragment] = [("title", f"Step {number} of {steps}: {step.title}\n\n")]
    text += prose(step.task, lexed)
    if step.setup:
        text += [("", "\n\n"), *done_for_you(step.setup, lexed)]
    return text


def explanation(
    role: str, before: str, step: Step, lexed: Callable[[str], list[Fragment]]
) -> list[Fragment]:
    """What is said after a step: ``before`` it, such as Reached, its title and its explanation."""
    title = f"{before}: {step.title}\n\n"
    return [(role, title), *prose(step.explanation, lexed), ("", "\n")]


def fits(text: str) -> bool:
    """Whether a text and the prompt below it fit the terminal, 80x24 where there is none."""
    from nsh.voice import pager

    try:
        columns, rows = os.get_terminal_size(1)
    except OSError:
        columns, rows = 80, 24
    return pager.fits(text, columns, rows)


def done_for_you(setup: tuple[str, ...], lexed: Callable[[str], list[Fragment]]) -> list[Fragment]:
    """The lines of a setup for a reader, broken between two of them.

    >>> said = done_for_you(("flags +uts", "hostname box"), lambda line: [("", line)])
    >>> "".join([piece for _, piece in said])
    'Done for you: flags +uts; hostname box'
    """
    found: list[Fragment] = [("label", "Done for you:")]
    column = len("Done for you:")
    for number, text in enumerate(setup, 1):
        end = "" if number == len(setup) else ";"
        if column + 1 + len(text + end) > _WIDTH and number > 1:
            found.append(("", "\n "))
            column = 1
        found += [("", " "), *lexed(text), ("", end)]
        column += 1 + len(text + end)
    return found
