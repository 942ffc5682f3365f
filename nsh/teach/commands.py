"""The commands that explain: explain and hints."""

from __future__ import annotations

from nsh.base import BaseShell
from nsh.commands.manual import groups, page_of, summary_of
from nsh.errors import Refusal, Usage
from nsh.linux.constants import SIGKILL, SIGSTOP

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, ClassVar

    from nsh.errors import LastError
    from nsh.offers import Item
    from nsh.run.living import Living
    from nsh.teach.hints import Hint


class TeachCommands(BaseShell):
    """explain and hints."""

    group = "Learning"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"hints": ("on", "off")}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.run_ended.append(self._give_hint)
        self.acted.append(self._give_hint_of_child)

    def do_explain(self, line: str) -> None:
        """explain [TOPIC]

        What a namespace, a system call, an errno, an idea or a command of nsh is, what
        it is for, what surprises people about it, something to try here, and the manual
        page.

        Right after an error, without TOPIC, explain that error; otherwise list the
        topics. Names are found as people write them: pid, CLONE_NEWPID, pid namespace;
        EPERM, eperm.

            explain pid
            explain EPERM
            explain propagation
        """
        from nsh.teach import explain

        name = " ".join(line.split()).strip("'\"")
        if not name:
            if self.last_error is None:
                self.page(self._topic_list())
            else:
                self.page(self._error_text(self.last_error))
            return
        found = explain.topic_of(name)
        command = name.lower()
        texts = [] if found is None else [explain.text(found)]
        if command in self.command_names():
            texts.append(self._command_text(command, also=found is not None))
        if not texts:
            close = explain.near(name, self.command_names())
            raise Usage(f"there is no topic {name!r}", f"explain {close}".rstrip())
        self.page("\n\n".join(texts))

    def _error_text(self, error: LastError) -> str:
        """The last error again, with what is to be known about it."""
        from nsh.teach import explain

        parts = ["\n".join(error.lines)]
        number, call = explain.topic_of(error.errno), explain.topic_of(error.call)
        named = explain.named_namespace(error.lines)
        if error.errno and number is not None:
            parts.append(f"{number.name}: {number.summary}")
            parts.append(explain.about_errno(number, error.call))
        if error.call and call is not None:
            parts.append(explain.about(call))
            more = [topic.name for topic in (number, call) if topic is not None]
            parts.append("More: " + ", ".join([f"explain {name}" for name in more]))
        elif named is not None:
            parts.append(explain.text(named))
        elif error.command in self.command_names():
            parts.append(self._command_text(error.command, also=False))
        return "\n\n".join(parts)

    def _command_text(self, name: str, also: bool) -> str:
        start = f"The command {name} of nsh\n\n" if also else ""
        return start + page_of(self, name)

    def _topic_list(self) -> str:
        from nsh.teach import explain

        parts = []
        for group, topics in explain.groups().items():
            parts.append(group)
            parts += [f"  {topic.name:<28}{_cut(topic.summary, 50)}" for topic in topics]
        parts.append("Commands")
        for names in groups(type(self)).values():
            for name in names:
                if explain.topic_of(name) is None:
                    parts.append(f"  {name:<28}{_cut(summary_of(self, name), 50)}")
        parts.append("explain TOPIC says more; after an error, explain alone explains it.")
        return "\n".join(parts)

    def topics(self) -> list[tuple[str, str]]:
        """Every word that explain takes, each with a line about it: what completion offers."""
        from nsh.teach import explain

        found = dict(explain.topics())
        for name in self.command_names():
            found.setdefault(name, summary_of(self, name))
        return list(found.items())

    def topic_of(self, word: str) -> str:
        """The name of the topic of a word, as people write it, "" if there is none."""
        from nsh.teach import explain

        found = explain.topic_of(word)
        return "" if found is None else found.name

    def complete_explain(self, before: list[str], word: str) -> Iterable[Item]:
        """The topics in the order in which they are listed, then the commands."""
        return () if before else self.topics()

    def do_hints(self, line: str) -> None:
        """hints [on|off]

        Whether a run that shows one of the surprises of namespaces is followed by a
        line that says why, and what to type. On at the prompt, off in scripts. Each
        hint is given once; `hints on` gives them all again. Without an argument, show
        whether they are on.
        """
        match self.words(line, at_most=1):
            case []:
                self.message("on" if self.hinting else "off")
            case ["on" | "off" as word]:
                self.hinting = word == "on"
                self.hinted.clear()
            case _:
                raise Usage

    def complete_hints(self, before: list[str], word: str) -> Iterable[Item]:
        """on and off."""
        if not before:
            yield "on", "say why when a run shows a surprise; each hint once again"
            yield "off", "give none"

    def _give_hint(self, argv: list[str]) -> None:
        """After each run, sh and diff: the hint that it calls for."""
        if not self.hinting:
            return
        from nsh.teach import hints, pods

        joined = self._joined()
        on_top = pods.on_top(self.state, joined, self.hinted)
        self._hint(on_top or hints.met(self.state, argv, self.status, self.hinted, joined))

    def _give_hint_of_child(self, command: str, child: Living, argv: list[str]) -> None:
        """After what was done to a child: the hint that it calls for."""
        if not self.hinting:
            return
        from nsh.teach import hints, pods

        deaf = command == "signal" and _is_deaf(child, int(argv[0]))
        if command == "stop":
            deaf = child.inside == 1 and bool(argv)
        made = child.plan.state
        if command == "start":
            self._hint(pods.on_top(self.state, self._joined(), self.hinted))
        self._hint(hints.met_child(command, child.name, made, self.state, argv, self.hinted, deaf))

    def _joined(self) -> tuple[str, ...]:
        """The kinds of namespaces that the joins of the state lead to."""
        if not self.state.joins:
            return ()
        from nsh.parts.join.targets import targets

        try:
            return tuple([kind for each in targets(self.state, self.host) for kind in each.kinds])
        except Refusal:
            return ()  # it has ended since the run began

    def _hint(self, hint: Hint | None) -> None:
        if hint is not None:
            self.hinted.add(hint.name)
            self.error(f"hint: {hint.text}; try: {hint.fix}")


def _is_deaf(child: Living, number: int) -> bool:
    """Whether a signal that was sent does nothing, because the child is PID 1. See pid_namespaces(7)."""
    from nsh.linux.processes import handles, stat_fields
    from nsh.parts.init import FORWARDS, PAUSES

    if child.inside != 1 or number in (SIGKILL, SIGSTOP):
        return False
    own = PAUSES if not child.plan.argv else FORWARDS if child.plan.state.init else ()
    if number in own or handles(child.pid, number):
        return False
    # What has ended meanwhile has no handlers to look at, and was not deaf.
    return stat_fields(child.pid)[:1] not in ([], ["Z"], ["X"])


def _cut(text: str, size: int) -> str:
    if len(text) <= size:
        return text
    return text[: size - 1].rsplit(" ", 1)[0].rstrip(",;:") + " …"
