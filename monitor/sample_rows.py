"""Samples in the state file: tables `series` and `samples`, thinned as they are written."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress

from alerts.history.samples import DAY, HOUR, MINUTE, STEPS, NewSample, Sample, Series

SCHEMA = (
    """
    create table if not exists series (
        id integer primary key, cluster text not null, server text not null, room text not null,
        key text not null, epoch text not null, unique (cluster, server, room, key, epoch)
    )
    """,
    """
    create table if not exists samples (
        series integer not null, step integer not null, at real not null, value real not null,
        primary key (series, step, at)
    ) without rowid
    """,
)
KNOW = """
    insert or ignore into series (cluster, server, room, key, epoch) values (?, ?, ?, ?, ?)
"""
FIND = "select id from series where (cluster, server, room, key, epoch) = (?, ?, ?, ?, ?)"
PUT = "insert or replace into samples (series, step, at, value) values (?, ?, ?, ?)"
THIN = "delete from samples where series = ? and step = ? and at < ?"
READ = """
    select at, value from samples
    where series = ? and step = ? and at >= ?
        and at between -1e20 and 1e20 and value between -1e20 and 1e20
    order by at
"""
"""SQLite keeps texts in columns of numbers too; they sort after all numbers."""
LARGEST = 1 << 30
"""Bytes of the file from which on the finest samples are dropped."""


def write(connection: sqlite3.Connection, new: Iterable[NewSample]) -> None:
    """Write samples, drop those of the same series that are too old, and what is empty."""
    ids: dict[Series, int] = {}
    newest: dict[tuple[int, int], float] = {}
    rows = []
    for series, step, at, value in new:
        with suppress(UnicodeEncodeError):  # SQLite can't keep a lone surrogate in a name
            if series not in ids:
                connection.execute(KNOW, _columns(series))
                [ids[series]] = connection.execute(FIND, _columns(series)).fetchone()
            rows.append((ids[series], step, at, value))
            newest[ids[series], step] = at
    connection.executemany(PUT, rows)
    old = [(series, step, at - STEPS[step]) for (series, step), at in newest.items()]
    connection.executemany(THIN, old)
    if any(step == DAY for _, step, _, _ in rows):
        _drop_what_ended(connection, max(at for _, _, at, _ in rows))
    _keep_small(connection)


def read(
    connection: sqlite3.Connection, series: Series, step: int, since: float
) -> Sequence[Sample]:
    with suppress(UnicodeEncodeError):
        if found := connection.execute(FIND, _columns(series)).fetchone():
            rows = connection.execute(READ, (found[0], step, since))
            return [Sample(at, value) for at, value in rows]
    return ()


def _columns(series: Series) -> tuple[str, ...]:
    return (*series.place, series.key, series.epoch)


def _drop_what_ended(connection: sqlite3.Connection, now: float) -> None:
    """Once a day: samples of series that get no more, and series without samples."""
    for step, kept in STEPS.items():
        connection.execute("delete from samples where step = ? and at < ?", (step, now - kept))
    connection.execute("delete from series where id not in (select series from samples)")


def _keep_small(connection: sqlite3.Connection) -> None:
    """Drop the finest samples of all where the file has become too large."""
    for step in (MINUTE, HOUR):
        sizes = [
            connection.execute(f"pragma {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        ]
        pages, free, size = sizes
        if (pages - free) * size > LARGEST:
            connection.execute("delete from samples where step = ?", (step,))
