"""Host: the facts about this process and machine that a plan and a diagnosis depend on.

Everything here only reads: /proc, /etc/subuid, /etc/subgid, the environment. A plan stays pure
because these facts are handed to it.
"""

from __future__ import annotations

import os

from nsh.call import Environment
from nsh.linux.constants import ALL_IDS, CAP_SYS_ADMIN
from nsh.linux.idmaps import Range, parse_map, subordinate_ranges
from nsh.linux.procfs import has_proc, hierarchies, is_foreign, own_status, read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nsh.linux.idmaps import Subordinate
    from nsh.state import Variable


class Host:
    """Facts, each looked up when first asked for and then kept.

    uid, gid     effective ids of nsh
    environ      the environment nsh was started with, name to value
    cwd          nsh's working directory
    living       the children that stay: name to process id
    stepped      the newest process of the run that is being stepped through, 0 if there is none
    pins         descriptors of the namespaces of pinned children: name to kind to descriptor
    is_around    whether these are the facts of a joined user namespace, not of nsh's own
    made         the namespaces that were made for children, of those that live or are pinned: name
                 of the child to kind to the text of its link in /proc/PID/ns
    """

    is_around = False

    def __init__(self) -> None:
        self.uid = os.geteuid()
        self.gid = os.getegid()
        self.environ = dict(os.environ)
        self.living: dict[str, int] = {}
        self.stepped = 0
        self.pins: dict[str, dict[str, int]] = {}
        self.made: dict[str, dict[str, str]] = {}
        self._without_coercion()
        self._capabilities: int | None = None
        self._environments: dict[tuple[Variable, ...], Environment] = {}

    def _without_coercion(self) -> None:
        # In the C locale Python itself sets LC_CTYPE in the environment (PEP 538); a child must get
        # what nsh was given.
        if self.environ.get("LC_CTYPE") == "C.UTF-8":
            given = read_text("/proc/self/environ")
            for pair in ["LC_CTYPE=C.UTF-8"] if given is None else given.split("\0"):
                if pair.startswith("LC_CTYPE="):
                    self.environ["LC_CTYPE"] = pair.removeprefix("LC_CTYPE=")
                    return
            del self.environ["LC_CTYPE"]

    @property
    def capabilities(self) -> int:
        """The effective capabilities as a bit set. See capabilities(7)."""
        if self._capabilities is None:
            self._capabilities = int(own_status("CapEff") or "0", 16)
        return self._capabilities

    def can(self, capability: int) -> bool:
        """Whether nsh has that capability in its own user namespace."""
        return bool(self.capabilities >> capability & 1)

    @property
    def is_privileged(self) -> bool:
        """Whether nsh has CAP_SYS_ADMIN; without /proc to look at, root is taken to have it."""
        return self.can(CAP_SYS_ADMIN) or (not has_proc() and self.uid == 0)

    @property
    def in_first_userns(self) -> bool:
        """Whether nsh runs in the initial user namespace, as far as its uid_map tells."""
        return self.owned_ranges("uid") == (Range(0, 0, ALL_IDS),)

    @property
    def sets_by_pidfd(self) -> bool:
        """Whether setns(2) takes a pidfd and several kinds at once: since Linux 5.8."""
        major, minor = os.uname().release.split(".")[:2]
        return (int(major), int("".join([c for c in minor if c.isdigit()]) or "0")) >= (5, 8)

    def environment(self, changes: tuple[Variable, ...]) -> Environment:
        """nsh's own environment with the changes made.

        The same changes give the same object, so that a launch can keep its encoded form.
        """
        found = self._environments.get(changes)
        if found is None:
            environ = dict(self.environ)
            for change in changes:
                environ.pop(change.name, None)
                if change.value is not None:
                    environ[change.name] = change.value
            found = Environment([f"{name}={value}" for name, value in environ.items()])
            self._environments = {changes: found}
        return found

    def use_environ(self, environ: dict[str, str]) -> None:
        """Give commands this environment from now on, in the place of nsh's own."""
        self.environ = environ
        self._environments = {}

    @property
    def cwd(self) -> str:
        """nsh's working directory, "/" if it has been removed."""
        try:
            return os.getcwd()
        except OSError:
            return "/"

    def real_path(self, path: str) -> str:
        """The path with its symbolic links followed, as far as they can be. See realpath(3)."""
        try:
            return os.path.realpath(path)
        except OSError:  # a link that may not be read, such as /proc/1/root
            return os.path.abspath(path)

    @property
    def user(self) -> str:
        """The name of the user, "" if the user database does not know the uid."""
        import pwd

        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return ""

    def subordinate(self, kind: str) -> tuple[Subordinate, ...]:
        """The user's ranges in /etc/subuid (kind "uid") or /etc/subgid ("gid")."""
        return subordinate_ranges(read_text(f"/etc/sub{kind}") or "", self.user, self.uid)

    def first_executable(self, files: list[str]) -> str:
        """The first of these files that can be executed here, the last if none can."""
        return next((path for path in files if os.access(path, os.X_OK)), files[-1])

    @property
    def foreign_proc(self) -> bool:
        """Whether /proc shows another pid namespace than the one nsh is in. See pid_namespaces(7)."""
        return is_foreign()

    def hierarchies(self) -> list[set[str]]:
        """The cgroup hierarchies of version 1 that there are, by their mount options. See cgroups(7)."""
        return hierarchies()

    def owned_ranges(self, kind: str) -> tuple[Range, ...]:
        """This process's own uid_map or gid_map. See user_namespaces(7)."""
        return parse_map(read_text(f"/proc/self/{kind}_map") or "")

    def shared_mounts(self) -> list[str] | None:
        """The mount points here that propagate to peers, None if that cannot be read."""
        from nsh.linux.mountinfo import parse

        text = read_text("/proc/self/mountinfo")
        return None if text is None else [mount.point for mount in parse(text) if mount.is_shared]
