"""The commands of children that stay: start, children, log, signal, stop, wait."""

from __future__ import annotations

import functools

from nsh.commands.started import StartedCommands
from nsh.errors import OWN_FAILURES, Failure, Refusal, Usage, closest, own_failure
from nsh.linux.constants import SIGKILL
from nsh.linux.namespaces import find
from nsh.words import command_word, join, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nsh.call import Plan
    from nsh.offers import Item
    from nsh.run.living import Living


class ChildCommands(StartedCommands):
    """start, children, log, signal, stop and wait."""

    group = "Children"

    def do_start(self, line: str) -> None:
        """start NAME [CMD ARG...]

        A run that stays: a command in a child, unshared as the state says, that lives
        on while the next lines are typed. Without CMD, the child only is there: it
        reaps what ends in it, and ends at `stop`.

        Its input is /dev/null, and what it writes is kept for `log`. A failure is told
        as with run. Everything that was started ends with nsh. NAME is a variable with
        its process id in lines of `!`.

            flags +uts +pid +mnt
            mount proc /proc
            start web sleep 1000
            enter web ps
            stop web

        See `children`, `enter`, `join`, `explain pod`; docker-run(1) -d.
        """
        name, *argv = self.words(line, at_least=1)
        self._check_name(name, argv)
        child = self._start(name, self.planned_to_stay(argv))
        if child is None:
            return
        if name in self.started:
            self.started.pop(name).close()
        self.started[name] = child
        self.tell_host()
        self.last_error = None
        self.tell_acted("start", child, argv)

    def plan_of(self, argv: list[str]) -> Plan:
        """The plan of what was typed after `plan`: also a line of start."""
        if argv[0] == "start" and argv[1:]:
            return self.planned_to_stay(argv[2:])
        return super().plan_of(argv)

    def complete_start(self, before: list[str], word: str) -> Iterable[Item]:
        """No name, then as for run."""
        return self.offer_program(before[1:], word) if before else ()

    def _check_name(self, name: str, argv: list[str]) -> None:
        """Raise Usage if a child cannot be called that."""
        if name.startswith("-") and argv:
            raise Usage(f"there is no option {name}", join(["start", *argv]))
        if not (name.isidentifier() and name.isascii()):
            good = "".join([char if char.isalnum() and char.isascii() else "_" for char in name])
            good = good if good[:1].isalpha() else f"c{good}"
            raise Usage(
                f"{name!r} is no name: letters, digits and _, for it is a variable in lines of !",
                join(["start", good, *argv]),
            )
        variable = name in self.host.environ or name in _SH or name.startswith(("LD_", "LC_"))
        if variable or name in _TAKEN or find(name):
            what = "a namespace" if find(name) else "a word of nsh"
            if variable:
                what = "a variable of the environment or of sh"
            raise Usage(
                f"{name} is {what}, and cannot be the name of a child",
                join(["start", f"{name}1", *argv]),
            )
        if name in self.started and self.started[name].lives:
            raise Usage(f"{name} lives already", f"stop {name}", "children")

    def planned_to_stay(self, argv: list[str]) -> Plan:
        """The plan of a child that stays, in the state. Raises Failure."""
        from nsh.plan.order import plan

        self.tell_host()
        try:
            return plan(self.state, argv, self.host, stays=True)
        except Refusal as refusal:
            raise Failure(refusal.why, *refusal.fixes, status=125) from None

    def _start(self, name: str, wanted: Plan) -> Living | None:
        from nsh.run.living import Living
        from nsh.run.perform import CallFailed

        self.needs_linux()
        self.needs_proc()
        self.flush()
        trace = self.new_trace()
        try:
            child = Living(name, wanted, trace)
        except CallFailed as failed:
            self.pids += [failed.values[name] for name in wanted.chain() if name in failed.values]
            self.explain_call(failed, wanted)
            return None
        except OWN_FAILURES as error:
            raise Failure(own_failure(error), "quit", status=125) from None
        finally:
            if trace:
                trace.end()
        self.pids += child.running.pids
        return child

    def do_children(self, line: str) -> None:
        """children

        The children that stay, the living and the ended: the name, the process id here
        and inside, how long it has lived or how it ended, which namespaces are its own,
        and the command, as far as the terminal is wide.

        See `start`, ps(1).
        """
        from nsh.commands.listing import lines, terminal_width

        self.words(line, at_most=0)
        self.look_after()
        shown = self.interactive and self.said is None and self.recording is None
        width = terminal_width() if shown else 0
        if self.interactive and not self.started and self.stepped is None:
            self.message("no child was started; to start one: start box")
        for text in lines(self.started.values(), self.stepped, width):
            self.message(text)

    def do_log(self, line: str) -> None:
        """log NAME

        What a child has written on standard output and error: the last mebibyte of it.
        If there was more, a line says how much was dropped.

        See `start`; docker-logs(1).
        """
        [name] = self.words(line, at_least=1, at_most=1)
        dropped, data = self.child(name, "log").written()
        if dropped:
            self.error(f"{dropped} bytes before these were dropped")
        text = data.decode("utf-8", "surrogateescape")
        if text:
            self.page(text.removesuffix("\n"))

    def do_signal(self, line: str) -> None:
        """signal NAME [SIG]

        Send a signal to the main process of a child, from outside: TERM, or SIG by name
        or number.

        PID 1 of a pid namespace gets from inside only what it handles; from outside
        also KILL and STOP, whatever it does about them.

            signal web USR1

        See kill(1), signal(7), pid_namespaces(7).
        """
        name, *more = self.words(line, at_least=1, at_most=2)
        if name not in self.started and more and more[0] in self.started:
            fix = f"signal {more[0]} {_name_of(_number_of(name.removeprefix('-'), more[0]))}"
            raise Usage("the name of the child comes before the signal", fix)
        child = self.child(name, "signal", alive=True, more=more)
        number_of_signal = _number_of(more[0] if more else "TERM", name)
        try:
            child.signal(number_of_signal)
        except ProcessLookupError:
            raise Failure(f"{name} has ended", "children") from None
        except OSError as error:
            raise Failure(f"signal {name}: {error.strerror}", "!id") from None
        self.tell_acted("signal", child, [str(number_of_signal)])

    def default(self, line: str) -> None:
        """cmd.Cmd's hook for a command that there is not: `kill` of a child is `signal`."""
        name, rest = command_word(line)
        words = rest.split()
        if name == "kill" and (named := [word for word in words if word in self.started]):
            others = [word for word in words if word not in (*self.started, "-s", "-n", "--")]
            sent = _name_of(_number_of(others[0].lstrip("-") if others else "TERM", named[0]))
            fix = f"signal {named[0]}" + f" {sent}" * (sent != "TERM")
            raise Failure("there is no command kill", fix, status=2)
        super().default(line)

    def do_stop(self, line: str) -> None:
        """stop NAME...

        End a child and all that it started: SIGTERM, and after 2 seconds SIGKILL. The
        2 seconds pass where the main process is PID 1 and does not handle SIGTERM.

        See `signal`, `init`, `explain PID 1`; docker-stop(1).
        """
        names = self.words(line, at_least=1)
        if options := [word for word in names if word.startswith("-")]:
            named = [word for word in names if word in self.started]
            fix = join(["stop", *named]) if named else "children"
            raise Usage(f"there is no option {options[0]}", fix)
        children = [self.child(name, "stop") for name in names]
        killed = [child for child in children if child.lives]
        deadlines = [child.ask_to_end() for child in children]
        for child, deadline in zip(children, deadlines, strict=True):
            self._waiting(functools.partial(child.stop, deadline))
            child.told = True
        self.tell_host()
        killed = [child for child in killed if child.status == 128 + SIGKILL]
        self.tell_acted("stop", (killed or children)[-1], [str(int(SIGKILL))] * bool(killed))

    def do_wait(self, line: str) -> None:
        """wait NAME

        Wait for the end of a child. The status is the child's. Ctrl-C ends the wait and
        not the child.

        See wait(1p).
        """
        [name] = self.words(line, at_least=1, at_most=1)
        child = self.child(name, "wait")
        self.flush()
        self.status = self._waiting(child.wait)
        child.told = True
        self.tell_host()
        self.tell_acted("wait", child, [])

    def _waiting(self, wait: Callable[[], int]) -> int:
        try:
            return wait()
        except KeyboardInterrupt:
            self.status = 130
            self.interrupted()

    def complete_log(self, before: list[str], word: str) -> Iterable[Item]:
        """The children."""
        return () if before else self.names_of_children(living=False)

    complete_wait = complete_log

    def complete_stop(self, before: list[str], word: str) -> Iterable[Item]:
        """The living ones."""
        return [item for item in self.names_of_children(living=True) if item[0] not in before]

    def complete_signal(self, before: list[str], word: str) -> Iterable[Item]:
        """The living ones, then the signals."""
        if not before:
            yield from self.names_of_children(living=True)
        elif len(before) == 1:
            import signal

            for number in signal.Signals:
                about = signal.strsignal(number) or ""
                yield number.name.removeprefix("SIG"), about


