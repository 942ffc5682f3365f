"""Around: the user namespace that a run is in before it makes a new one, if that is a joined one.

There nsh's ids are others, its rights are all, and its maps were written long ago.
"""

from __future__ import annotations

from nsh.host import Host
from nsh.linux.attempts import maps_inside
from nsh.linux.constants import NOBODY
from nsh.linux.idmaps import Range, parse_map
from nsh.linux.procfs import read_text
from nsh.parts.join.own import joined, one_inside
from nsh.parts.join.targets import Target
from nsh.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.linux.idmaps import Subordinate

FILES = ("uid_map", "gid_map", "setgroups")


class Around(Host):
    """The facts about this process as they are in a joined user namespace.

    uid, gid   its ids there, NOBODY where they are not mapped
    is_mapped  whether both are
    denied     whether setgroups(2) is denied there
    """

    is_around = True

    def __init__(self, host: Host, target: Target) -> None:
        super().__init__()
        self.__dict__.update(host.__dict__)
        self.target = target
        texts = self._texts()
        self._maps = {kind: parse_map(texts.get(f"{kind}_map", "")) for kind in ("uid", "gid")}
        self.denied = texts.get("setgroups", "").strip() == "deny"
        uid, gid = self._inside("uid", host.uid), self._inside("gid", host.gid)
        self.is_mapped = None not in (uid, gid)
        self.uid = NOBODY if uid is None else uid
        self.gid = NOBODY if gid is None else gid
        self._capabilities = (1 << 64) - 1

    def _texts(self) -> dict[str, str]:
        pid = one_inside(self.target, "user", self)
        if pid:
            return {name: read_text(f"/proc/{pid}/{name}") or "" for name in FILES}
        held = self.pins.get(self.target.name, {}).get("user", -1)
        return maps_inside(self.target.path or held, FILES)

    def _inside(self, kind: str, outside: int) -> int | None:
        for each in self._maps[kind]:
            if each.has_outside(outside):
                return each.inside + outside - each.outside
        return None

    @property
    def in_first_userns(self) -> bool:
        """It is another one."""
        return False

    def owned_ranges(self, kind: str) -> tuple[Range, ...]:
        """The ids that there are."""
        return self._maps[kind]

    def subordinate(self, kind: str) -> tuple[Subordinate, ...]:
        """None: the ids of subuid(5) are those of nsh's own user namespace."""
        return ()


def around(state: State, host: Host) -> Host:
    """The facts as they are where a run makes its new user namespace. Raises Refusal."""
    if not state.joins:
        return host
    target = joined(state, host).get("user")
    return host if target is None else Around(host, target)
