"""What hints have told: on standard error, each with the lines to try below it."""

from __future__ import annotations

import re


def hints(stderr: str) -> list[str]:
    """The texts of the hints."""
    return re.findall(r"^nsh: (?:\S+: )?hint: (.*)$", stderr, re.MULTILINE)


def fixes(stderr: str) -> list[str]:
    """The lines that they told to try."""
    return re.findall(r"^nsh: (?:\S+: )?try: (.*)$", stderr, re.MULTILINE)
