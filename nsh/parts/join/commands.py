"""The command join: namespaces that the next run is in because they are there already."""

from __future__ import annotations

from nsh.base import BaseShell
from nsh.errors import Refusal, Usage
from nsh.linux.namespaces import NAMESPACES, find
from nsh.state import Join
from nsh.words import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.offers import Item


class JoinCommands(BaseShell):
    """join."""

    group = "State"

    def do_join(self, line: str) -> None:
        """join NAME|PID|FILE [NS...]  (or none)

        Let the next runs be in namespaces that are there already: of a child that was
        started, of any process, or the one that a file is. NS says which; without, all
        in which that process is not with this shell. `flags +NS` then makes new ones
        on top of them. `join none` leaves them all again.

        FILE is a path: a file of /proc/PID/ns, or what one is bind-mounted on.

            start web sleep 1000
            join web net uts
            join uts /proc/1/ns/uts

        See setns(2), nsenter(1).
        """
        words = self.words(line)
        if not words:
            for each in self.state.joins:
                self.message(" ".join([quote(each.target), *each.kinds]))
            return
        if words == ["none"]:
            self.change(joins=())
            return
        if find(words[0]) and len(words) > 1:  # join uts FILE
            at = next((at for at, word in enumerate(words) if not find(word)), 0)
            words.insert(0, words.pop(at))
        target, *kinds = words
        found = []
        for kind in kinds:
            namespace = find(kind)
            if namespace is None:
                names = " ".join([each.name for each in NAMESPACES])
                raise Usage(f"there is no namespace {kind!r}: there are {names}", "help join")
            found.append(namespace.name)
        self._join(Join(target, tuple(dict.fromkeys(found))))

    def _join(self, join: Join) -> None:
        from nsh.parts.join.targets import target_of

        try:
            target = target_of(join, self.host)
        except Refusal as refusal:
            raise Usage(refusal.why, *refusal.fixes) from None
        others = []
        for each in self.state.joins:
            if each.target == join.target:
                continue
            try:
                theirs = target_of(each, self.host).kinds
            except Refusal:
                theirs = each.kinds
            left = tuple([kind for kind in theirs if kind not in target.kinds])
            if left == theirs:
                others.append(each)
            elif left:
                others.append(each.replace(kinds=left))
        self.change(joins=(*others, join))

    def complete_join(self, before: list[str], word: str) -> Iterable[Item]:
        """The children, then the kinds, then paths."""
        if not before:
            for name, pid in self.host.living.items():
                yield name, f"a child, process {pid}"
            for name in self.host.pins:
                if name not in self.host.living:
                    yield name, "a child that has ended and is pinned"
            if "/" in word:
                from nsh.offers import paths

                yield from paths(self.host.cwd, word)
            yield "none", "none any more"
        else:
            for namespace in NAMESPACES:
                if namespace.name not in before:
                    yield namespace.name, namespace.isolates
