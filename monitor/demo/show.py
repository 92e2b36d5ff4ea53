"""The ordinary daemon on top of the shop: until somebody stops it, or until all illnesses show."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from alerts._base import State
from monitor.config.settings import Settings
from monitor.daemon import Daemon
from monitor.demo.launcher import Postgres
from monitor.demo.scenes import SCENES
from monitor.demo.shop import Tell
from monitor.demo.shortened import notice
from monitor.demo.stage import playing
from monitor.demo.traffic import TRAFFIC
from monitor.views.overview import Overview

PLANTED = (
    "connection_saturation",
    "deadlocks",
    "idle_in_transaction",
    "index_unused",
    "lock_blocker_root",
    "lock_queue_ddl",
    "table_bloat",
)
LONG_ENOUGH = 90.0
"""Seconds after which an illness that doesn't show is given up."""


async def until_stopped(server: Postgres, settings: Settings, tell: Tell) -> None:
    """Raises ConfigurationError where the address is taken meanwhile."""
    async with _watched(server, settings) as (daemon, running):
        await asyncio.sleep(0)  # its first step, in which it binds
        for one in daemon.web.sockets:
            host, port = one.getsockname()[:2]
            tell(f"watch it: http://{_reachable(host)}:{port}/ (Ctrl-C ends it)")
        # There is nothing to reload; a terminal that is closed ends the demo.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, daemon.stopping.set)
        await running


async def first_judgement(server: Postgres, settings: Settings, tell: Tell) -> Overview | None:
    """The first picture in which all that is planted is found; after a while, what there is.

    None where somebody stops it before. Raises ConfigurationError.
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
    """The planted illnesses that no server is known to have, or all while none was judged."""
    verdicts = {name: v for server in overview.servers for name, v in server.verdicts.items()}
    ill = {name for name, verdict in verdicts.items() if verdict.state is State.ill}
    return [name for name in PLANTED if name not in ill]


@asynccontextmanager
async def _watched(
    server: Postgres, settings: Settings
) -> "AsyncIterator[tuple[Daemon, asyncio.Task[None]]]":
    """The shop in use, and a daemon that watches it, for the length of a block."""
    daemon = Daemon(settings, load=lambda: settings, environ={}, notices=(notice(),))
    running = asyncio.create_task(daemon.run(), name="daemon")
    async with playing(server, (*TRAFFIC, *SCENES)):
        try:
            yield daemon, running
        finally:
            daemon.stopping.set()
            await asyncio.gather(running, return_exceptions=True)


def _reachable(host: str) -> str:
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}
    return everywhere.get(host, f"[{host}]" if ":" in host else host)
