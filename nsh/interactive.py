"""Interactive: what a typed session has beside its line editor, with prompt_toolkit or without.

The greeting, nshrc, the pager, and the plain reader for terminals that can do nothing.
"""

from __future__ import annotations

import os
import sys

from nsh import __version__
from nsh.core import MORE, Failure
from nsh.host import CAP_SYS_ADMIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.shell import Shell


def is_dumb(environ: dict[str, str]) -> bool:
    """Whether the terminal cannot move its cursor, as TERM says."""
    return environ.get("TERM", "") in ("", "dumb", "unknown")


def directory(environ: dict[str, str], variable: str, default: str) -> str:
    """nsh's own directory under an XDG base directory; a relative one counts as not set."""
    base = environ.get(variable, "")
    if not base.startswith("/"):
        home = environ.get("HOME", "")
        base = os.path.join(home if home.startswith("/") else "/", default)
    return os.path.join(base, "nsh")


def start(shell: Shell, keys: bool) -> bool:
    """Greet and run nshrc. ``keys``: whether there are function keys. True if nshrc ended nsh."""
    _outlive_quit()
    for text in greeting(shell, keys):
        shell.message(text)
    return source_nshrc(shell)


def _outlive_quit() -> None:
    """Let Ctrl-\\ during a run end the command and not nsh, as every interactive shell does."""
    import signal

    # A handler, and not SIG_IGN, which the commands would inherit.
    if signal.getsignal(signal.SIGQUIT) == signal.SIG_DFL:
        signal.signal(signal.SIGQUIT, lambda *_: None)


def greeting(shell: Shell, keys: bool) -> list[str]:
    """What to type first, and, without the right to make namespaces, how to get it."""
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
        shell.mends = ("flags +user; map root",)
    return lines


def source_nshrc(shell: Shell) -> bool:
    """Run the lines of nshrc, if there is one. True if one of them ended nsh."""
    path = os.path.join(directory(shell.host.environ, "XDG_CONFIG_HOME", ".config"), "nshrc")
    if not os.path.lexists(path):
        return False
    from nsh.files import open_script

    mends = shell.mends
    ended = False
    try:
        ended = shell.run_script(open_script(path), path)
    except Failure as failure:
        shell.explain_failure(failure.why, [f"!ls -l {path}"])
    except KeyboardInterrupt:
        shell.message("")
    shell.where = ""
    shell.mends = shell.mends or mends
    # What nshrc did is where the session starts: nothing of it to undo, none of it typed.
    shell.past.clear()
    shell.lines.clear()
    if not ended:
        shell.status = 0
    return ended


def plain_loop(shell: Shell) -> None:
    """Read lines without any editing but the terminal's own, and run them."""
    from nsh.words import continues

    parts = ""
    while True:
        try:
            line = parts + input(MORE if parts else shell.prompt)
        except EOFError:
            shell.message("")
            return
        except KeyboardInterrupt:
            shell.message("")
            parts = ""
            continue
        if continues(line):
            parts = line[:-1]
            continue
        parts = ""
        if run_typed(shell, line):
            return


def run_typed(shell: Shell, line: str) -> bool:
    """Run a typed line; Ctrl-C while nsh itself works ends the line. True if nsh shall end."""
    try:
        return shell.run_line(line)
    except KeyboardInterrupt:
        shell.status = 130
        shell.message("")
        shell.after_command()
        return False


def page(text: str) -> bool:
    """Show a text in the pager, if the terminal is too small for it. False if it still is to show.

    $PAGER, or less -RX, which leaves the text on the screen. See less(1).
    """
    environ = os.environ
    if not (os.isatty(0) and os.isatty(1)) or is_dumb(dict(environ)):
        return False
    columns, rows = os.get_terminal_size(1)
    height = sum([1 + max(0, len(line) - 1) // max(1, columns) for line in text.split("\n")])
    pager = environ.get("PAGER", "less -RX")
    if height < rows or not pager.strip():
        return False
    import shutil
    import signal
    import subprocess

    if shutil.which(pager.split()[0]) is None:
        return False
    # Ctrl-C is the pager's. A handler, and not SIG_IGN, which the pager would inherit.
    old = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen(["/bin/sh", "-c", pager], stdin=subprocess.PIPE) as process:
            assert process.stdin is not None
            try:
                process.stdin.write(text.encode(errors="surrogateescape") + b"\n")
                process.stdin.close()
            except BrokenPipeError:
                pass  # left before the end
            process.wait()
    except OSError:
        return False
    finally:
        signal.signal(signal.SIGINT, old)
        sys.stdout.flush()
    return process.returncode not in (126, 127)
