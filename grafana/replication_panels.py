"""Panels about replication: lag of standbys, WAL retained by slots, archiving."""

from collections.abc import Iterator

from grafana.panels import CRITICAL, WARNING, YES_OR_NO, Panel, Query, Steps, graph
from grafana.queries import SERVER_NAMED, a_minute, by, fact, limits
from grafana.verdict_panels import ill_subjects, in_chapter

STANDBY = f"{{{{application_name}}}} of {SERVER_NAMED}"
SLOT = f"{{{{slot_name}}}} of {SERVER_NAMED}"
NO_STANDBY = "No standby is connected."
STAGES = (
    ("Not sent yet", "sent_lag_bytes", "the primary has written, but not sent."),
    ("Not written yet", "write_lag_bytes", "the standby has not written yet."),
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
        "Seconds by which a standby's data is behind, measured on the standby; no line if"
        " unknown. The lines are the limits of replica_lag.",
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
    yield _bytes(
        "Not replayed yet",
        "pg_wal_lsn_diff",
        "a standby has not replayed, so its queries don't see them.",
        span=12,
    )


def sender_panels() -> Iterator[Panel]:
    for title, name, about in STAGES:
        yield _bytes(title, name, about)
    yield graph(
        "Delay of recent WAL",
        "Time until a standby had written, flushed and replayed it; no line while"
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
            "Whether a WAL receiver runs and hears from upstream; a standby without one gets WAL"
            " only from the archive, or not at all.",
            "pg_stat_wal_receiver_up",
            None,
        ),
        (
            "Replay paused",
            "Whether replay was paused by an administrator, or by a parameter that is too small.",
            "pg_replication_replay_paused",
            {1.0: WARNING},
        ),
    ):
        seen = Query(by("max", "", fact(name)), SERVER_NAMED)
        yield graph(title, about, YES_OR_NO, seen, steps=steps, empty="No standby is watched.")
    conflicts = a_minute(fact("pg_stat_database_conflicts_confl_snapshot"))
    yield graph(
        "Statements cancelled by replay, a minute",
        "They needed rows that the primary had removed.",
        "short",
        Query(by("sum", "", conflicts), SERVER_NAMED),
    )


def slot_panels() -> Iterator[Panel]:
    yield graph(
        "WAL retained by slots",
        "An unused slot retains WAL up to max_slot_wal_keep_size, or until the disk is full.",
        "bytes",
        Query(by("max", "slot_name", fact("pg_replication_slots_pg_wal_lsn_diff")), SLOT),
        empty="There are no slots.",
    )
    yield graph(
        "Slots in use",
        "No: it is not in use, but retains WAL.",
        YES_OR_NO,
        Query(by("max", "slot_name", fact("pg_replication_slots_active")), SLOT),
        empty="There are no slots.",
    )
    yield graph(
        "WAL files archived a minute",
        "Archived files, and failed attempts.",
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
