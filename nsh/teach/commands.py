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

    from nsh.base import Recording
    from nsh.errors import LastError
    from nsh.offers import Item
    from nsh.run.living import Living
    from nsh.state import State
    from nsh.teach.fresh import Effect
    from nsh.teach.hints import Hint


class TeachCommands(BaseShell):
    """explain and hints."""

    group = "Learning"
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"hints": ("on", "off")}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.run_ended.append(self._give_hint)
        self.acted.append(self._give_hint_of_child)
        self._line = ""  # the command that runs, as it was typed
        self._met: LastError | None = None  # the last error, also if it is no longer the news
        self._effects: list[Effect] = []  # what the last runs changed for themselves alone
        self._silent = False  # whether it was said that there are to be no hints
        self._recorded: Recording | None = None

    def onecmd(self, line: str) -> bool:
        """As ever; with what explain and the hints have to know of a command."""
        if self.recording is not self._recorded:
            self._recorded = self.recording
            if self.recording is not None:  # a replay will know of nothing before it
                self._met = None
                self._effects.clear()
        self._line = line
        before, error = self.state, self.last_error
        self._met = error or self._met
        ended = super().onecmd(line)
        if self.state is not before:
            if self.last_error is error:
                self.last_error = None  # what went well meanwhile is the news
            if "$" in line or "`" in line:
                self._give_hint_of_state(line, before)
        return ended

    def do_explain(self, line: str) -> None:
        """explain [TOPIC]

        What a namespace, a system call, an errno, an idea or a command of nsh is, what
        it is for, what surprises people about it, something to try here, and the manual
        page.

        Right after an error, without TOPIC, explain that error; later, when a run or a
        change of the state has gone well, list the topics. `explain error` explains the
        last error at any time. Names are found as people write them: pid, CLONE_NEWPID,
        pid namespace; EPERM, eperm.

            explain pid
            explain EPERM
            explain fresh child
        """
        from nsh.teach import explain

        name = " ".join(line.split()).strip("'\"")
        if not name and self.last_error is None:
            self._show(self._topic_list())
            return
        if not name or name.lower() == "error":
            if self._met is None:
                self.message("there was no error yet")
            else:
                self._show(self._error_text(self._met))
            return
        found = explain.topic_of(name)
        command = name.lower()
        texts = [] if found is None else [explain.text(found)]
        if command in self.command_names():
            texts.append(self._command_text(command, also=found is not None))
        if not texts:
            close = explain.near(name, self.command_names())
            raise Usage(f"there is no topic {name!r}", f"explain {close}".rstrip())
        self._show("\n\n".join(texts))

    def _show(self, text: str) -> None:
        first, end, rest = text.partition("\n")
        self.page([("heading", first + end), *self.voiced(rest)])

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
        if self._met is not None:
            of = f" of {self._met.command}" if self._met.command else ""
            parts.append(f"`explain error` explains the last error{of}.")
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
        found["error"] = "the last error, also when other lines went well since"
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
        line that says why, and lines to try. On at the prompt, off in scripts. Each
        hint is given once; `hints on` gives them all again. Without an argument, show
        whether they are on.

        A $NAME or $1 that went into the state as it stands, as in `hostname $1`, is
        told of in scripts, too, unless `hints off` stands before it.
        """
        match self.words(line, at_most=1):
            case []:
                self.message("on" if self.hinting else "off")
            case ["on" | "off" as word]:
                self.hinting = word == "on"
                self._silent = not self.hinting
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
        from nsh.teach import children, fresh, hints, unexpanded

        started: dict[str, Living] = getattr(self, "started", {})
        stay = {name: each.plan.state.flags for name, each in started.items() if each.lives}
        state, given, joined = self.state, self.hinted, self._joined()
        made = fresh.effects(state, argv) if self.status == 0 else []
        self._hint(
            children.on_top(state, joined, given)
            or unexpanded.met(self._line, given)
            or fresh.gone(self._effects, state, argv, given, self.host.living, stay)
            or hints.met(state, argv, self.status, given, joined)
            or fresh.alone(made, given)
        )
        self._effects = [*self._effects, *made][-_EFFECTS:]

    def _give_hint_of_child(self, command: str, child: Living, argv: list[str]) -> None:
        """After what was done to a child: the hint that it calls for."""
        if not self.hinting:
            return
        from nsh.teach import children, unexpanded

        deaf = command == "signal" and _is_deaf(child, int(argv[0]))
        if command == "stop":
            deaf = child.inside == 1 and bool(argv)
        made, given = child.plan.state, self.hinted
        if command == "start":
            self._hint(children.on_top(self.state, self._joined(), given))
        self._hint(
            unexpanded.met(self._line, given)
            or children.met(command, child.name, made, self.state, argv, given, deaf)
        )

    def _give_hint_of_state(self, line: str, before: State) -> None:
        """After a line that put a $ into the state: also in scripts, for no later error tells it."""
        if self._silent:
            return
        from nsh.parts.process.calls import variable
        from nsh.teach import unexpanded

        def value(name: str) -> str | None:
            if name.isdigit():
                at = int(name)
                return self.args[at - 1] if 0 < at <= len(self.args) else None
            if name in self.host.living:
                return str(self.host.living[name])
            return variable(before, self.host, name)

        self._hint(unexpanded.of_state(line, value))

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
        if hint is None:
            return
        from nsh.teach import fresh

        self.hinted.update([hint.name, *fresh.covered(hint)])
        self.error(f"hint: {hint.text}", *[f"try: {fix}" for fix in hint.fixes])
        if not self.fixes and not self.following:  # what an error told to try comes first
            if hint.again:
                self.fixes = hint.fixes
            else:
                self.following = hint.fixes[0]


_EFFECTS = 50
"""So many of them are remembered."""


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
