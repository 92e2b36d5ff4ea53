"""Collectors of users' own checks: one query of a file, wrapped so that its rows are few and short.

The query runs as a subquery, alone in a read-only transaction that is rolled back: it can be no
other statement than a SELECT, and leaves nothing behind.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Role, Sample, Scope

MOST_ROWS = 100
"""Number of rows that are judged."""
LONGEST_SUBJECT, LONGEST_TEXT, MOST_COLUMNS = 200, 300, 20
LONGEST_CURE = 4000
# Its own alias can't be a column of the query; `is_mark` is a row that says it was asked.
WRAPPED = """
    select
        {database}
        null::pg_catalog.text                               as subject,
        null::pg_catalog.float8                             as value,
        null::pg_catalog.text                               as severity,
        null::pg_catalog.text                               as cure,
        null::pg_catalog.text                               as columns,
        true                                                as is_mark
    union all
    select
        {database}
        pg_catalog.left(own.found ->> 'subject', {subject}),
        (own.found ->> 'value')::pg_catalog.float8,
        pg_catalog.left(own.found ->> 'severity', 20),
        pg_catalog.left(own.found ->> 'cure', {cure}),
        (
            select pg_catalog.jsonb_object_agg(one.key, pg_catalog.left(one.value, {text}))
            from (
                select each.key, each.value
                from pg_catalog.jsonb_each_text(own.found) each
                where each.key not in ('subject', 'value', 'severity', 'cure')
                limit {columns}
            ) one
        )::pg_catalog.text,
        false
    from (
        select pg_catalog.to_jsonb(pgvigil_row) as found
        from (
{query}
        ) pgvigil_row
        limit {rows}
    ) own
"""


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A row of the query; its other columns are texts, as JSON."""

    subject: str | None
    value: float | None
    severity: str | None
    cure: str | None
    columns: str | None
    is_mark: bool
    """Whether it only says that the query was run."""


@dataclass(frozen=True, slots=True)
class OwnRowOfDatabase:
    """The same of one database."""

    datname: str
    subject: str | None
    value: float | None
    severity: str | None
    cure: str | None
    columns: str | None
    is_mark: bool


AnyOwnRow = OwnRow | OwnRowOfDatabase


def own_collector(
    name: str,
    title: str,
    query: str,
    lane: Lane,
    databases: tuple[str, ...],
    on: Role | None,
    timeout: float | None = None,
) -> Collector[AnyOwnRow]:
    """Return the collector of a check; of the whole server where it names no databases."""
    base = OwnRowOfDatabase if databases else OwnRow
    row = type(base.__name__, (base,), {"__module__": f"collectors.{name}", "__slots__": ()})
    return Collector(
        row=row,
        lane=lane,
        sql={140000: wrapped(query, of_database=bool(databases))},
        scope=Scope.database if databases else Scope.server,
        key=("datname", "subject") if databases else ("subject",),
        on=on,
        own=True,
        timeout=timeout,
        databases=databases,
        metrics=(
            Metric(
                f"pgvigil_{name}",
                "gauge",
                f"Own check: {title}",
                ("datname", "subject") if databases else ("subject",),
                _samples,
            ),
        ),
    )


def wrapped(query: str, of_database: bool) -> str:
    """Return the query as a subquery that sends little."""
    return WRAPPED.format(
        database="pg_catalog.current_database()::text as datname," if of_database else "",
        subject=LONGEST_SUBJECT,
        cure=LONGEST_CURE + 1,
        text=LONGEST_TEXT,
        columns=MOST_COLUMNS,
        rows=MOST_ROWS + 1,
        query=query,
    )


def _samples(rows: Sequence[AnyOwnRow]) -> Iterator[Sample]:
    seen = set()
    for row in rows:
        where = (row.datname,) if isinstance(row, OwnRowOfDatabase) else ()
        labels = (*where, row.subject)
        is_known = row.subject is not None and row.value is not None and math.isfinite(row.value)
        if is_known and labels not in seen:
            seen.add(labels)
            yield labels, row.value
