"""Once: a hint about a line of the state, given where it is typed, and only where hints are on."""

from __future__ import annotations

from nsh.base import BaseShell


def hint(shell: BaseShell, name: str, text: str, fix: str) -> None:
    """Say it if hints are on and this one was not given yet.

    name  what it is called among those that were given; ``hints on`` forgets them
    fix   the line to type
    """
    if shell.hinting and name not in shell.hinted:
        shell.hinted.add(name)
        shell.error(f"hint: {text}", f"try: {fix}")
        if not shell.fixes and not shell.following:  # what an error told to try comes first
            shell.following = fix
