"""Why the propagation of one mount was not set. See mount(2), mount_namespaces(7)."""

from __future__ import annotations

import errno

from nsh.parts.facts import closed
from nsh.parts.ids.nested import above_joined
from nsh.parts.mounts.failed import FailedMount
from nsh.parts.mounts.queue import mount_command
from nsh.parts.part import Diagnosis
from nsh.words import join


def not_set(failed: FailedMount) -> Diagnosis | None:
    """Why it was not set, None if nothing that is looked at tells."""
    target = failed.target
    match failed.error:
        case errno.ENOENT | errno.ENOTDIR:
            return Diagnosis(
                f"there is no {target}, and propagation is set of what is mounted",
                *failed.instead(),
            )
        case errno.EINVAL:
            return Diagnosis(
                f"{target} is no mount point, and only a mount has propagation; bound on itself it"
                " is one",
                *failed.instead(
                    join(["mount", "bind", target, target]),
                    mount_command(failed.state.mounts[failed.index]),
                ),
            )
        case errno.EPERM | errno.EACCES:
            if above := above_joined("mnt", failed.state, failed.host):
                return above
            found = closed(failed.places.of(target).host, failed.state, failed.host)
            if found is not None:
                return Diagnosis(found.cause, *(found.fixes or failed.instead()))
    return None
