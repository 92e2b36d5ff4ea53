"""How far standbys are behind, what slots keep, and whether WAL is archived."""

from collections.abc import Iterator

from grafana.panels import CRITICAL, WARNING, Panel, Query, Steps, graph
from grafana.queries import BY_SERVER, WHERE, fact, limits, rate
from grafana.verdict_panels import ill_subjects, in_group

STANDBY = f"{{{{application_name}}}} of {WHERE}"
STAGES = (
    ("Not sent yet", "sent_lag_bytes", "the primary has written, and not sent."),
    ("Not written yet", "write_lag_bytes", "the standby has not handed to its kernel."),
    ("Not flushed yet", "flush_lag_bytes", "the standby would lose in a crash."),
)
DELAYS = ("write", "flush", "replay")


def replication_findings() -> Iterator[Panel]:
    yield ill_subjects(in_group("replication"))


def lag_panels() -> Iterator[Panel]:
    found = limits("replica_lag")
    behind: Steps = {
        found.behind.total_seconds(): WARNING,
        found.behind_critical.total_seconds(): CRITICAL,
    }
    yield graph(
        "Lag of standbys",
        "Seconds that a standby's data is behind, as the standby knows it; no line where that is"
        " not known. The lines are the limits of replica_lag.",
        "s",
        Query(
            f"{fact('pg_replication_lag_seconds')} and on (job, instance, server)"
            f" {fact('pg_replication_is_replica')} == 1",
            WHERE,
        ),
        steps=behind,
        span=12,
    )
    yield _bytes("Not replayed yet", "pg_wal_lsn_diff", "a standby does not show yet.", span=12)


def sender_panels() -> Iterator[Panel]:
    for title, name, about in STAGES:
        yield _bytes(title, name, about)
    yield graph(
        "Delay of recent WAL",
        "How long it took until a standby had written, flushed and replayed it; no line while"
        " nothing is written.",
        "s",
        *(
            Query(
                f"max by (application_name, {BY_SERVER})"
                f" ({fact(f'pg_stat_replication_{stage}_lag_seconds')})",
                f"{stage}: {STANDBY}",
            )
            for stage in DELAYS
        ),
        span=24,
    )


def replica_panels() -> Iterator[Panel]:
    yield graph(
        "Connected to upstream",
        "1 where a WAL receiver runs; a standby without one lives of the archive, or of nothing.",
        "short",
        Query(fact("pg_stat_wal_receiver_up"), WHERE),
    )
    yield graph(
        "Replay paused",
        "1 where somebody, or a parameter that is too small, has stopped replay.",
        "short",
        Query(fact("pg_replication_replay_paused"), WHERE),
        steps={1: WARNING},
    )
    conflicts = rate(fact("pg_stat_database_conflicts_confl_snapshot"))
    yield graph(
        "Statements cancelled by replay",
        "Because they needed rows that the primary had cleaned up, per second.",
        "ops",
        Query(f"sum by ({BY_SERVER}) ({conflicts})", WHERE),
    )


def slot_panels() -> Iterator[Panel]:
    yield graph(
        "WAL that slots keep",
        "A slot that nobody reads keeps WAL until the disk is full, or max_slot_wal_keep_size.",
        "bytes",
        Query(
            f"max by (slot_name, {BY_SERVER}) ({fact('pg_replication_slots_pg_wal_lsn_diff')})",
            f"{{{{slot_name}}}} of {WHERE}",
        ),
    )
    yield graph(
        "Slots that nobody reads",
        "1 for each of them.",
        "short",
        Query(
            f"max by (slot_name, {BY_SERVER}) ({fact('pg_replication_slots_active')}) == 0",
            f"{{{{slot_name}}}} of {WHERE}",
        ),
        steps={1: WARNING},
    )
    yield graph(
        "WAL archived",
        "Files a second, and attempts that failed.",
        "ops",
        *(
            Query(f"sum by ({BY_SERVER}) ({rate(fact(name))})", f"{what}: {WHERE}")
            for what, name in (
                ("archived", "pg_stat_archiver_archived_count"),
                ("failed", "pg_stat_archiver_failed_count"),
            )
        ),
    )


def _bytes(title: str, name: str, about: str, span: int = 8) -> Panel:
    return graph(
        title,
        f"Bytes of WAL that {about}",
        "bytes",
        Query(
            f"max by (application_name, {BY_SERVER}) ({fact(f'pg_stat_replication_{name}')})",
            STANDBY,
        ),
        span=span,
    )
