"""The daemon watching the demo shop: until stopped, or until all expected findings are seen."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from alerts._base import State
from monitor.config.configuration import configuration
from monitor.config.settings import Settings
from monitor.daemon import Daemon
from monitor.demo.launcher import Postgres
from monitor.demo.scenes._catalogue import planted, scenes
from monitor.demo.shop import Tell
from monitor.demo.short_windows import notice
from monitor.demo.stage import playing
from monitor.demo.traffic import TRAFFIC
from monitor.views.overview import Overview

LONG_ENOUGH = 90.0
"""Seconds to wait for the expected findings."""


async def until_stopped(server: Postgres, settings: Settings, tell: Tell) -> None:
    """Run the daemon until stopped. Raises ConfigurationError if the address is in use."""
    async with _watched(server, settings) as (daemon, running):
        await asyncio.sleep(0)  # the daemon binds its sockets in its first step
        for one in daemon.web.sockets:
            host, port = one.getsockname()[:2]
            tell(f"open http://{_reachable(host)}:{port}/ (Ctrl-C stops the demo)")
        # Closing the terminal sends SIGHUP, which ends the demo; there is nothing to reload.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, daemon.stopping.set)
        await running


async def first_judgement(server: Postgres, settings: Settings, tell: Tell) -> Overview | None:
    """Return the first overview with all expected findings, or the newest after a timeout.

    Returns None if the daemon is stopped before. Raises ConfigurationError.
    """
    async with _watched(server, settings) as (daemon, running):
        deadline = time.monotonic() + LONG_ENOUGH
        while (missing := unseen(daemon.overview)) and not running.done():
            if time.monotonic() > deadline:
                tell(f"not found within {LONG_ENOUGH:.0f} s: {', '.join(missing)}")
                break
            await asyncio.sleep(0.1)
        if running.done():
            await running
            return None
        return daemon.overview


def unseen(overview: Overview) -> list[str]:
    """Return the expected findings that are not ill yet."""
    verdicts = {name: v for target in overview.judged for name, v in target.verdicts.items()}
    ill = {name for name, verdict in verdicts.items() if verdict.state is State.ill}
    return [name for name in planted() if name not in ill]


@asynccontextmanager
async def _watched(
    server: Postgres, settings: Settings
) -> "AsyncIterator[tuple[Daemon, asyncio.Task[None]]]":
    """Run the shop's applications and the daemon for the length of a block."""
    known = configuration(settings, {})
    daemon = Daemon(known, load=lambda: known, notices=(notice(),))
    running = asyncio.create_task(daemon.run(), name="daemon")
    async with playing(server, (*TRAFFIC, *scenes())):
        try:
            yield daemon, running
        finally:
            daemon.stopping.set()
            await asyncio.gather(running, return_exceptions=True)


def _reachable(host: str) -> str:
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    return everywhere.get(host, f"[{host}]" if ":" in host else host)
