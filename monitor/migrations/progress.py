"""Progress of a check: one line of a terminal that is overwritten and removed at the end, or lines
of a log, a few a minute."""

import time
from typing import TextIO

PACE = 0.1
"""Seconds between two lines."""
LOGGED = 10.0
"""Seconds between two lines of a log."""
CLEAR = "\r\x1b[K"


def silent(_: str) -> None:
    """Report no progress."""


class TerminalLine:
    """Line of a terminal: what is being done, once that has taken a second."""

    def __init__(self, terminal: TextIO) -> None:
        self.terminal = terminal
        self.since = time.monotonic()
        self.told = 0.0
        self.shown = False

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self.since >= 1.0 and now - self.told >= PACE:
            self.terminal.write(f"{CLEAR}{text} ...")
            self.terminal.flush()
            self.told, self.shown = now, True

    def end(self) -> None:
        """Remove the line."""
        if self.shown:
            self.terminal.write(CLEAR)
            self.terminal.flush()
            self.shown = False


class LogLines:
    """Lines of a log: what is being done, every few seconds."""

    def __init__(self, log: TextIO, pace: float = LOGGED) -> None:
        self.log = log
        self.pace = pace
        self.told = time.monotonic()

    def __call__(self, text: str) -> None:
        now = time.monotonic()
        if now - self.told >= self.pace:
            self.log.write(f"{text} ...\n")
            self.log.flush()
            self.told = now

    def end(self) -> None:
        """Leave the lines as they are."""
