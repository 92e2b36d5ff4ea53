"""How far standbys are behind, what slots keep, and whether WAL is archived."""

from collections.abc import Iterator

from grafana.panels import CRITICAL, WARNING, YES_OR_NO, Panel, Query, Steps, graph
from grafana.queries import SERVER_NAMED, a_minute, by, fact, limits
from grafana.verdict_panels import ill_subjects, in_chapter

STANDBY = f"{{{{application_name}}}} of {SERVER_NAMED}"
SLOT = f"{{{{slot_name}}}} of {SERVER_NAMED}"
NO_STANDBY = "No standby is connected."
STAGES = (
    ("Not sent yet", "sent_lag_bytes", "the primary has written, and not sent."),
    ("Not written yet", "write_lag_bytes", "the standby has not handed to its kernel."),
    ("Not flushed yet", "flush_lag_bytes", "the standby would lose in a crash."),
)
DELAYS = ("write", "flush", "replay")


def replication_findings() -> Iterator[Panel]:
    yield ill_subjects(in_chapter("replication"))


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
            by(
                "max",
                "",
                f"{fact('pg_replication_lag_seconds')} and on (job, instance, server)"
                f" {fact('pg_replication_is_replica')} == 1",
            ),
            SERVER_NAMED,
        ),
        steps=behind,
        empty="No standby is watched.",
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
                by("max", "application_name", fact(f"pg_stat_replication_{stage}_lag_seconds")),
                f"{stage}: {STANDBY}",
            )
            for stage in DELAYS
        ),
        empty="No standby acknowledges new WAL.",
        span=24,
    )


def replica_panels() -> Iterator[Panel]:
    for title, about, name, steps in (
        (
            "Connected to upstream",
            "Whether a WAL receiver runs; a standby without one lives of the archive, or of"
            " nothing.",
            "pg_stat_wal_receiver_up",
            None,
        ),
        (
            "Replay paused",
            "Whether somebody, or a parameter that is too small, has stopped replay.",
            "pg_replication_replay_paused",
            {1.0: WARNING},
        ),
    ):
        seen = Query(by("max", "", fact(name)), SERVER_NAMED)
        yield graph(title, about, YES_OR_NO, seen, steps=steps, empty="No standby is watched.")
    conflicts = a_minute(fact("pg_stat_database_conflicts_confl_snapshot"))
    yield graph(
        "Statements cancelled by replay, a minute",
        "Because they needed rows that the primary had cleaned up.",
        "short",
        Query(by("sum", "", conflicts), SERVER_NAMED),
    )


def slot_panels() -> Iterator[Panel]:
    yield graph(
        "WAL that slots keep",
        "A slot that nobody reads keeps WAL until the disk is full, or max_slot_wal_keep_size.",
        "bytes",
        Query(by("max", "slot_name", fact("pg_replication_slots_pg_wal_lsn_diff")), SLOT),
        empty="There is no slot.",
    )
    yield graph(
        "Slots that are read",
        "No: nobody reads it, and it keeps WAL.",
        YES_OR_NO,
        Query(by("max", "slot_name", fact("pg_replication_slots_active")), SLOT),
        empty="There is no slot.",
    )
    yield graph(
        "WAL files archived a minute",
        "And attempts that failed.",
        "short",
        *(
            Query(by("sum", "", a_minute(fact(name))), f"{SERVER_NAMED}, {what}")
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
        Query(by("max", "application_name", fact(f"pg_stat_replication_{name}")), STANDBY),
        empty=NO_STANDBY,
        span=span,
    )
