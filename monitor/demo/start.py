"""The demo from its first word to its last: a server, a shop on it, and pgvigil on top."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from monitor import logs
from monitor.config.settings import Settings
from monitor.demo import shortened
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres
from monitor.demo.leftovers import workplace
from monitor.demo.shop import DATABASE, SERVER_SETTINGS, Tell, build
from monitor.demo.show import first_judgement, until_stopped
from monitor.reports.report import report
from monitor.web.serve import bound

INTERRUPTED = 130
"""Exit status of what Ctrl-C ended before it was done, as shells have it."""
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, whoever manages us, and a terminal that is closed."""


def demo(flags: Mapping[str, str], once: str | None) -> int:
    """Until stopped, or until the first complete judgement is printed in the format `once`.

    Returns the exit status. Raises LaunchError and ConfigurationError.
    """
    owner = Owner.unprivileged()
    try:
        with _interruptible(), workplace(owner) as folder:
            return _on(Postgres(Binaries.of_wheel(), folder, owner), flags, once)
    except KeyboardInterrupt:
        return INTERRUPTED


def _on(server: Postgres, flags: Mapping[str, str], once: str | None) -> int:
    settings = _checked(shortened.settings(server, flags, os.environ))
    logs.set_up(settings.log_level, settings.log_format)
    began = time.monotonic()

    def tell(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:5.1f} s  {what}\n")

    try:
        tell(f"starting PostgreSQL in {server.folder}")
        server.create(SERVER_SETTINGS)
        server.start()
        build(server, tell)
        return _once(server, settings, tell, once) if once else _live(server, settings, tell)
    finally:
        # Somebody in a hurry sends it twice; what is left to do takes a moment.
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)
        server.stop("immediate")


def _checked(settings: Settings) -> Settings:
    """An address that is taken is said before anything is started."""
    for endpoint in settings.listen:
        for one in bound(endpoint, alone=len(settings.listen) == 1):
            one.close()
    return settings


def _live(server: Postgres, settings: Settings, tell: Tell) -> int:
    psql = server.binaries.program("psql")
    shown = "\n".join(f"         {line}" for line in shortened.written())
    tell(f"shortened, so that you need not wait for weeks:\n{shown}")
    tell(f"to paste a cure: {psql} '{server.dsn(DATABASE)}'")
    asyncio.run(until_stopped(server, settings, tell))
    tell("stopping")
    return 0


def _once(server: Postgres, settings: Settings, tell: Tell, format: str) -> int:
    tell("waiting for the first complete judgement")
    overview = asyncio.run(first_judgement(server, settings, tell))
    if overview is None:
        return INTERRUPTED
    report(overview, format)
    return 0


@contextmanager
def _interruptible() -> Iterator[None]:
    """All that can stop us does so in order, while the daemon does not listen to it itself."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
