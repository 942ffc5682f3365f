"""Typed: what a typed session has beside its line editor, with prompt_toolkit or without.

The greeting, nshrc, and the plain reader for terminals that can do nothing.
"""

from __future__ import annotations

import os

from nsh import __version__
from nsh.errors import Failure
from nsh.files import behind_prompt, continuation, open_script, own_file
from nsh.linux.constants import CAP_SYS_ADMIN
from nsh.words import MORE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.shell import Shell


def start(shell: Shell, keys: bool) -> bool:
    """Greet and run nshrc. ``keys``: whether there are function keys. True if nshrc ended nsh."""
    _outlive_quit()
    if keys:
        from nsh.prompt.lexer import look

        shell.lexed = look  # type: ignore[method-assign]
    for text in greeting(shell, keys):
        before, colon, line = text.rpartition(": ")
        shell.message([("", before + colon), *(shell.lexed(line) if colon else [("", line)])])
    return source_nshrc(shell)


def _outlive_quit() -> None:
    """Let Ctrl-\\ during a run end the command and not nsh, as every interactive shell does."""
    import signal

    # A handler, and not SIG_IGN, which the commands would inherit.
    if signal.getsignal(signal.SIGQUIT) == signal.SIG_DFL:
        signal.signal(signal.SIGQUIT, lambda *_: None)


def greeting(shell: Shell, keys: bool) -> list[str]:
    """What to type first, and, without the right to make namespaces, how to get it.

    Who was in a lesson is told how to go on with it. In a lesson, which has said what to do, nothing.
    """
    if shell.lesson_goal:
        return []
    names = shell.command_names()
    first = "lesson lists the course" if "lesson" in names else "help lists the commands"
    able = shell.host.can(CAP_SYS_ADMIN)
    flags = "flags +uts" if able else "flags +user +uts; map root"
    lines = [
        f"nsh {__version__}. To begin: {flags}; hostname box; run hostname",
        f"{first}{', F1 explains, F2 shows the system calls' if keys else ''}; Ctrl-D leaves.",
    ]
    if not able:
        who = shell.host.user or f"uid {shell.host.uid}"
        why = "not root" if shell.host.uid else "root without CAP_SYS_ADMIN"
        lines += [
            f"You are {who}, {why}: you get namespaces only with a new user namespace,",
            "in which you are root. So type first: flags +user; map root",
        ]
        shell.fixes = ("flags +user; map root",)
    last = shell.last_step()
    if last is not None:
        line, where = last
        lines.append(f"You were in {where}: {line} goes on.")
        shell.fixes = (line,)
    return lines


def source_nshrc(shell: Shell) -> bool:
    """Run the lines of nshrc, if there is one. True if one of them ended nsh."""
    path = own_file(shell.host.environ, "XDG_CONFIG_HOME", ".config", "nshrc")
    if not os.path.lexists(path):
        return False
    fixes = shell.fixes
    ended = False
    try:
        ended = shell.run_script(open_script(path), path)
    except Failure as failure:
        shell.explain_failure(failure.why, [f"!ls -l {path}"])
    except KeyboardInterrupt:
        shell.message("")
    shell.where = ""
    shell.fixes = shell.fixes or fixes
    # What nshrc did is where the session starts: nothing of it to undo, none of it typed.
    shell.past.clear()
    shell.lines.clear()
    if not ended:
        shell.status = 0
    return ended


def plain_loop(shell: Shell) -> None:
    """Read lines without any editing but the terminal's own, and run them."""
    parts = ""
    while True:
        for text in shell.look_after():
            shell.message(text)
        try:
            line = parts + input(MORE if parts else shell.prompt)
            if not parts and (typed := behind_prompt(line)) is not None:
                line = typed
        except EOFError:
            shell.message("")
            return
        except KeyboardInterrupt:
            shell.message("")
            parts = ""
            continue
        if more := continuation(line):
            parts = more[0]
            continue
        parts = ""
        if run_typed(shell, line):
            return


def run_typed(shell: Shell, line: str) -> bool:
    """Run a typed line; Ctrl-C while nsh itself works ends the line. True if nsh is to end."""
    try:
        return shell.run_line(line)
    except KeyboardInterrupt:
        shell.status = 130
        shell.message("")
        shell.show_status(130)
        return False
