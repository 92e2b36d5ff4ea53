"""Single check of all servers without a daemon: query everything once, then judge."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from alerts.history.memory import Memory
from alerts.snapshot import Snapshot
from monitor.clock import Clock
from monitor.config.poolers import pooler_plans
from monitor.config.settings import Settings
from monitor.config.watch_plan import limits, plans
from monitor.exposition.store import Store
from monitor.fleet import Fleet
from monitor.poolers import Poolers
from monitor.views.overview import Overview


async def look(settings: Settings, environ: Mapping[str, str], hold: bool = False) -> Overview:
    """Query and judge all servers once. Raises ConfigurationError."""
    clock, memory = Clock(), remembered(settings)
    fleet = Fleet(clock, memory, Store())
    started = clock.now()
    await fleet.follow(plans(settings, environ, hold))
    poolers = Poolers(clock, memory, fleet.store, fleet)
    await poolers.follow(pooler_plans(settings, environ, hold))
    try:
        await asyncio.gather(
            *(server.look_once() for server in fleet.servers.values()),
            *(pooler.look_once() for pooler in poolers.monitors.values()),
        )
        for pooler in poolers.monitors.values():  # again, now that the servers behind are known
            pooler.judge_all()
        await poolers.tell_servers()
        if len(fleet.servers) > 1 or poolers.monitors:  # again, now that all peers are known
            for server in fleet.servers.values():
                server.judge_all()
                await server.judging.settled()
        return Overview(
            clock.now(),
            fleet.views(),
            poolers.views(),
            started=started,
            reloaded=started,
            limits=limits(settings),
        )
    finally:
        await poolers.close()
        await fleet.close()


@dataclass(frozen=True, slots=True)
class PoolerLooks:
    """Two looks at one pooler; the second has the servers behind it and poolers beside it."""

    name: str
    before: Snapshot
    after: Snapshot
    failure: str | None
    """Why it does not answer."""


async def look_at_poolers(
    settings: Settings, environ: Mapping[str, str], seconds: float
) -> list[PoolerLooks]:
    """Query all poolers and their servers twice. Raises ConfigurationError."""
    clock, memory, store = Clock(), remembered(settings), Store()
    fleet = Fleet(clock, memory, store)
    poolers = Poolers(clock, memory, store, fleet)
    await fleet.follow(plans(settings, environ))
    await poolers.follow(pooler_plans(settings, environ))
    try:
        monitors = list(poolers.monitors.values())
        before = await _looked(fleet, poolers)
        await asyncio.sleep(seconds)
        await fleet.begin_anew()  # what is asked rarely is asked again, too
        after = await _looked(fleet, poolers)
        return [
            PoolerLooks(
                monitor.plan.name,
                first,
                last,
                str(failure) if (failure := monitor.console.failure) else None,
            )
            for monitor, first, last in zip(monitors, before, after, strict=True)
        ]
    finally:
        await poolers.close()
        await fleet.close()


async def _looked(fleet: Fleet, poolers: Poolers) -> list[Snapshot]:
    """Query all servers, then all poolers; return what is known of each pooler, with its peers."""
    await asyncio.gather(*(server.look_once() for server in fleet.servers.values()))
    monitors = list(poolers.monitors.values())
    await asyncio.gather(*(monitor.look_anew() for monitor in monitors))
    return [monitor.snapshot(poolers.peers(monitor)) for monitor in monitors]


async def snapshots(
    settings: Settings, environ: Mapping[str, str]
) -> dict[str, tuple[Snapshot, str | None]]:
    """Query all servers once; return what is known of each, or why it does not answer.

    Raises ConfigurationError.
    """
    fleet = Fleet(Clock(), remembered(settings), Store())
    await fleet.follow(plans(settings, environ))
    try:
        servers = fleet.servers.items()
        await asyncio.gather(*(server.look_once() for _, server in servers))
        views = {view.name: view.unreachable for view in fleet.views()}
        return {name: (server.snapshot(), views.get(name)) for name, server in servers}
    finally:
        await fleet.close()


def remembered(settings: Settings) -> Memory:
    """Return what the daemon's state file holds, where there is one; it is only read."""
    memory = Memory()
    if settings.state_file:
        from monitor.state_file import StateFile

        StateFile(settings.state_file).read(memory)
    return memory
