"""Pods: the hint for who joins namespaces and gets new ones all the same."""

from __future__ import annotations

from nsh.teach.hints import Hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from nsh.state import State

_HIDES = ("net", "uts", "ipc", "cgroup", "time")
"""The kinds of which who joins wants that very one; a new mnt, pid or user on top is often meant."""


def on_top(state: State, joined: Collection[str], given: Collection[str] = ()) -> Hint | None:
    """The hint that joined namespaces call for of which a run gets new ones all the same; or None.

    >>> from nsh.state import State
    >>> on_top(State(flags=("net", "pid")), ("net", "uts"))
    <Hint on top>
    """
    both = [kind for kind in state.flags if kind in joined and kind in _HIDES]
    if not both or "on top" in given:
        return None
    news = " ".join([f"+{kind}" for kind in both])
    return Hint(
        "on top",
        f"{news}: new ones are made on top of what is joined, so the command is in these and in"
        " none of the joined ones",
        "flags " + " ".join([f"-{kind}" for kind in both]),
    )
