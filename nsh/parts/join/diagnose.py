"""Why a namespace was not joined: pidfd_open, openat and setns. See their manual pages."""

from __future__ import annotations

from nsh.parts.part import Diagnosis, FailedCall


def diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why a namespace was not joined."""
    return None
