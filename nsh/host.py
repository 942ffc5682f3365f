"""Host: the facts about this process and machine that a plan and a diagnosis depend on.

Everything here only reads: /proc, /etc/subuid, /etc/subgid, the environment. A plan stays pure
because these facts are handed to it.
"""

from __future__ import annotations

import os

from nsh.state import Range

CAP_SETGID = 6
CAP_SETUID = 7
CAP_SYS_CHROOT = 18
CAP_SYS_ADMIN = 21


def read_text(path: str) -> str | None:
    """The text of a (small, kernel-made) file, or None if it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        parts = []
        while part := os.read(fd, 65536):
            parts.append(part)
        return os.fsdecode(b"".join(parts))
    except OSError:
        return None
    finally:
        os.close(fd)


def status_field(status: str, field: str) -> str:
    """One field of the text of /proc/PID/status, "" if it is not there. See proc(5)."""
    for line in status.splitlines():
        if line.startswith(field + ":"):
            return line[len(field) + 1 :].strip()
    return ""


def subordinate_ranges(text: str, user: str, uid: int) -> tuple[tuple[int, int], ...]:
    """The (first id, count) pairs that belong to a user in the text of subuid(5) or subgid(5).

    >>> subordinate_ranges("ann:100000:65536\\nbob:1:2\\n", "ann", 1000)
    ((100000, 65536),)
    """
    found = []
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 3 and fields[0] in (user, str(uid)):
            try:
                found.append((int(fields[1]), int(fields[2])))
            except ValueError:
                continue
    return tuple(found)


def real_path(path: str) -> str:
    """The path with its symbolic links followed, as far as they can be. See realpath(3)."""
    try:
        return os.path.realpath(path)
    except OSError:  # a link that may not be read, such as /proc/1/root
        return os.path.abspath(path)


class Environment(tuple[str, ...]):
    """The environment of a command: ``NAME=VALUE`` strings, as execve(2) takes them."""

    __slots__ = ()


class Host:
    """Facts, each looked up when first asked for and then kept.

    uid, gid     effective ids of nsh
    environ      the environment nsh was started with, name to value
    cwd          nsh's working directory
    """

    def __init__(self) -> None:
        self.uid = os.geteuid()
        self.gid = os.getegid()
        self.environ = dict(os.environ)
        self._without_coercion()
        self._capabilities: int | None = None
        self._environments: dict[tuple[tuple[str, str | None], ...], Environment] = {}

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
            field = status_field(read_text("/proc/self/status") or "", "CapEff")
            self._capabilities = int(field or "0", 16)
        return self._capabilities

    def can(self, capability: int) -> bool:
        """Whether nsh has that capability in its own user namespace."""
        return bool(self.capabilities >> capability & 1)

    def environment(self, changes: tuple[tuple[str, str | None], ...]) -> Environment:
        """nsh's own environment with the changes made: (name, value) sets, (name, None) unsets.

        The same changes give the same object, so that a launch can keep its encoded form.
        """
        found = self._environments.get(changes)
        if found is None:
            environ = dict(self.environ)
            for name, value in changes:
                environ.pop(name, None)
                if value is not None:
                    environ[name] = value
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
        return real_path(path)

    @property
    def user(self) -> str:
        """The name of the user, "" if the user database does not know the uid."""
        import pwd

        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return ""

    def subordinate(self, kind: str) -> tuple[tuple[int, int], ...]:
        """The user's ranges in /etc/subuid (kind "uid") or /etc/subgid ("gid")."""
        return subordinate_ranges(read_text(f"/etc/sub{kind}") or "", self.user, self.uid)

    def find(self, candidates: list[str]) -> str:
        """The first of these files that can be executed here, the last if none can."""
        return next((path for path in candidates if os.access(path, os.X_OK)), candidates[-1])

    @property
    def foreign_proc(self) -> bool:
        """Whether /proc shows another pid namespace than the one nsh is in. See pid_namespaces(7)."""
        try:
            return os.readlink("/proc/self") != str(os.getpid())
        except OSError:  # no /proc at all, or one that nsh is not in
            return os.path.islink("/proc/self")

    def hierarchies(self) -> list[set[str]]:
        """The cgroup hierarchies of version 1 that there are, by their mount options. See cgroups(7)."""
        lines = (read_text("/proc/self/cgroup") or "").splitlines()
        return [set(line.split(":")[1].split(",")) for line in lines if not line.startswith("0:")]

    def owned_ranges(self, kind: str) -> tuple[Range, ...]:
        """This process's own uid_map or gid_map. See user_namespaces(7)."""
        return parse_map(read_text(f"/proc/self/{kind}_map") or "")

    def shared_mounts(self) -> list[str] | None:
        """The mount points here that propagate to peers ("shared" in /proc/self/mountinfo).

        None if that cannot be read.
        """
        text = read_text("/proc/self/mountinfo")
        if text is None:
            return None
        found = []
        for line in text.splitlines():
            fields = line.split()
            optional = fields[6 : fields.index("-")] if "-" in fields else []
            if any(field.startswith("shared:") for field in optional):
                found.append(fields[4])
        return found


def parse_map(text: str) -> tuple[Range, ...]:
    """The text of a uid_map or gid_map as ranges."""
    ranges = []
    for line in text.splitlines():
        inside, outside, count = line.split()
        ranges.append((int(inside), int(outside), int(count)))
    return tuple(ranges)
