"""Single check of all servers without a daemon: query everything once, then judge."""

import asyncio
from collections.abc import Mapping

from alerts.history.memory import Memory
from monitor.clock import Clock
from monitor.config.settings import Settings
from monitor.config.watch_plan import limits, plans
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.views.overview import Overview


async def look(settings: Settings, environ: Mapping[str, str], hold: bool = False) -> Overview:
    """Query and judge all servers once. Raises ConfigurationError."""
    clock, memory = Clock(), Memory()
    if settings.state_file and settings.state_file.exists():
        from monitor.state_file import StateFile

        StateFile(settings.state_file).read(memory)
    fleet = Fleet(clock, memory, Store())
    started = clock.now()
    await fleet.follow(plans(settings, environ, hold))
    try:
        await asyncio.gather(*(server.look_once() for server in fleet.servers.values()))
        if len(fleet.servers) > 1:  # judge again, now that the rows of all peers are known
            for server in fleet.servers.values():
                server.judge_all()
                await server.judging.settled()
        return Overview(
            clock.now(), fleet.views(), started=started, reloaded=started, limits=limits(settings)
        )
    finally:
        await fleet.close()
