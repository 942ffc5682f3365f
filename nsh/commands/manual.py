"""The manual: the docstrings of the commands, in the groups and the order in which they are taught.

Beside them stand the pages, Markdown files that are installed with nsh: what is about no one command.
"""

from __future__ import annotations

import functools

from nsh.base import BaseShell
from nsh.errors import Usage, closest
from nsh.words import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import ClassVar

    from nsh.offers import Item

GROUPS = ("Running", "State", "Children", "Looking", "Learning", "Going back", "The rest")
"""The headings of `help`, in their order. A class of commands names its own in ``group``."""

ALSO = {"host": "host or !", "quit": "quit or exit"}
"""What the list of commands says for those that have a second name."""

PAGES = (
    "prompt",
    "commands",
    "runs",
    "scripts",
    "transcripts",
    "lessons",
    "teachers",
    "limits",
    "speed",
)
"""The pages, ``nsh/pages/NAME.md``, in the order of `help`. No command has the name of one."""


class ManualCommands(BaseShell):
    """help, set and quit."""

    group = "The rest"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"set": ("editing-mode", "emacs", "vi")}

    def do_help(self, line: str) -> None:
        """help [COMMAND|PAGE]

        The commands in the order to learn them in, the manual of one, or a page.

        The pages are about more than one command: the keys of the prompt, what a run
        does, scripts, transcripts, writing lessons. help alone ends with their names.

            help runs
        """
        match self.words(line, at_most=1):
            case []:
                self.page(self.voiced(overview(self)))
            case ["!"]:
                self._manual("host")
            case ["?"]:
                self._manual("help")
            case [name] if name in self.command_names():
                self._manual(name)
            case [name] if name in PAGES:
                from nsh.show.markdown import rendered

                self.page(self.voiced(rendered(read_page(name))))
            case [name]:
                close = closest(name, [*self.command_names(), *PAGES])
                raise Usage(f"there is no command {name}", f"help {close}".rstrip())

    def _manual(self, name: str) -> None:
        usage, _, text = page_of(self, name).partition("\n")
        self.page([("heading", usage + "\n"), *self.voiced(text)])

    def complete_help(self, before: list[str], word: str) -> Iterable[Item]:  # type: ignore[override]
        """The commands and the pages."""
        if not before:
            yield from offered(self)
            yield from [(name, f"page: {page_title(name)}") for name in PAGES]

    def do_set(self, line: str) -> None:
        """set [editing-mode emacs|vi]

        How the prompt behaves. Without arguments, show it.

        To keep it, write the line into $XDG_CONFIG_HOME/nsh/nshrc, which is
        ~/.config/nsh/nshrc by default: its lines run when the prompt starts.
        """
        match self.words(line, at_most=2):
            case []:
                for name, value in self.settings.items():
                    self.message(f"set {name} {value}")
            case ["editing-mode", "emacs" | "vi" as mode]:
                self.settings["editing-mode"] = mode
            case ["editing-mode", word]:
                raise Usage(f"{word!r} is no editing mode", "set editing-mode vi")
            case ["editing-mode"]:
                raise Usage("editing-mode is followed by emacs or vi")
            case [name, *_]:
                raise Usage(f"there is nothing called {name!r} to set", "help set")

    def complete_set(self, before: list[str], word: str) -> Iterable[Item]:
        """What there is to set, and to what."""
        if not before:
            yield "editing-mode", f"the keys of the prompt; now {self.settings['editing-mode']}"
        elif before == ["editing-mode"]:
            yield "emacs", "Ctrl-A, Ctrl-E, Ctrl-R, Alt-F as in bash"
            yield "vi", "Escape, then the commands of vi"

    def do_quit(self, line: str) -> bool:
        """quit [STATUS]  (or exit, or end of file)

        Leave nsh, with the status of the last command or with STATUS.
        """
        match self.words(line, at_most=1):
            case []:
                self.status = self.last_status
            case [word]:
                status = number(word, 255)
                if status is None:
                    raise Usage(f"{word!r} is no status: a number from 0 to 255")
                self.status = status
        return True

    do_exit = do_quit


def groups(shell: type[BaseShell]) -> dict[str, list[str]]:
    """The commands of a shell by group, in the order in which their classes define them.

    A class comes after those of its group that it is built on. A second name of a command
    (``do_exit = do_quit``) is not listed.
    """

    def below(kind: type) -> int:
        bases = [getattr(base, "group", "") for base in kind.__mro__[1:]]
        return bases.count(getattr(kind, "group", ""))

    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for kind in sorted(shell.__mro__, key=below):
        for name, method in vars(kind).items():
            if name.startswith("do_") and method.__name__ == name and kind is not BaseShell:
                taught = found[getattr(kind, "group", "") or GROUPS[-1]]
                if name[3:] not in taught:
                    taught.append(name[3:])
    return found


def offered(shell: BaseShell) -> list[Item]:
    """The commands in the order of `help`, and what each does: what completion proposes."""
    taught = [name for names in groups(type(shell)).values() for name in names]
    others = [name for name in shell.command_names() if name not in taught]
    return [(name, summary_of(shell, name)) for name in [*taught, *others]]


def page_of(shell: BaseShell, name: str) -> str:
    """The manual page of a command: its docstring."""
    import inspect

    return inspect.cleandoc(getattr(shell, "do_" + name).__doc__ or name)


@functools.cache
def read_page(name: str) -> str:
    """The Markdown of one of the PAGES. Raises OSError."""
    import os

    place = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "pages")
    with open(os.path.join(place, f"{name}.md"), encoding="utf-8") as file:
        return file.read()


def page_title(name: str) -> str:
    """What a page is about: what stands behind its name in its heading, ``# NAME: TITLE``."""
    return read_page(name).partition("\n")[0].partition(": ")[2]


def overview(shell: BaseShell) -> str:
    """All commands in the order in which they are taught, each with its first sentence; the pages."""
    import textwrap

    lines: list[str] = []
    for group, names in groups(type(shell)).items():
        lines.append(group)
        for name in names:
            first = f"  {ALSO.get(name, name):<13}"
            summary = summary_of(shell, name)
            lines += textwrap.wrap(summary, 80, initial_indent=first, subsequent_indent=15 * " ")
    lines.append(
        "A # starts a comment, a ; separates commands, a \\ at the end continues the line."
    )
    lines.append("help COMMAND says more.")
    lines += textwrap.wrap(f"Pages, for help PAGE: {', '.join(PAGES)}.", 80)
    return "\n".join(lines)


def summary_of(shell: BaseShell, name: str) -> str:
    """The first sentence of a command's manual, without what it adds after a colon or semicolon."""
    text = " ".join(page_of(shell, name).partition("\n\n")[2].partition("\n\n")[0].split())
    ends = [at for at in (text.find(". "), text.find("; "), text.find(": ")) if at > 0]
    return text[: min(ends, default=len(text))].rstrip(".")
