"""Progress of a check: one line of a terminal that is overwritten and removed at the end, or lines
of a log, a few a minute."""

import threading
import time
from collections.abc import Callable
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


class Repeated:
    """Progress that is told again while nothing new is: long steps have a sign of life, too."""

    def __init__(self, told: Callable[[str], None], pace: float = 1.0) -> None:
        self.told = told
        self.pace = pace
        self.text = ""
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._repeat, name="progress", daemon=True)
        self.thread.start()

    def __call__(self, text: str) -> None:
        with self.lock:
            self.text = text
            self.told(text)

    def end(self) -> None:
        """Tell nothing any more."""
        self.over.set()
        self.thread.join()

    def _repeat(self) -> None:
        while not self.over.wait(self.pace):
            with self.lock:
                if self.text:
                    self.told(self.text)


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
