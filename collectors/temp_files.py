"""pg_ls_tmpdir: temporary files of statements, by the session that writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample
from collectors._capabilities import LIST_TEMPORARY

# A file's name begins with the pid. Files that parallel workers share are in folders, which the
# function does not list.
QUERY = """
    select
        t.spcname::text                                         as spcname,
        substring(f.name from '^pgsql_tmp([0-9]+)')::int4       as pid,
        count(*)                                                as files,
        sum(f.size)::int8                                       as size_bytes
    from pg_catalog.pg_tablespace t
    cross join lateral pg_ls_tmpdir(t.oid) f
    where t.spcname <> 'pg_global'
    group by 1, 2
    order by 4 desc
    limit 50
"""


@dataclass(frozen=True, slots=True)
class TempFiles:
    """The temporary files of one session in one tablespace; the 50 largest."""

    spcname: str
    pid: int | None
    files: int
    size_bytes: int


def total(rows: Sequence[TempFiles]) -> Iterator[Sample]:
    yield (), sum(row.size_bytes for row in rows)


temp_files = Collector(
    row=TempFiles,
    lane=Lane.slow,
    sql={140000: QUERY},
    key=("spcname", "pid"),
    needs=(LIST_TEMPORARY,),
    metrics=(
        Metric(
            "pg_temp_files_size_bytes",
            "gauge",
            "Size of the temporary files of running statements, of the largest sessions.",
            (),
            total,
        ),
    ),
)
