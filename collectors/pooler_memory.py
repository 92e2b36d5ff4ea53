"""SHOW MEM: memory of the pooler by what it is for."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane, gauge


@dataclass(frozen=True, slots=True)
class PoolerMemory:
    name: str
    size: int | None
    """Bytes of one object."""
    used: int | None
    free: int | None
    memtotal: int | None
    """Bytes of all of them."""


pooler_memory = Collector(
    row=PoolerMemory,
    lane=Lane.slow,
    of=Kind.pgbouncer,
    console="SHOW MEM",
    key=("name",),
    metrics=(gauge("pgbouncer_memory_bytes", "Memory, by what it is for.", "memtotal", ("name",)),),
)
