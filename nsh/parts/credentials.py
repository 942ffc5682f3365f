"""Who the command is: its uid, its gid and its other groups. See credentials(7), setresuid(2)."""

from __future__ import annotations

import errno

from nsh.base import BaseShell
from nsh.call import Call
from nsh.errors import Usage
from nsh.host import Host
from nsh.linux.constants import CAP_SETGID, CAP_SETUID
from nsh.linux.strace import Ids
from nsh.parts.part import Diagnosis, FailedCall, Part
from nsh.state import State, User
from nsh.words import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nsh.offers import Item

_LAST_ID = 4294967294
"""(uid_t) -1 is no id: to setresuid(2) it means to keep the one there is."""


class UserCommands(BaseShell):
    """user."""

    group = "State"

    def do_user(self, line: str) -> None:
        """user [UID[:GID[,GID...]]]

        Who the command is inside, by numbers: its uid, its gid and its other groups.
        Without arguments, show it. The ids change last, after everything that takes
        rights, so a command that is not root gets the mounts and limits all the same.

        Without a GID the groups stay nsh's; with one, the other groups are those given
        or none. In a new user namespace the ids must be mapped. `reset user` leaves it
        alone again.

            user 65534:65534
            user 1000:1000,27

        See setresuid(2), setgroups(2), credentials(7).
        """
        match self.words(line, at_most=1):
            case []:
                user = self.state.user or User(self.host.uid, self.host.gid)
                self.message(_typed(user))
            case [word]:
                self.change(user=_parsed(word))

    def complete_user(self, before: list[str], word: str) -> Iterable[Item]:
        """The users of this machine."""
        if before:
            return
        import pwd

        for entry in pwd.getpwall():
            yield f"{entry.pw_uid}:{entry.pw_gid}", f"{entry.pw_name} on the host"


def _parsed(word: str) -> User:
    """UID[:GID[,GID...]] as it is typed. Raises Usage; names are answered with their numbers."""
    uid, colon, rest = word.partition(":")
    groups = rest.split(",") if colon else []
    ids = [number(each, _LAST_ID) for each in (uid, *groups)]
    if None not in ids:
        first, *others = [each for each in ids if each is not None]
        return User(first, others[0] if others else None, tuple(others[1:]))
    wrong = (uid, *groups)[ids.index(None)]
    known = [_number_of("uid", uid), *[_number_of("gid", each) for each in groups]]
    kind = "uid" if ids[0] is None else "gid"
    fix = []
    if None not in known:
        numbers = [str(each) for each in known]
        fix.append(f"user {numbers[0]}{colon}{','.join(numbers[1:])}")
    raise Usage(
        f"{wrong!r} is no {kind}: it is a number, since inside a name may mean another", *fix
    )


def _number_of(kind: str, word: str) -> int | None:
    """The number of a user or group of this machine, or the number that stands there."""
    import grp
    import pwd

    try:
        return pwd.getpwnam(word).pw_uid if kind == "uid" else grp.getgrnam(word).gr_gid
    except (KeyError, ValueError):
        return number(word, _LAST_ID)


def _typed(user: User) -> str:
    if user.gid is None:
        return f"user {user.uid}"
    return f"user {user.uid}:" + ",".join([str(gid) for gid in (user.gid, *user.groups)])


def lines(state: State) -> list[str]:
    """The command that rebuilds it."""
    return [] if state.user is None else [_typed(state.user)]


def calls(state: State, host: Host, actor: str) -> Iterator[Call]:
    """The groups first: without the uid of root they could not be changed any more."""
    user = state.user
    assert user is not None
    if user.gid is not None:
        if user.groups or not _setgroups_denied(state, host):
            args = (len(user.groups), Ids(user.groups))
            why = "its other groups" if user.groups else "no other groups"
            yield Call(actor, "setgroups", args, why, part="credentials")
        ids = (user.gid,) * 3
        yield Call(actor, "setresgid", ids, "its gid: real, effective, saved", part="credentials")
    ids = (user.uid,) * 3
    why = "its uid, last of all: root's rights go with it" if user.uid else "its uid"
    yield Call(actor, "setresuid", ids, why, part="credentials")


