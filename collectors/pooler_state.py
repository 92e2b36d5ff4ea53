"""SHOW STATE: whether the pooler as a whole is active, paused or suspended; since 1.19."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane


@dataclass(frozen=True, slots=True)
class PoolerState:
    key: str
    value: str | None
    """`yes` or `no`."""


pooler_state = Collector(
    row=PoolerState,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    console="SHOW STATE",
    key=("key",),
)
