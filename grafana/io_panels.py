"""Panels about input and output: blocks, checkpoints, WAL, and disk space."""

from collections.abc import Iterator

from grafana.panels import Panel, Query, graph
from grafana.queries import DATABASE_NAMED, SERVER_NAMED, a_minute, by, fact, in_databases, rate


def io_panels() -> Iterator[Panel]:
    hit, read = (
        by("sum", "datname", rate(in_databases(f"pg_stat_database_blks_{what}")))
        for what in ("hit", "read")
    )
    yield graph(
        "Blocks found in shared buffers",
        "Share of the requested blocks; the others came from the kernel or from disk."
        " No line while nothing is read.",
        "percentunit",
        Query(f"{hit} / ({hit} + {read} > 0)", DATABASE_NAMED),
    )
    for title, name, about in (
        ("Read", "read_bytes", "read, from the kernel's cache or from disk"),
        ("Written", "write_bytes", "written; backends that write must wait for it"),
    ):
        yield graph(
            title,
            f"Bytes a second that were {about}, by backend type. PostgreSQL 16 and later.",
            "Bps",
            Query(
                f"sum by (backend_type) ({rate(fact(f'pg_stat_io_{name}_total'))}) > 0",
                "{{backend_type}}",
            ),
            stacked=True,
        )
    yield from row_panels()


def row_panels() -> Iterator[Panel]:
    for title, unit, name, about in (
        (
            "Temporary files",
            "Bps",
            "pg_stat_database_temp_bytes",
            "Bytes a second that sorts and hashes wrote, because work_mem was too small.",
        ),
        (
            "Rows returned",
            "rowsps",
            "pg_stat_database_tup_returned",
            "Rows read by scans, whether they were needed or not.",
        ),
        (
            "Rows fetched",
            "rowsps",
            "pg_stat_database_tup_fetched",
            "Rows fetched by index scans; far fewer than returned rows means sequential scans.",
        ),
    ):
        yield graph(title, about, unit, _by_database(name))


def checkpoint_panels() -> Iterator[Panel]:
    yield graph(
        "Checkpoints a minute",
        "Started checkpoints. Many requested ones mean that max_wal_size is too small.",
        "short",
        _by_server("by time", a_minute(fact("pg_stat_checkpointer_num_timed_total"))),
        _by_server("requested", a_minute(fact("pg_stat_checkpointer_num_requested_total"))),
    )
    yield graph(
        "Time of checkpoints",
        "Seconds a minute of writing, which PostgreSQL spreads out, and of syncing. Counted"
        " when a checkpoint ends.",
        "s",
        _by_server("writing", a_minute(fact("pg_stat_checkpointer_write_seconds_total"))),
        _by_server("syncing", a_minute(fact("pg_stat_checkpointer_sync_seconds_total"))),
    )
    yield graph(
        "Pages written",
        "Pages a second, written by checkpoints and by the background writer.",
        "ops",
        _by_server("checkpoints", rate(fact("pg_stat_checkpointer_buffers_written_total"))),
        _by_server("background writer", rate(fact("pg_stat_bgwriter_buffers_clean_total"))),
    )


def wal_panels() -> Iterator[Panel]:
    yield graph(
        "WAL written",
        "Bytes a second.",
        "Bps",
        _by_server("", rate(fact("pg_stat_wal_bytes_total"))),
    )
    yield graph(
        "Full pages",
        "Full-page images a second. Each checkpoint causes new ones.",
        "ops",
        _by_server("", rate(fact("pg_stat_wal_full_page_images_total"))),
    )
    yield graph(
        "WAL on disk",
        "Size of all WAL files. It grows while archiving fails or a slot retains WAL.",
        "bytes",
        Query(by("max", "", fact("pg_wal_size_bytes")), SERVER_NAMED),
    )


def size_panels() -> Iterator[Panel]:
    yield graph(
        "Size of databases",
        "Disk space of each of the chosen databases.",
        "bytes",
        Query(by("max", "datname", in_databases("pg_database_size_bytes")), DATABASE_NAMED),
    )
    yield graph(
        "Age of the oldest transaction",
        "Transactions since the oldest one of the whole server that is not frozen. Autovacuum"
        " starts to freeze at autovacuum_freeze_max_age; at 2 billion PostgreSQL refuses writes.",
        "short",
        Query(by("max", "", fact("pg_database_frozen_xid_age")), SERVER_NAMED),
    )
    yield graph(
        "Vacuum held back",
        "Transactions for which dead rows can't be removed, by holder.",
        "short",
        Query(
            f"{by('max', 'holder', fact('pg_xmin_horizon_age'))} > 0",
            f"{{{{holder}}}} of {SERVER_NAMED}",
        ),
        empty="Nothing holds back vacuum.",
    )


def _by_server(what: str, counted: str) -> Query:
    legend = f"{SERVER_NAMED}, {what}" if what else SERVER_NAMED
    return Query(by("sum", "", counted), legend)


def _by_database(name: str) -> Query:
    return Query(by("sum", "datname", rate(in_databases(name))), DATABASE_NAMED)
