"""Tables, indexes and sequences: the ten that matter most, by each measure."""

from collections.abc import Iterator
from typing import Any

from alerts._base import Finding
from alerts._catalogue import all_findings
from collectors._base import Scope
from grafana.panels import WARNING, WORTH_KNOWING, Panel, Query, graph
from grafana.queries import in_databases, limits, rate
from grafana.verdict_panels import ill_subjects

TABLE = "datname, schemaname, relname"
INDEX = f"{TABLE}, indexrelname"
NAMED = "{{datname}}: {{schemaname}}.{{relname}}"
INDEX_NAMED = "{{datname}}: {{schemaname}}.{{indexrelname}}"


def relation_findings() -> Iterator[Panel]:
    yield ill_subjects([name for name, finding in all_findings().items() if _of_relations(finding)])


def _of_relations(finding: Finding[Any]) -> bool:
    return any(collector.scope is Scope.database for collector in finding.reads)


def table_panels() -> Iterator[Panel]:
    yield _tables("Largest tables", "Size with TOAST.", "bytes", "table_size_bytes")
    yield _tables("Largest indexes by table", "All indexes of it.", "bytes", "index_size_bytes")
    yield _tables("Live rows", "By the statistics' estimate.", "short", "n_live_tup")
    yield _tables(
        "Rows read by sequential scans",
        "A second; many of a large table may want an index.",
        "rowsps",
        "seq_tup_read",
        counter=True,
    )
    yield _tables("Rows inserted", "A second.", "rowsps", "n_tup_ins", counter=True)
    yield _tables(
        "Rows updated",
        "A second; each leaves a dead row behind.",
        "rowsps",
        "n_tup_upd",
        counter=True,
    )


def vacuum_panels() -> Iterator[Panel]:
    bloat = limits("table_bloat")
    dead, live = (in_databases(f"pg_stat_user_tables_n_{kind}_tup") for kind in ("dead", "live"))
    yield _tables("Dead rows", "Those that vacuum has yet to remove.", "short", "n_dead_tup")
    yield graph(
        "Share of dead rows",
        "The ten tables with most of them, of more than 1,000 rows. It says how far vacuum is"
        f" behind; bloat is what it left, from {bloat.min_share:.0%} on told by table_bloat.",
        "percentunit",
        Query(f"topk(10, max by ({TABLE}) ({dead} / ({dead} + {live} > 1000)))", NAMED),
    )
    yield _tables(
        "Rows changed since ANALYZE",
        "The planner's estimates are as old as that.",
        "short",
        "n_mod_since_analyze",
    )


def index_panels() -> Iterator[Panel]:
    unused = limits("index_unused")
    size = in_databases("pg_stat_user_indexes_size_bytes")
    yield graph(
        "Largest indexes",
        "Size at the last vacuum or analyze; index_unused speaks of those from the first line on,"
        " if nobody reads them.",
        "bytes",
        Query(f"topk(10, max by ({INDEX}) ({size}))", INDEX_NAMED),
        steps={unused.min_bytes: WORTH_KNOWING, unused.warn_bytes: WARNING},
    )
    for title, about, name in (
        ("Most used indexes", "Scans a second.", "pg_stat_user_indexes_idx_scan_total"),
        (
            "Index blocks from outside of shared buffers",
            "Blocks a second that were read for an index.",
            "pg_statio_user_indexes_idx_blks_read_total",
        ),
    ):
        yield graph(
            title,
            f"{about} The ten with most.",
            "ops",
            Query(f"topk(10, sum by ({INDEX}) ({rate(in_databases(name))}))", INDEX_NAMED),
        )


def sequence_panels() -> Iterator[Panel]:
    used = in_databases("pg_sequence_used_ratio")
    name = "datname, schemaname, sequencename"
    yield graph(
        "Sequences by how much is used up",
        "Share of the values, by the type of its column too; at 100 % inserts fail.",
        "percentunit",
        Query(
            f"topk(10, max by ({name}) ({used}))", "{{datname}}: {{schemaname}}.{{sequencename}}"
        ),
        span=24,
    )


def _tables(title: str, about: str, unit: str, name: str, counter: bool = False) -> Panel:
    asked = in_databases(f"pg_stat_user_tables_{name}")
    value = rate(asked) if counter else asked
    return graph(
        title,
        f"{about} The ten with most.",
        unit,
        Query(f"topk(10, max by ({TABLE}) ({value}))", NAMED),
    )
