"""Show which standby could take over now, what would be lost, and what would break.

It looks at all servers of the settings for some seconds. It exits with 1 if no standby is known
to be ready.
"""

import argparse
import asyncio
import os
import sys

from alerts._catalogue import all_findings
from alerts.findings.replication.failover_readiness import Limits
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
from monitor.reports.failover import Seen, candidates, failover_table, silent_servers
from monitor.server import ServerMonitor

FINDING = "failover_readiness"
NOT_READY = 1
"""Exit status if no standby is known to be ready."""
LOOKS = 4
"""Number of looks at positions, a second apart: links and lag are told by what changes."""


def arguments(parser: argparse.ArgumentParser) -> None:
    server_argument(parser)
    settings_flags(parser)


def run(known: argparse.Namespace) -> int:
    settings = settings_of(known)
    logs.set_up("error", settings.log_format)
    try:
        return asyncio.run(show(settings))
    except ConfigurationError as wrong:
        raise BadUsage(str(wrong)) from None


async def show(settings: Settings) -> int:
    """Look at all servers, print the table, and return the exit status."""
    fleet = Fleet(Clock(), Memory(), Store())
    await fleet.follow(plans(settings, os.environ, hold=False))
    servers = fleet.servers.values()
    try:
        await asyncio.gather(*(server.look_once() for server in servers))
        for _ in range(LOOKS):
            await asyncio.sleep(1)
            await asyncio.gather(*(server.round(Lane.fast) for server in servers))
        known = [seen(server) for server in servers]
        found = candidates(known)
        sys.stdout.write("".join((*silent_servers(known), failover_table(found))))
        return 0 if any(one.is_ready for one in found) else NOT_READY
    finally:
        await fleet.close()


def seen(server: ServerMonitor) -> Seen:
    """Return what is known of a server and its peers, and the limits that apply to it."""
    now = server.clock.now()
    limits = server.plan.limits.get(FINDING, all_findings()[FINDING].limits)
    assert isinstance(limits, Limits)
    return server.answers.snapshot(server.node, now, server.peers()), limits
