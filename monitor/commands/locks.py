"""Who waits for whom for a lock: live on a terminal, once elsewhere.

The root of each tree waits for nobody; everybody below it goes on when it ends. Deadlocks are
shown with both sides, and tables that are locked in opposite order before one happens. One picture
exits 2 where a server does not answer.
"""

import argparse
import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from alerts.memory import Memory
from collectors._base import Lane
from monitor import logs
from monitor.clock import Clock
from monitor.commands._base import BadUsage, settings_flags, settings_of
from monitor.configuration.sentence import ConfigurationError
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.lock_view import lock_view
from monitor.plan import plans
from monitor.server import Server
from monitor.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

UNREACHABLE = 2
"""Exit status of one picture on which a server is missing."""
PACE = 0.25
"""Seconds between two pictures; looks are as far apart as the fast lane's budget wants it."""


def arguments(parser: argparse.ArgumentParser) -> None:
    settings_flags(parser)
    parser.add_argument("--once", action="store_true", help="one picture, on a terminal too")


def run(known: argparse.Namespace) -> int:
    from rich.console import Console

    settings, console = settings_of(known), Console()
    logs.set_up("error", settings.log_format)
    live = console.is_terminal and not known.once
    try:
        with suppress(KeyboardInterrupt):
            return 0 if asyncio.run(watch(settings, console, live)) else UNREACHABLE
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None
    return 0


async def watch(settings: Settings, console: "Console", live: bool) -> bool:
    """One picture, or one after the other until interrupted; says whether all servers answered."""
    from rich.live import Live

    fleet = Fleet(Clock(), Memory(), Store())
    await fleet.follow(plans(settings, os.environ))
    servers = fleet.servers.values()

    async def ask(server: Server) -> None:
        await server.round(Lane.fast)
        if server.sessions.any is None:
            await server.pulse()  # it says why

    async def look() -> None:
        await asyncio.gather(*map(ask, servers))

    try:
        await look()
        # Tables get their names from what is asked in each database.
        await asyncio.gather(*(server.visit_databases() for server in servers))
        if not live:
            console.print(picture(fleet), soft_wrap=True)
            return all(server.sessions.any for server in servers)
        with Live(picture(fleet), console=console, auto_refresh=False, screen=True) as screen:
            while True:
                await asyncio.gather(look(), asyncio.sleep(PACE))
                screen.update(picture(fleet), refresh=True)
    finally:
        await fleet.close()


def picture(fleet: Fleet) -> "Text":
    """All servers as they are known now."""
    from monitor.lock_report import lock_report

    servers = fleet.servers.values()
    views = ((server.plan.name, lock_view(server.snapshot())) for server in servers)
    return lock_report(views, fleet.clock.now())
