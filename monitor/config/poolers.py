"""Watched poolers: those named by the settings, each with the address of its console."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.limits import BaseLimits
from alerts.verdicts.mutes import Mute
from alerts.verdicts.tracker import Timing
from collectors._base import Lane
from monitor.address import Address
from monitor.config.errors import ConfigurationError
from monitor.config.servers import address_of, target_named, watched_servers
from monitor.config.watch_plan import PATIENCE, limits, mutes, timing

if TYPE_CHECKING:
    from monitor.config.settings import Settings

# Those of the PG* variables that don't say which server is meant.
SHARED = ("PGPASSFILE", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGREQUIREAUTH")
DEFAULTS = {"PGPORT": "6432", "PGDATABASE": "pgbouncer"}


@dataclass(frozen=True, slots=True)
class PoolerPlan:
    """Settings of one pooler. An equal plan after a reload keeps its connection and history."""

    name: str
    address: Address
    servers: tuple[str, ...]
    """Names of the watched servers behind it; empty: told by its own addresses."""
    paces: Mapping[Lane, float]
    """Seconds."""
    limits: Mapping[str, BaseLimits]
    mutes: tuple[Mute, ...] = ()
    timing: Timing = PATIENCE
    deadline: float = 5.0
    """Seconds that a login, or a command, may take."""
    log: Path | None = None
    """Where we see its log; None: we don't."""

    def same_watch(self, other: "PoolerPlan") -> bool:
        """Return True if only settings of judging differ, so that the connection can stay."""
        same = replace(other, limits=self.limits, mutes=self.mutes, timing=self.timing)
        return self == same


def pooler_plans(
    settings: "Settings", environ: Mapping[str, str], hold: bool = True
) -> Iterator[PoolerPlan]:
    """Yield a plan for each configured pooler. Raises ConfigurationError."""
    if not settings.poolers:
        return
    servers = watched_servers(settings, environ)
    shared = {name: environ[name] for name in SHARED if environ.get(name)}
    for name, pooler in settings.poolers.items():
        where = f"poolers.{name}"
        if name in servers:
            raise ConfigurationError(f"{where}: a server has the same name; rename one of them.")
        if pooler.dsn is None and pooler.dsn_file is None:
            raise ConfigurationError(f"{where}.dsn is missing.")
        for server in pooler.servers:
            if server not in servers:
                raise ConfigurationError(f"{where}.servers: {server} is no watched server.")
        address = address_of(pooler, DEFAULTS | shared)
        target_named(address, where)
        yield PoolerPlan(
            name=name,
            address=address,
            servers=pooler.servers,
            paces={lane: getattr(settings.paces, lane.value).total_seconds() for lane in Lane},
            limits=limits(settings),
            mutes=mutes(settings),
            timing=timing(settings, hold),
            deadline=settings.deadline.total_seconds(),
            log=pooler.log,
        )
