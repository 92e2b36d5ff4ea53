"""pg_stat_checkpointer: number, reasons and cost of checkpoints."""

from dataclasses import dataclass
from operator import attrgetter

from collectors._base import Collector, Lane, Metric, counter

BEFORE_17 = """
    select
        checkpoints_timed                           as num_timed,
        checkpoints_req                             as num_requested,
        null::int8                                  as num_done,
        null::int8                                  as restartpoints_timed,
        null::int8                                  as restartpoints_req,
        null::int8                                  as restartpoints_done,
        checkpoint_write_time::float8               as write_milliseconds,
        checkpoint_sync_time::float8                as sync_milliseconds,
        buffers_checkpoint                          as buffers_written,
        null::int8                                  as slru_written,
        extract(epoch from stats_reset)::float8     as stats_reset
    from pg_catalog.pg_stat_bgwriter
"""
QUERY = """
    select
        num_timed,
        num_requested,
        {num_done}::int8                            as num_done,
        restartpoints_timed,
        restartpoints_req,
        restartpoints_done,
        write_time::float8                          as write_milliseconds,
        sync_time::float8                           as sync_milliseconds,
        buffers_written,
        {slru_written}::int8                        as slru_written,
        extract(epoch from stats_reset)::float8     as stats_reset
    from pg_catalog.pg_stat_checkpointer
"""


@dataclass(frozen=True, slots=True)
class Checkpointer:
    """The one row of a server; counters since its statistics were last reset."""

    num_timed: int
    """Started by checkpoint_timeout; since 17 also those skipped on an idle server."""
    num_requested: int
    """Started by max_wal_size, or by request."""
    num_done: int | None
    """Since 18."""
    restartpoints_timed: int | None
    """Checkpoints of a standby, since 17; before, they are counted with the others."""
    restartpoints_req: int | None
    restartpoints_done: int | None
    write_milliseconds: float
    sync_milliseconds: float
    buffers_written: int
    slru_written: int | None
    """Since 18."""
    stats_reset: float | None
    """Unix seconds."""

    @property
    def write_seconds(self) -> float:
        return self.write_milliseconds / 1000

    @property
    def sync_seconds(self) -> float:
        return self.sync_milliseconds / 1000


TEXTS = {
    "num_timed": "Checkpoints started by checkpoint_timeout.",
    "num_requested": "Checkpoints started by max_wal_size or by request.",
    "num_done": "Completed checkpoints.",
    "restartpoints_timed": "Restartpoints started by checkpoint_timeout.",
    "restartpoints_req": "Requested restartpoints.",
    "restartpoints_done": "Completed restartpoints.",
    "write_milliseconds": "Milliseconds that checkpoints took to write.",
    "sync_milliseconds": "Milliseconds that checkpoints took to sync.",
    "write_seconds": "Time that checkpoints took to write.",
    "sync_seconds": "Time that checkpoints took to sync.",
    "buffers_written": "Pages written by checkpoints.",
    "slru_written": "Pages of SLRUs written by checkpoints.",
    "stats_reset": "When the statistics were last reset, in unix seconds.",
}
SINCE = {
    "restartpoints_timed": 17,
    "restartpoints_req": 17,
    "restartpoints_done": 17,
    "num_done": 18,
    "slru_written": 18,
}
NAMES = {"write_milliseconds": "write_time", "sync_milliseconds": "sync_time"}
OF_BGWRITER = {
    "num_timed": "checkpoints_timed",
    "num_requested": "checkpoints_req",
    "write_milliseconds": "checkpoint_write_time",
    "sync_milliseconds": "checkpoint_sync_time",
    "buffers_written": "buffers_checkpoint",
}
"""Names from before 17, which are still served."""
EARLIER = "Also served before 17, from pg_stat_bgwriter."
LATER = "Also served on 17 and later, from pg_stat_checkpointer."


def total(name: str, column: str, note: str) -> Metric[Checkpointer]:
    metric: Metric[Checkpointer] = counter(
        f"{name}_total", TEXTS[column], attrgetter(column), note=note
    )
    return metric.from_version(SINCE.get(column, 0))


def of_bgwriter(column: str) -> tuple[Metric[Checkpointer], ...]:
    """Return the metric under its current name, and under its old name without `_total`."""
    name = f"pg_stat_bgwriter_{OF_BGWRITER[column]}"
    metric = total(name, column, LATER)
    return metric, metric.also(name)


checkpointer = Collector(
    row=Checkpointer,
    lane=Lane.normal,
    sql={
        140000: BEFORE_17,
        170000: QUERY.format(num_done="null", slru_written="null"),
        180000: QUERY.format(num_done="num_done", slru_written="slru_written"),
    },
    counters=("num_timed", "num_requested", "buffers_written"),
    epoch="stats_reset",
    metrics=(
        *(
            total(
                f"pg_stat_checkpointer_{NAMES.get(column, column)}",
                column,
                EARLIER if column in (*OF_BGWRITER, "stats_reset") else "",
            )
            for column in TEXTS
        ),
        *(metric for column in OF_BGWRITER for metric in of_bgwriter(column)),
    ),
)
