"""Terminal: the one on standard input, to be found again after a run as it was before."""

from __future__ import annotations

import os
import signal
import termios


class Terminal:
    """The terminal's modes and its foreground process group, which is nsh's own.

    See tcgetpgrp(3), termios(3). Raises termios.error or OSError if the terminal is hung up.
    """

    def __init__(self) -> None:
        self.modes = termios.tcgetattr(0)
        self.group = os.getpgrp()
        self.mine = os.tcgetpgrp(0) == self.group

    def give_to(self, pid: int) -> None:
        """Put the process group of a child in the foreground, which it has been stopped for."""
        if self.mine:
            self._set_foreground(os.getpgid(pid))

    def look_again(self, pid: int) -> None:
        """After a stop: with its bg the shell around has kept the terminal, for itself.

        ``pid`` is a child, whose process group may have the terminal in nsh's stead.
        """
        try:
            self.mine = self.mine and os.tcgetpgrp(0) in (self.group, os.getpgid(pid))
        except OSError:
            self.mine = False  # hung up

    def take_back(self) -> None:
        """Make nsh's process group the foreground one again and restore the modes."""
        if not self.mine:
            return
        try:
            if os.tcgetpgrp(0) != self.group:
                self._set_foreground(self.group)
            if termios.tcgetattr(0) != self.modes:
                termios.tcsetattr(0, termios.TCSADRAIN, self.modes)
        except (OSError, termios.error):
            pass  # the terminal has gone away

    def _set_foreground(self, group: int) -> None:
        # From the background, tcsetpgrp(3) stops the caller unless it ignores SIGTTOU.
        old = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            os.tcsetpgrp(0, group)
        except OSError:
            pass  # the group or the terminal has gone
        finally:
            signal.signal(signal.SIGTTOU, old)


def of_stdin() -> Terminal | None:
    """The terminal, None if standard input is not this session's or is hung up."""
    try:
        return Terminal()
    except (OSError, termios.error):
        return None