def _setgroups_denied(state: State, host: Host) -> bool:
    """Whether setgroups(2) could only fail, so that the groups which cannot be mapped stay."""
    outside = _around(state, host)
    if getattr(outside, "denied", False):
        return True
    if not state.has("user"):
        return False
    from nsh.parts.ids.calls import denies_setgroups

    return state.setgroups == "deny" or denies_setgroups(state, outside)


def _around(state: State, host: Host) -> Host:
    """The facts of the user namespace that is nsh's own, or joined."""
    if not state.joins:
        return host
    from nsh.parts.join.around import around

    return around(state, host)


def diagnose(failed: FailedCall) -> Diagnosis | None:
    """Why the ids were not changed."""
    state, host = failed.state, _around(failed.state, failed.host)
    user = state.user
    assert user is not None
    if failed.call.name == "poll" and failed.error == errno.EINVAL:
        return Diagnosis(
            "poll(2) takes no more descriptors than RLIMIT_NOFILE, and nsh looks at one once more"
            " after the ids have changed",
            "rlimit nofile 1",
        )
    if failed.error == errno.EPERM:
        if failed.call.name == "setgroups" and _setgroups_denied(state, host):
            return Diagnosis(
                "setgroups is denied in this user namespace, as an unprivileged gid map demands, so"
                " the command cannot have other groups",
                _typed(user.replace(groups=())),
            )
        if state.has("user") and not (state.uidmap and state.gidmap):
            return _unmapped(failed)
        needed = CAP_SETUID if failed.call.name == "setresuid" else CAP_SETGID
        if not state.has("user") and not host.can(needed):
            if (user.uid, user.gid, user.groups) == (host.uid, host.gid, ()):
                return Diagnosis(
                    f"uid {host.uid} and gid {host.gid} are nsh's own, but to give up the other groups"
                    " takes CAP_SETGID",
                    f"user {host.uid}",
                )
            what = "to become another user" if user.uid != host.uid else "to change groups"
            return Diagnosis(
                f"{what} takes CAP_SETUID and CAP_SETGID, which uid {host.uid} does"
                " not have here; in a new user namespace you have them, but only for ids that are"
                " mapped",
                "flags +user",
                "map root",
                "user 0:0",
            )
    return _unmapped(failed) if failed.error == errno.EINVAL else None


def _unmapped(failed: FailedCall) -> Diagnosis | None:
    """Why an id means nothing: the user namespace does not map it."""
    from nsh.parts.facts import whole_map
    from nsh.parts.ids.calls import ranges

    state, host = failed.state, _around(failed.state, failed.host)
    user = state.user
    assert user is not None
    lacking = []
    for kind, wanted, given in (
        ("uid", state.uidmap, [user.uid]),
        ("gid", state.gidmap, [*([] if user.gid is None else [user.gid]), *user.groups]),
    ):
        owned = ranges(kind, wanted, host) if state.has("user") else host.owned_ranges(kind)
        for each in given:
            if not any(own.has_inside(each) for own in owned):
                lacking.append((kind, each))
    if not lacking:
        return None
    what = " and ".join([f"{kind} {each}" for kind, each in lacking])
    why = f"{what} cannot be had: the user namespace does not map {'it' if len(lacking) == 1 else 'them'}"
    if not state.has("user"):
        own = f"user {host.uid}" if getattr(host, "is_mapped", True) else "reset user"
        return Diagnosis(
            f"{why}, and {'it is joined' if host.is_around else 'nsh runs in it'}", own
        )
    around = {kind: host.owned_ranges(kind) for kind in ("uid", "gid")}
    can_be = all(any(own.has_inside(each) for own in around[kind]) for kind, each in lacking)
    if host.can(CAP_SETUID) and host.can(CAP_SETGID) and can_be:
        return Diagnosis(f"{why}; as root you can map all", *whole_map(host))
    maps = [f"uidmap {user.uid} {host.uid} 1"]
    if user.gid is not None:
        maps.append(f"gidmap {user.gid} {host.gid} 1")
    alone = [_typed(user.replace(groups=()))] if user.groups else []
    return Diagnosis(f"{why}; you can map your own id to it", *maps, *alone)


PART = Part(
    name="credentials",
    commands=UserCommands,
    resets={"user": ("user",)},
    lines=lines,
    diagnose=diagnose,
    examples=("user 0:0",),
)
