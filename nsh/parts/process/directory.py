"""Why the directory was not entered. See chdir(2)."""

from __future__ import annotations

import errno
import os

from nsh.parts.facts import closed, make, may_make
from nsh.parts.mounts.places import places_of
from nsh.parts.part import Diagnosis, FailedCall
from nsh.words import join


def chdir(failed: FailedCall) -> Diagnosis | None:
    """Why the directory was not entered."""
    path, error = str(failed.call.args[0]), failed.error
    places = places_of(failed.state, failed.host, failed.state.mounts)
    at = places.of(path)
    over, place = at.over, at.host
    if error == errno.ENOENT:
        if over is not None and place is None:
            return Diagnosis(
                f"there is no {path} inside: your {over.fstype} on {over.target} covers what was there",
                join(["cd", over.target]),
            )
        place = place or places.top + path
        if may_make(place):
            return Diagnosis(f"there is no directory {path}", make(place))
        return Diagnosis(f"there is no directory {path}", "cd /")
    if error == errno.ENOTDIR:
        return Diagnosis(
            f"{path} is not a directory, and only a directory can be entered",
            join(["cd", os.path.dirname(path) or "/"])
            if os.path.isfile(place or places.top + path)
            else "cd /",
        )
    if error == errno.EACCES:
        found = closed(places.of(os.path.join(path, "x")).host, failed.state, failed.host)
        if found is not None:
            return Diagnosis(found.cause, *(found.fixes or ["cd /"]))
        return Diagnosis(f"this user may not enter {path}", "cd /")
    return None
