"""Start a deliberately sick PostgreSQL, light load on it, and watch it.

A throw-away PostgreSQL 18 (`pip install 'pgvigil[demo]'`) with a shop in it, and on top of it the
ordinary daemon. Nothing outside of one temporary folder is touched, and Ctrl-C removes it again.
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from monitor import logs
from monitor.commands._base import BadUsage, assigned
from monitor.commands.check import report
from monitor.configuration.sentence import ConfigurationError
from monitor.demo import shortened
from monitor.demo.binaries import Binaries, LaunchError, Owner
from monitor.demo.launcher import Postgres
from monitor.demo.leftovers import workplace
from monitor.demo.shop import DATABASE, SERVER_SETTINGS, Tell, build
from monitor.demo.show import first_judgement, until_stopped
from monitor.settings import Settings
from monitor.web.serve import bound

ANYWHERE = "127.0.0.1:0"
INTERRUPTED = 130
"""Exit status of what Ctrl-C ended before it was done, as shells have it."""
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, whoever manages us, and a terminal that is closed."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen", metavar="HOST:PORT", help="where HTTP is served (127.0.0.1:19187)"
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="assignments",
        help="any other setting, such as findings.index_unused.window=1h; may be repeated",
    )
    parser.add_argument(
        "--once", action="store_true", help="print the first complete judgement, and end"
    )
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="with --once"
    )


def run(known: argparse.Namespace) -> int:
    owner = Owner.unprivileged()
    try:
        with _interruptible(), workplace(owner) as folder:
            return _demo(Postgres(Binaries.of_wheel(), folder, owner), known)
    except (LaunchError, ConfigurationError) as wrong:
        raise BadUsage(str(wrong)) from None
    except KeyboardInterrupt:
        return INTERRUPTED


def _demo(server: Postgres, known: argparse.Namespace) -> int:
    settings = _settings(server, known)
    logs.set_up(settings.log_level, settings.log_format)
    began = time.monotonic()

    def tell(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:5.1f} s  {what}\n")

    try:
        tell(f"starting PostgreSQL in {server.folder}")
        server.create(SERVER_SETTINGS)
        server.start()
        build(server, tell)
        if known.once:
            return _once(server, settings, tell, known.format)
        return _live(server, settings, tell)
    finally:
        # Somebody in a hurry sends it twice; what is left to do takes a moment.
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)
        server.stop("immediate")


def _settings(server: Postgres, known: argparse.Namespace) -> Settings:
    """Whatever is wrong with them is said before anything is started."""
    flags = assigned(known.assignments)
    listen = known.listen or (ANYWHERE if known.once else None)
    settings = shortened.settings(
        server, flags | ({"listen": listen} if listen else {}), os.environ
    )
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
