"""Demo program: starts a server, builds the shop, and runs pgvigil."""

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
from monitor.demo import pooler, short_windows
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres
from monitor.demo.leftovers import workplace
from monitor.demo.scenes._catalogue import scripts
from monitor.demo.shop import DATABASE, SERVER_SETTINGS, Tell, build
from monitor.demo.show import first_judgement, until_stopped
from monitor.reports.report import report
from monitor.web.serve import bound

INTERRUPTED = 130
"""Exit status after Ctrl-C, as in shells."""
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals of Ctrl-C, of a process manager, and of a closed terminal."""


def demo(flags: Mapping[str, str], once: str | None) -> int:
    """Run until stopped; with a format in `once`, print the first complete report and return.

    Returns the exit status. Raises LaunchError and ConfigurationError.
    """
    owner = Owner.unprivileged()
    try:
        with _interruptible(), workplace(owner) as folder:
            return _on(Postgres(Binaries.of_wheel(), folder, owner), flags, once)
    except KeyboardInterrupt:
        return INTERRUPTED


def _on(server: Postgres, flags: Mapping[str, str], once: str | None) -> int:
    settings = _checked(short_windows.settings(server, flags, os.environ))
    logs.set_up(settings.log_level, settings.log_format)
    began = time.monotonic()

    def tell(what: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:5.1f} s  {what}\n")

    try:
        tell(f"starting PostgreSQL in {server.folder}")
        server.create(SERVER_SETTINGS)
        server.start()
        build(server, scripts(), tell)
        with pooler.running(server):
            return _once(server, settings, tell, once) if once else _live(server, settings, tell)
    finally:
        # Ignore a second Ctrl-C: the cleanup takes only a moment.
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)
        server.stop("immediate")


def _checked(settings: Settings) -> Settings:
    """Report an address that is in use before starting anything."""
    for endpoint in settings.listen:
        for one in bound(endpoint, alone=len(settings.listen) == 1):
            one.close()
    return settings


def _live(server: Postgres, settings: Settings, tell: Tell) -> int:
    psql = server.binaries.program("psql")
    shown = "\n".join(f"         {line}" for line in short_windows.written())
    tell(f"shortened settings, so that you need not wait for weeks:\n{shown}")
    tell(f"psql for pasting cures: {psql} '{server.dsn(DATABASE)}'")
    if pooler.program():
        ini, port = server.folder / "pgbouncer.ini", pooler.PORT
        tell(
            f"the pooler's ini file: {ini}; its console: {psql} -h {server.folder} -p {port}"
            " -U postgres pgbouncer"
        )
    asyncio.run(until_stopped(server, settings, tell))
    tell("stopping")
    return 0


def _once(server: Postgres, settings: Settings, tell: Tell, format: str) -> int:
    tell("waiting for the first complete report")
    overview = asyncio.run(first_judgement(server, settings, tell))
    if overview is None:
        return INTERRUPTED
    report(overview, format)
    return 0


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the signals into KeyboardInterrupt while the daemon does not handle them itself."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