_TAKEN = ("none", "step")

_SH = frozenset(
    [
        "PATH",
        "HOME",
        "IFS",
        "PWD",
        "OLDPWD",
        "PPID",
        "OPTIND",
        "OPTARG",
        "CDPATH",
        "ENV",
        "MAIL",
        "MAILPATH",
        "MAILCHECK",
        "PS1",
        "PS2",
        "PS4",
        "LINENO",
        "LANG",
        "SHELL",
        "TERM",
        "_",
    ]
)
"""Variables that mean something to sh itself, as do those that begin with LD_ and LC_."""


def _name_of(sent: int) -> str:
    """The name of a signal without SIG; the number of one that has none."""
    import signal

    try:
        return signal.Signals(sent).name.removeprefix("SIG")
    except ValueError:
        return str(sent)


def _number_of(word: str, child: str) -> int:
    """A signal by its name, with or without SIG, or by its number. Raises Usage."""
    import signal

    name = word.upper().removeprefix("SIG")
    if given := number(word, signal.NSIG - 1):
        return given
    try:
        return signal.Signals["SIG" + name]
    except KeyError:
        known = [each.name.removeprefix("SIG") for each in signal.Signals]
        close = closest(name, known)
        raise Usage(f"there is no signal {word}", f"signal {child} {close or 'TERM'}") from None
