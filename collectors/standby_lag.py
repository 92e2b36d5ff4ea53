"""Lag of a standby, measured by the daemon against the primary where it watches that too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from collectors._base import Collector, Lane, Metric, Sample, gauge


@dataclass(frozen=True, slots=True)
class StandbyLag:
    """Lag of a server. None: unknown, and never 0."""

    lag_seconds: float | None
    """Age of the oldest change that is not replayed; 0 on a primary."""
    lag_bytes: int | None
    stages: Mapping[str, int] = field(default_factory=dict)
    """Bytes that wait at each stage, as far as they can be told apart."""
    heard: bool | None = None
    """Whether a WAL receiver is connected and no message is overdue; None on a primary."""


def staged(rows: Sequence[StandbyLag]) -> Iterator[Sample]:
    for row in rows:
        for stage, waiting in row.stages.items():
            yield (stage,), waiting


lag: Metric[StandbyLag] = gauge(
    "pg_replication_lag_seconds",
    "Time by which replay is behind; absent if unknown.",
    lambda row: row.lag_seconds,
    note="Measured against the primary's own position where that is watched too. Absent, not 0,"
    " where nothing was replayed yet or the connection is dead, and, if the primary is not watched,"
    " while all that arrived is replayed but no message came for 2 s: an idle primary and a hung"
    " connection look the same until the standby asks, after half of wal_receiver_timeout."
    " Watch the primary too for a value at all times.",
)

standby_lag: Collector[StandbyLag] = Collector(
    row=StandbyLag,
    lane=Lane.fast,
    metrics=(
        lag,
        lag.also("pg_replication_lag"),
        gauge(
            "pg_replication_lag_bytes",
            "WAL that is not replayed yet; absent if unknown.",
            lambda row: row.lag_bytes,
            note="Absent where pg_replication_lag_seconds is. An idle primary writes some hundred"
            " bytes by itself.",
        ),
        Metric(
            "pg_replication_lag_stage_bytes",
            "gauge",
            "WAL that waits at this stage (send, receive, flush, replay) on its way to a standby.",
            ("stage",),
            staged,
        ),
        gauge(
            "pg_stat_wal_receiver_up",
            "Whether a WAL receiver is connected to upstream and hears from it.",
            lambda row: row.heard,
            note="0 also while the receiver runs but its connection is hung. Absent on a primary.",
        ),
    ),
)
