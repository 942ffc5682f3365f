"""Offers: what completion proposes for paths and programs, as (text, what it is) pairs.

What a command takes is said beside the command; how the pairs are cut, ranked and shown is the
prompt's business.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Item = tuple[str, str]
    """A text, and in one line what it is."""

MAX_ENTRIES = 10_000
"""Of a larger directory only so many names are offered."""


def paths(here: str, word: str, *, only_directories: bool = False) -> Iterator[Item]:
    """The paths that the word may become, seen from the directory ``here``."""
    head, _, last = word.rpartition("/")
    head += "/" if "/" in word else ""
    directory = os.path.join(here, head)
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.startswith(".") and not last.startswith("."):
                    continue
                try:
                    is_directory = entry.is_dir()
                except OSError:
                    is_directory = False
                if is_directory:
                    found.append((head + entry.name + "/", "directory"))
                elif not only_directories:
                    found.append((head + entry.name, "link" if entry.is_symlink() else "file"))
                if len(found) >= MAX_ENTRIES:
                    break
    except (OSError, ValueError):
        return
    found.sort()
    yield from found


_programs: dict[str, tuple[int, list[str]]] = {}


def programs(path: str) -> Iterator[Item]:
    """The programs in the directories of a PATH; the first of a name counts, as for execvp(3).

    The names in a directory are kept until its modification time changes.
    """
    seen = set()
    for directory in path.split(":"):
        for name in _programs_in(directory or "."):
            if name not in seen:
                seen.add(name)
                yield name, directory or "."


def _programs_in(directory: str) -> list[str]:
    try:
        changed = os.stat(directory).st_mtime_ns
        known = _programs.get(directory)
        if known is not None and known[0] == changed:
            return known[1]
        with os.scandir(directory) as entries:
            names = sorted(
                [
                    entry.name
                    for entry in entries
                    if os.access(entry.path, os.X_OK) and not entry.is_dir()
                ]
            )
    except OSError:
        return []
    _programs[directory] = (changed, names)
    return names


def transcripts(here: str, word: str, endings: tuple[str, ...]) -> Iterator[Item]:
    """The directories, and the files with one of these endings, that the word may become."""
    for path, about in paths(here, word):
        if path.endswith(("/", *endings)):
            yield path, about
