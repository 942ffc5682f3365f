"""The command join: namespaces that the next run is in because they are there already."""

from __future__ import annotations

import os

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
        on top of them. An ordinary user joins a child's user namespace with the others
        of it: that gives the right to.

        Each line adds to those before it. A second one of the same target, or of the
        same kind of namespace, takes its place. `join none` leaves them all again.

        FILE is a path: a file of /proc/PID/ns, or what one is bind-mounted on.

        What is joined is not new: the state may change it only if it was made for a
        child of this shell. There the change stays, and each run makes it again.

            start web sleep 1000
            join web net uts
            join uts /proc/self/ns/uts

        See `explain pod`, `explain nesting`; setns(2), nsenter(1).
        """
        words = self.words(line)
        if not words:
            for each in self.state.joins:
                self.message(" ".join([quote(each.target), *each.kinds]))
            return
        if words == ["none"]:
            self.change(joins=())
            return
        if find(words[0]):  # join uts FILE
            at = next((at for at, word in enumerate(words) if not find(word)), -1)
            if at < 0:
                these = " ".join(words)
                raise Usage(f"{these} of what? A child, a process or a file has it", "help join")
            words.insert(0, words.pop(at))
        target, *kinds = words
        self._join(Join(self._whole(target), tuple(dict.fromkeys(_known(kinds)))))

    def directory(self) -> str:
        """The directory of the next run: in a joined mnt namespace, its root. See setns(2)."""
        if self.state.cwd is None and self.state.joins:
            from nsh.parts.join.own import seen

            if "mnt" in seen(self.state, self.host):
                return "/"
        return super().directory()

    def _whole(self, target: str) -> str:
        """A path from the root on; every other target as it is."""
        from nsh.parts.join.targets import is_path

        if not is_path(target):
            return target
        return os.path.abspath(os.path.join(self.host.cwd, target))

    def _join(self, join: Join) -> None:
        from nsh.parts.join.targets import target_of

        try:
            target = target_of(join, self.host)
        except Refusal as refusal:
            raise Usage(
                refusal.why, *[fix for fix in refusal.fixes if fix != "reset join"]
            ) from None
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
        """The children, the processes by number, paths; then the kinds."""
        if before and not find(before[0]):
            yield from _kinds(before)
            return
        if any(not find(each) for each in before):
            return
        if "/" in word:
            from nsh.offers import paths

            yield from paths(self.host.cwd, word)
            return
        for name, pid in self.host.living.items():
            yield name, f"a child, process {pid}"
        for name in self.host.pins:
            if name not in self.host.living:
                yield name, "a child that has ended and is pinned"
        if word.isdigit():
            from nsh.parts.join.targets import apart

            yield from apart()
        if not before:
            yield "none", "none any more"
            yield from _kinds(before)


def _kinds(before: list[str]) -> Iterable[Item]:
    for namespace in NAMESPACES:
        if namespace.name not in before:
            yield namespace.name, namespace.isolates


def _known(words: list[str]) -> Iterable[str]:
    """The names of these namespaces. Raises Usage if there is none of such a name."""
    for word in words:
        namespace = find(word)
        if namespace is None:
            names = " ".join([each.name for each in NAMESPACES])
            raise Usage(f"there is no namespace {word!r}: there are {names}", "help join")
        yield namespace.name
