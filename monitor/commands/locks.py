"""Show which sessions wait for which locks: live on a terminal, otherwise once.

The root of each tree waits for no lock; the sessions below it wait for it to end. Deadlocks are
shown with both sides, and so are tables that are locked in opposite order before a deadlock.
When printed once, it exits with 2 if the locks of a server are unknown.
"""

import argparse
import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from alerts.history.memory import Memory
from collectors._base import Lane
from monitor import logs
from monitor.clock import Clock
from monitor.commands._base import BadUsage, server_argument, settings_flags, settings_of
from monitor.config.errors import ConfigurationError
from monitor.config.settings import Settings
from monitor.config.watch_plan import plans
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.server import ServerMonitor
from monitor.views.lock_tree import LockView, lock_view

if TYPE_CHECKING:
    from rich.console import Console

NOT_KNOWN = 2
"""Exit status if the locks of a server are unknown."""
PACE = 0.25
"""Seconds between updates of the screen; queries are as far apart as the budget allows."""
TOUR = 30.0
"""Seconds between two visits of all databases, which provide the names of tables."""
NAMING = 10.0
"""Seconds that a single report waits for the names of tables."""


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)
    parser.add_argument("--once", action="store_true", help="print once, on a terminal too")


def run(known: argparse.Namespace) -> int:
    from monitor.reports.console import Terminal

    settings, console = settings_of(known), Terminal()
    logs.set_up("error", settings.log_format)
    live = console.is_terminal and not known.once
    # Handle SIGTERM like Ctrl-C, so that the terminal's screen is always restored.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            return asyncio.run(watch(settings, console, live))
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None
    return 0


async def watch(settings: Settings, console: "Console", live: bool) -> int:
    """Print once, or update the screen until interrupted; return the exit status."""
    fleet = Fleet(Clock(), Memory(), Store())
    await fleet.follow(plans(settings, os.environ))
    try:
        if live:
            await on_screen(fleet, console)
        return await once(fleet, console)
    finally:
        await fleet.close()


async def once(fleet: Fleet, console: "Console") -> int:
    from monitor.reports.locks import lock_report

    servers = fleet.servers.values()
    await asyncio.gather(*(server.round(Lane.fast) for server in servers))
    await asyncio.gather(*(server.pulse() for server in servers))
    if any(view.forest for _, view in all_views(fleet)):
        with suppress(TimeoutError):
            async with asyncio.timeout(NAMING):
                await asyncio.gather(*(server.visit_databases() for server in servers))
    views = all_views(fleet)
    console.print(lock_report(views, fleet.clock.now()), soft_wrap=True)
    return NOT_KNOWN if any(view.unknown for _, view in views) else 0


async def on_screen(fleet: Fleet, console: "Console") -> None:
    """Update the screen until interrupted; a server that hangs delays only its own answers."""
    from rich.live import Live

    from monitor.reports.locks import fitted, lock_report

    servers = fleet.servers.values()
    async with asyncio.TaskGroup() as asking:
        for server in servers:
            asking.create_task(look(server))
            asking.create_task(learn_names(server))
        with Live(console=console, auto_refresh=False, screen=True) as screen:
            while True:
                # Discards the answers of a server that has become unreachable.
                await asyncio.gather(*(server.pulse() for server in servers))
                picture = lock_report(all_views(fleet), fleet.clock.now())
                screen.update(fitted(picture, console), refresh=True)
                await asyncio.sleep(PACE)


async def look(server: ServerMonitor) -> None:
    while True:
        await asyncio.gather(server.round(Lane.fast), asyncio.sleep(PACE))


async def learn_names(server: ServerMonitor) -> None:
    while True:
        await server.visit_databases()
        await asyncio.sleep(TOUR if server.sessions.any else PACE)


def all_views(fleet: Fleet) -> list[tuple[str, LockView]]:
    """Return the current lock view of every server, by name."""
    servers = fleet.servers.values()
    return [(server.plan.name, lock_view(server.snapshot())) for server in servers]
