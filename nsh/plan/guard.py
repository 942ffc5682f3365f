"""Guard: each part is asked whether a run would reach the host, before anything is forked."""

from __future__ import annotations

from nsh.host import Host
from nsh.parts.table import GUARDS
from nsh.state import State


def check(state: State, host: Host) -> None:
    """Raise Refusal if a run of this state would change the host."""
    for guard in GUARDS:
        guard(state, host)
