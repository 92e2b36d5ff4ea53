"""Updates change an indexed column, so each of them writes to every index of the table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Outcome, Severity, Unjudged
from alerts.cure import equals, identifier, regclass, remark
from alerts.findings.indexes._definition import is_bound
from alerts.findings.indexes._drop import kept, place
from alerts.findings.indexes._hot import RarelyHot, rarely_hot
from alerts.findings.indexes._review import layout_review
from alerts.limits import Slack
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Share, duration_text, share_text
from collectors.index_layout import IndexLayout, index_layout

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Limits(RarelyHot):
    min_changing_share: Share = 0.5
    """Share of updates that had space on their page and were not HOT: they changed an indexed
    column."""
    rare: Annotated[float, Slack(1.1)] = 0.01
    """Scans for each update, below which an index is hardly worth that cost."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for indexes in rarely_hot(snapshot.rows(index_layout), snapshot.at, limits):
        spare = [index for index in indexes if is_hardly_used(index, limits)]
        if not spare:
            continue
        first = indexes[0]
        if first.n_tup_newpage_upd is None:
            why = "before PostgreSQL 16 it is not counted which updates only lacked space"
            yield Unjudged(why, first.datname, identifier(first.schemaname, first.relname))
        elif changing(first) >= limits.min_changing_share * first.n_tup_upd:
            yield evidence(first, spare, snapshot.at)


def is_hardly_used(index: IndexLayout, limits: Limits) -> bool:
    enforces = index.is_unique or index.supports_fk or is_bound(index)
    # From 16 on a BRIN index does not keep updates from being HOT.
    rarely = index.idx_scan < limits.rare * index.n_tup_upd and index.got_all_entries
    return rarely and not enforces and index.amname != "brin"


def changing(index: IndexLayout) -> int:
    """Return the updates that had space on their page, and still were not HOT."""
    return index.n_tup_upd - index.n_tup_hot_upd - (index.n_tup_newpage_upd or 0)


def evidence(first: IndexLayout, spare: Sequence[IndexLayout], at: float) -> Evidence:
    table = identifier(first.schemaname, first.relname)
    names = ", ".join(identifier(index.indexrelname) for index in spare[:SHOWN])
    seconds = at - (first.stats_reset or at)
    share = changing(first) / first.n_tup_upd
    return Evidence(
        subject=table,
        severity=Severity.info,
        value=share,
        message=(
            f"At least {share_text(share)} of {plural(first.n_tup_upd, 'update')} of {table} within"
            f" {duration_text(seconds)} changed an indexed column, so they wrote to all of its"
            f" indexes; queries hardly use {names}."
        ),
        facts={
            "updates": first.n_tup_upd,
            "hot_updates": first.n_tup_hot_upd,
            "updates_to_another_page": first.n_tup_newpage_upd,
            "changing_share": share,
            "hardly_used": names,
            "window_seconds": seconds,
        },
        cure=(place(first.datname), *cure(spare)),
        check=(
            "SELECT n_tup_upd, n_tup_hot_upd, n_tup_newpage_upd FROM"
            " pg_catalog.pg_stat_user_tables WHERE"
            f" {equals('relid', regclass(first.schemaname, first.relname))};"
        ),
        object=table,
        database=first.datname,
    )


def cure(spare: Sequence[IndexLayout]) -> Iterator[str]:
    """Advise step by step: counters don't tell which columns the updates change."""
    yield remark("1. See in pg_stat_statements which columns the updates of the table set.")
    yield remark("2. If such a column is in one of these, and no statement needs that index, save")
    yield remark("its definition, and drop it with DROP INDEX CONCURRENTLY:")
    for index in spare[:SHOWN]:
        yield from kept(index.schemaname, index.indexrelname)[1:]


finding = layout_review("Index that prevents HOT updates", Limits(), judge, unit="share")
