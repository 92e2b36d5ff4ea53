"""Panels about tables, indexes and sequences: the top ten by each measure."""

from collections.abc import Callable, Iterator

from alerts._base import AnyFinding
from alerts._catalogue import all_findings
from collectors._base import Scope
from grafana.panels import WARNING, WORTH_KNOWING, Column, Panel, Query, listing, ranking
from grafana.queries import DATABASE_NAMED, a_minute, by, in_databases, limits, rate
from grafana.verdict_panels import ill_subjects

SHOWN = 15
TABLE = "datname, schemaname, relname"
INDEX = f"{TABLE}, indexrelname"
SEQUENCE = "datname, schemaname, sequencename"
NAMED = f"{DATABASE_NAMED}: {{{{schemaname}}}}.{{{{relname}}}}"
INDEX_NAMED = f"{DATABASE_NAMED}: {{{{schemaname}}}}.{{{{indexrelname}}}}"
SEQUENCE_NAMED = f"{DATABASE_NAMED}: {{{{schemaname}}}}.{{{{sequencename}}}}"


def relation_findings() -> Iterator[Panel]:
    yield ill_subjects([name for name, finding in all_findings().items() if _of_relations(finding)])


def _of_relations(finding: AnyFinding) -> bool:
    return any(collector.scope is Scope.database for collector in finding.reads)


def table_list() -> Panel:
    """Table of the largest tables, with several measures."""
    size, indexes, live, dead, changed = (
        by("max", TABLE, in_databases(f"pg_stat_user_tables_{name}"))
        for name in (
            "table_size_bytes",
            "index_size_bytes",
            "n_live_tup",
            "n_dead_tup",
            "n_mod_since_analyze",
        )
    )
    measures = {
        "Size": (size, "bytes"),
        "Indexes": (indexes, "bytes"),
        "Live rows": (live, "short"),
        "Dead rows": (dead, "short"),
        "Dead share": (f"{dead} / ({dead} + {live} > 0)", "percentunit"),
        "Changed since ANALYZE": (changed, "short"),
    }
    values = [f"Value #{name}" for name in "ABCDEF"]
    return listing(
        "Largest tables",
        "Sizes are from the last vacuum or analyze, rows are estimated by the statistics.",
        [f"{value} and topk({SHOWN}, {size})" for value, _ in measures.values()],
        {
            "server": Column("Server"),
            "datname": Column("Database"),
            "schemaname": Column("Schema"),
            "relname": Column("Table"),
            **{
                value: Column(title, unit=unit, width=190 if "since" in title else 110)
                for value, (title, (_, unit)) in zip(values, measures.items(), strict=True)
            },
        },
        hidden=(),
        empty="No tables.",
        height=12,
        worst=("Size",),
    )


def table_panels() -> Iterator[Panel]:
    yield table_list()
    yield _tables("Size of tables", "Size with TOAST.", "bytes", "table_size_bytes")
    yield _tables(
        "Size of a table's indexes", "All indexes of a table.", "bytes", "index_size_bytes"
    )
    yield _tables("Live rows", "Estimated by the statistics.", "short", "n_live_tup")
    yield _tables(
        "Rows read by sequential scans",
        "Rows a second; for a large table, an index may help.",
        "rowsps",
        "seq_tup_read",
        rate,
    )
    yield _tables("Rows inserted", "Rows a second.", "rowsps", "n_tup_ins", rate)
    yield _tables(
        "Rows updated",
        "Rows a second; each update leaves a dead row.",
        "rowsps",
        "n_tup_upd",
        rate,
    )


def vacuum_panels() -> Iterator[Panel]:
    bloat = limits("table_bloat")
    dead, live = (in_databases(f"pg_stat_user_tables_n_{kind}_tup") for kind in ("dead", "live"))
    yield _tables("Dead rows", "Rows that vacuum has not removed yet.", "short", "n_dead_tup")
    yield ranking(
        "Share of dead rows",
        "The top ten tables of more than 1,000 rows. It shows how far vacuum is"
        f" behind; bloat above {bloat.min_share:.0%} is reported by table_bloat.",
        "percentunit",
        Query(f"topk(10, {by('max', TABLE, f'{dead} / ({dead} + {live} > 1000)')})", NAMED),
        empty="No table has more than 1,000 rows.",
    )
    yield _tables(
        "Rows changed since ANALYZE",
        "The planner's estimates don't include these changes.",
        "short",
        "n_mod_since_analyze",
    )
    yield _tables(
        "Autovacuums a minute",
        "Many vacuums of one table mean that something holds back vacuum.",
        "short",
        "autovacuum_count",
        a_minute,
    )


def index_panels() -> Iterator[Panel]:
    unused = limits("index_unused")
    size = in_databases("pg_stat_user_indexes_size_bytes")
    yield ranking(
        "Largest indexes",
        "Size at the last vacuum or analyze; index_unused reports unused indexes above the first"
        " dashed line.",
        "bytes",
        Query(f"topk(10, {by('max', INDEX, size)})", INDEX_NAMED),
        steps={unused.min_bytes: WORTH_KNOWING, unused.warn_bytes: WARNING},
    )
    for title, about, name in (
        ("Most used indexes", "Scans a second.", "pg_stat_user_indexes_idx_scan_total"),
        (
            "Index blocks not in shared buffers",
            "Blocks a second that were read for an index.",
            "pg_statio_user_indexes_idx_blks_read_total",
        ),
    ):
        yield ranking(
            title,
            f"{about} The top ten.",
            "ops",
            Query(f"topk(10, {by('sum', INDEX, rate(in_databases(name)))} > 0)", INDEX_NAMED),
            empty="None at the moment.",
        )
    yield sequences()


def sequences() -> Panel:
    return ranking(
        "Sequences by used share",
        "Used share of the values, also by the column's type; at 100 %, inserts fail.",
        "percentunit",
        Query(
            f"topk(10, {by('max', SEQUENCE, in_databases('pg_sequence_used_ratio'))})",
            SEQUENCE_NAMED,
        ),
        empty="No sequence was read. In each database: GRANT SELECT ON ALL SEQUENCES IN SCHEMA …"
        " TO pgvigil; `pgvigil doctor` names the schemas.",
    )


def _tables(
    title: str, about: str, unit: str, name: str, taken: Callable[[str], str] = str
) -> Panel:
    value = taken(in_databases(f"pg_stat_user_tables_{name}"))
    return ranking(
        title,
        f"{about} The top ten.",
        unit,
        Query(f"topk(10, {by('max', TABLE, value)} > 0)", NAMED),
        empty="None at the moment.",
    )
