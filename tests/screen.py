"""A terminal emulator for tests: tmux, driven by keys and read from its screen."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from nsh.linux.processes import stat_fields
from tests.runs import NSH

SIZES = [(80, 24), (150, 45)]
DEADLINE = float(os.environ.get("NSH_TEST_DEADLINE", "20"))
TOOLBAR = "cgroup time │"


class Screen:
    """One nsh in one tmux with its own server."""

    def __init__(
        self,
        home: Path,
        columns: int,
        rows: int,
        env: dict[str, str],
        prefix: list[str],
        program: str,
    ):
        self.home = home
        self.socket = str(home / "tmux.sock")
        settings = {
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "TERM": "tmux-256color",
            "LC_ALL": "C.UTF-8",
            "SHELL": "/bin/sh",
            "PATH": os.environ["PATH"],
            "PAGER": "less -R",
            **env,
        }
        words = ["env", "-i", *[f"{name}={value}" for name, value in settings.items()]]
        line = shlex.join([*words, *prefix, *(shlex.split(program) or NSH)])
        modes = "stty -a | tr ' ;' '\\n\\n' | grep -x -e '-*icanon' -e '-*echo' | paste -sd,"
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
            f"{line}; echo left $?; {modes}; sleep 1000",
        )  # fmt: skip
        self.pane = int(self.tmux("display-message", "-p", "#{pane_pid}"))

    def tmux(self, *args: str) -> str:
        result = subprocess.run(
            ["tmux", "-S", self.socket, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        return result.stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def line(self, text: str) -> None:
        """Type a line when the prompt is there and send it."""
        self.ready()
        self.type(text)
        typed = f"nsh> {text}"[-20:]  # not what stands elsewhere, as in the greeting
        self.until(lambda screen: typed in screen.replace("\n", ""))
        self.keys("Enter")

    def paste(self, text: str) -> None:
        self.tmux("set-buffer", text)
        self.tmux("paste-buffer", "-p", "-r")

    def text(self, colours: bool = False) -> str:
        return self.tmux("capture-pane", "-p", *(["-e"] if colours else []))

    def until(self, holds: Callable[[str], bool] | str, colours: bool = False) -> str:
        """Wait until the screen shows a text, or fulfils a condition."""
        end = time.monotonic() + DEADLINE
        while True:
            screen = self.text(colours)
            if holds in screen if isinstance(holds, str) else holds(screen):
                return screen
            assert time.monotonic() < end, f"not on the screen: {holds!r}\n{screen}"
            time.sleep(0.03)

    def ready(self) -> str:
        """Wait for a prompt at which nothing is typed; a suggestion may stand behind the cursor."""

        def at_prompt(screen: str) -> bool:
            if TOOLBAR not in screen:
                return False
            where = self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}")
            column, row = [int(number) for number in where.split()]
            lines = self.text().split("\n")
            return column == 5 and row < len(lines) and lines[row].startswith("nsh>")

        return self.until(at_prompt)

    @property
    def nsh(self) -> int:
        """The process id of nsh."""
        children = Path(f"/proc/{self.pane}/task/{self.pane}/children").read_text().split()
        return int(children[0])

    def close(self) -> None:
        pid = int(self.tmux("display-message", "-p", "#{pid}"))
        self.tmux("kill-server")
        end = time.monotonic() + DEADLINE
        # Ended is enough: how soon its zombie is reaped is up to the machine's init.
        while stat_fields(pid)[:1] not in ([], ["Z"]) and time.monotonic() < end:
            time.sleep(0.01)


Start = Callable[..., Screen]


def toolbar(screen: str) -> str:
    """The line of the toolbar, "" if it is not there (yet)."""
    return "".join([line for line in screen.splitlines() if TOOLBAR in line][-1:])
