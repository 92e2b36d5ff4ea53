"""pg_prepared_xacts: prepared transactions that were not yet committed or rolled back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample

QUERY = """
    select
        gid,
        owner::text                                                 as owner,
        database::text                                              as datname,
        extract(epoch from prepared)::float8                        as prepared,
        extract(epoch from clock_timestamp() - prepared)::float8    as prepared_seconds,
        age(transaction)::int8                                      as xid_age
    from pg_catalog.pg_prepared_xacts
"""


@dataclass(frozen=True, slots=True)
class PreparedTransaction:
    gid: str
    owner: str
    datname: str
    prepared: float
    """Unix seconds."""
    prepared_seconds: float
    xid_age: int


def count(rows: Sequence[PreparedTransaction]) -> Iterator[Sample]:
    yield (), len(rows)


def oldest(rows: Sequence[PreparedTransaction]) -> Iterator[Sample]:
    first: dict[str, float] = {}
    for row in rows:
        first[row.datname] = min(row.prepared, first.get(row.datname, row.prepared))
    for datname, prepared in first.items():
        yield (datname,), prepared


prepared_transactions = Collector(
    row=PreparedTransaction,
    lane=Lane.normal,
    sql={140000: QUERY},
    key=("gid",),
    metrics=(
        Metric("pg_prepared_transactions", "gauge", "Prepared transactions.", (), count),
        Metric(
            "pg_prepared_transactions_oldest_timestamp_seconds",
            "gauge",
            "When the oldest one of the database was prepared; absent if there is none.",
            ("datname",),
            oldest,
        ),
    ),
)
