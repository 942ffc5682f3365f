"""Id maps: the lines of uid_map and gid_map, and of subuid(5). See user_namespaces(7)."""

from __future__ import annotations

from nsh.value import Value


class Range(Value):
    """One line of a map: ``count`` ids from ``inside`` on are those from ``outside`` on.

    >>> str(Range(0, 1000, 1))
    '0 1000 1'
    """

    inside: int
    outside: int
    count: int

    def __str__(self) -> str:
        return f"{self.inside} {self.outside} {self.count}"

    def has_inside(self, id: int) -> bool:
        """Whether that is an id inside of this range."""
        return self.inside <= id < self.inside + self.count

    def has_outside(self, id: int) -> bool:
        """Whether that is an id that this range maps."""
        return self.outside <= id < self.outside + self.count


class Subordinate(Value):
    """Ids that a user may map beside their own: ``count`` from ``first`` on."""

    first: int
    count: int


def map_self(uid: int, gid: int) -> None:
    """Make these ids of the namespace around it root in this process's new user namespace.

    Raises OSError. See user_namespaces(7): without a right over gids, setgroups(2) is given up first.
    """
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {uid} 1"),
        ("gid_map", f"0 {gid} 1"),
    ):
        with open(f"/proc/self/{file}", "w") as opened:
            opened.write(text)


def parse_map(text: str) -> tuple[Range, ...]:
    """The text of a uid_map or gid_map as ranges.

    >>> parse_map("         0       1000          1\\n")
    (Range(inside=0, outside=1000, count=1),)
    """
    return tuple([Range(*[int(word) for word in line.split()]) for line in text.splitlines()])


def subordinate_ranges(text: str, user: str, uid: int) -> tuple[Subordinate, ...]:
    """The ranges that belong to a user in the text of subuid(5) or subgid(5).

    >>> subordinate_ranges("ann:100000:65536\\nbob:1:2\\n", "ann", 1000)
    (Subordinate(first=100000, count=65536),)
    """
    found = []
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 3 and fields[0] in (user, str(uid)):
            try:
                found.append(Subordinate(int(fields[1]), int(fields[2])))
            except ValueError:
                continue
    return tuple(found)
