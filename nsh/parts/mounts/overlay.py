"""Why an overlay was not mounted: the directories that its options name.

See mount(8), Mount options for overlay, and the kernel's Documentation/filesystems/overlayfs.rst.
"""

from __future__ import annotations

import errno
import os

from nsh.parts.facts import make, may_make, spare
from nsh.parts.mounts.failed import FailedMount
from nsh.parts.part import Diagnosis
from nsh.words import join


def lacking(failed: FailedMount) -> Diagnosis | None:
    """What its directories lack, None if nothing that can be seen."""
    if failed.error not in (errno.ENOENT, errno.EINVAL, errno.ENOTDIR):
        return None
    given = dict([option.partition("=")[::2] for option in failed.data.split(",")])
    lower = [path for path in given.get("lowerdir", "").split(":") if path]
    upper, work = given.get("upperdir", ""), given.get("workdir", "")
    if not lower:
        return Diagnosis(
            "overlay lays directories over each other and must be told which: lowerdir=TOP:BELOW",
            *failed.instead(join(["mount", "overlay", failed.target, "-o", "lowerdir=/etc:/usr"])),
        )
    for path in [*lower, *[path for path in (upper, work) if path]]:
        if os.path.isdir(path):
            continue
        if os.path.lexists(path):
            return Diagnosis(
                f"{path} is no directory, and overlay lays directories over each other",
                *failed.instead(),
            )
        fixes = [make(path)] if may_make(path) else failed.instead()
        return Diagnosis(f"there is no directory {path} for the overlay", *fixes)
    if not upper and not work and len(lower) == 1:
        return Diagnosis(
            f"an overlay takes two directories at least, and there is only {lower[0]}; alone, a"
            " read-only bind shows the same",
            *failed.instead(
                join(["mount", "bind", os.path.abspath(lower[0]), failed.target, "-o", "ro"])
            ),
        )
    if not upper or not work or os.stat(upper).st_dev != os.stat(work).st_dev:
        return _no_pair(failed, upper, work)
    return None


def _no_pair(failed: FailedMount, upper: str, work: str) -> Diagnosis:
    assert failed.entry is not None
    lacks = "workdir" if upper else "upperdir"
    had = os.path.abspath(upper or work)
    new = f"{had}.{lacks.removesuffix('dir')}"
    if os.path.lexists(new) or not may_make(new):
        new = spare(new)
    kept = [o for o in failed.entry.options.split(",") if not o.startswith(f"{lacks}=")]
    why = (
        f"workdir {work} is on another file system than upperdir {upper}, and files move from one to"
        " the other"
        if upper and work
        else f"{'upperdir' if upper else 'workdir'} means nothing without {lacks}, a directory on the"
        " same file system"
    )
    return Diagnosis(
        why,
        make(new),
        *failed.instead(failed.with_(options=",".join([*kept, f"{lacks}={new}"]))),
    )
