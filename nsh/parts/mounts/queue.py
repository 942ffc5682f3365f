"""The queue of mounts as the commands that fill it."""

from __future__ import annotations

from nsh.linux.mountflags import default_source
from nsh.state import Propagation, Umount
from nsh.words import join

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.state import Entry

MOST_LINES = 20
"""The most mounts that are listed to be typed again."""


def mount_command(entry: Entry) -> str:
    """One entry of the queue as the command that queues it.

    >>> from nsh.state import Mount
    >>> mount_command(Mount("tmpfs", "none", "/mnt", "ro")), mount_command(Umount("/mnt", lazy=True))
    ('mount tmpfs /mnt -o ro', 'umount /mnt -l')
    """
    if isinstance(entry, Umount):
        return join(["umount", entry.target, *(["-l"] if entry.lazy else [])])
    if isinstance(entry, Propagation):
        return join(["propagation", entry.kind, entry.target])
    words = [entry.fstype, entry.source, entry.target]
    if entry.source == default_source(entry.fstype) and entry.fstype not in ("bind", "rbind"):
        del words[1]
    options = ["-o", entry.options] if entry.options else []
    if any(word.startswith("-") for word in words):
        return join(["mount", *options, "--", *words])
    return join(["mount", *words, *options])


def requeue(mounts: tuple[Entry, ...], index: int, *instead: str) -> tuple[str, ...]:
    """The lines that queue all mounts again, with ``instead`` in the place of the one at ``index``.

    If they are too many to type, only the first of them.
    """
    lines = ["reset mounts"]
    if len(mounts) > MOST_LINES:
        return tuple(lines)
    for at, entry in enumerate(mounts):
        lines += instead if at == index else [mount_command(entry)]
    return tuple(lines)
