"""The commands that go into children that stay, and keep what they were in: enter, pin, unpin."""

from __future__ import annotations

from nsh.commands.started import StartedCommands
from nsh.errors import Failure, Refusal, Usage
from nsh.state import Join, State
from nsh.words import join, split

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nsh.call import Plan
    from nsh.offers import Item


class EnterCommands(StartedCommands):
    """enter, pin and unpin."""

    group = "Children"

    def do_enter(self, line: str) -> None:
        """enter NAME [CMD ARG...]

        Run a command in all that a child has: its namespaces, its root, its directory,
        its environment. Without CMD, run $SHELL. Nothing of the state is applied.

            start web sleep 1000
            enter web ps
            enter web

        See `join`, `explain nsenter`; setns(2), nsenter(1), docker-exec(1).
        """
        name, rest = _first(line)
        wanted = self.entered(name, self.argv(rest), more=split(rest))
        if self._launch(wanted) is not None:
            self.last_error = None
            if name in self.started:
                self.tell_acted("enter", self.started[name], list(wanted.argv))

    def entered(
        self, name: str, argv: list[str], command: str = "enter", more: list[str] | None = None
    ) -> Plan:
        """The plan of these words inside a child. Raises Usage and Failure.

        ``command`` and ``more`` are what was typed before and after the name.
        """
        from nsh.parts.join.targets import links_of, own_links
        from nsh.plan.order import plan

        if name == "step":
            pid, env = self.stepped_pid(), self.the_step().plan.state.env
        else:
            typed = argv if more is None else more
            child = self.child(name, command, alive=True, more=typed)
            pid, env = child.pid, child.plan.state.env
        self.tell_host()
        there, mine = links_of(pid), own_links()
        if not there:  # its namespaces are not to be seen any more: never enter the host's instead
            raise Failure(f"{name} is ending", f"wait {name}", "children", status=125)
        kinds = tuple([kind for kind, text in there.items() if text != mine.get(kind)])
        joins = (Join(name, kinds),) if kinds else ()
        state = State(joins=joins, env=env)
        try:
            return plan(state, argv, self.host, entering=pid)
        except Refusal as refusal:
            raise Failure(refusal.why, *refusal.fixes, status=125) from None

    def plan_of(self, argv: list[str]) -> Plan:
        """The plan of what was typed after `plan`: also a line of enter."""
        if argv[0] == "enter" and argv[1:]:
            more = argv[2:]
            return self.entered(argv[1], more or self.argv(""), "plan enter", more)
        return super().plan_of(argv)

    def do_pin(self, line: str) -> None:
        """pin NAME

        Keep the namespaces of a child by descriptors, so that they are there for `join`
        after its last process has ended. `unpin NAME` lets them go.

        A uts, ipc, net, mnt or user namespace can be joined without a process in it. A
        pid namespace is dead with its PID 1: it takes no process more.

            start web sleep 1000
            pin web

        See `join`, `explain pin`; namespaces(7).
        """
        [name] = self.words(line, at_least=1, at_most=1)
        child = self.child(name, "pin", alive=True)
        try:
            child.pin()
        except OSError as error:
            raise Failure(f"pin {name}: {error.strerror}", "children") from None
        self.tell_host()
        self.tell_acted("pin", child, [])

    def do_unpin(self, line: str) -> None:
        """unpin NAME

        Let the namespaces of a pinned child go: without a process in them, they end.
        """
        [name] = self.words(line, at_least=1, at_most=1)
        child = self.child(name, "unpin")
        if not child.pins:
            raise Usage(f"{name} is not pinned", f"pin {name}" if child.lives else "children")
        child.unpin()
        self.tell_host()
        self.tell_acted("unpin", child, [])

    def complete_enter(self, before: list[str], word: str) -> Iterable[Item]:
        """The living ones, then as for run."""
        if before:
            return self.offer_program(before[1:], word)
        stepped = [("step", "the run that is being stepped through")] if self.stepped else []
        return [*self.names_of_children(living=True), *stepped]

    def complete_pin(self, before: list[str], word: str) -> Iterable[Item]:
        """The living ones."""
        return () if before else self.names_of_children(living=True)

    def complete_unpin(self, before: list[str], word: str) -> Iterable[Item]:
        """Those that are pinned."""
        return () if before else [(name, "is pinned") for name in self.host.pins]


def _first(line: str) -> tuple[str, str]:
    """The first word of a line, and the rest as it was typed."""
    words = split(line)
    if not words:
        raise Usage
    return words[0], join(words[1:])
