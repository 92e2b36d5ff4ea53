"""Updates find no space on the page of their row, so each of them writes to every index."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Outcome, Severity, Unjudged
from alerts.cure import equals, identifier, plain_ddl, regclass, remark
from alerts.findings.indexes._drop import place
from alerts.findings.indexes._hot import RarelyHot, rarely_hot
from alerts.findings.indexes._review import layout_review
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Share, duration_text, share_text
from collectors._columns import where
from collectors.index_layout import IndexLayout, index_layout
from collectors.user_tables import UserTable, user_tables

FULL = 95
"""Fillfactor above which pages keep hardly any space for updates."""
SPACIOUS = 85


@dataclass(frozen=True, slots=True)
class Limits(RarelyHot):
    min_crowded_share: Share = 0.5
    """Share of updates that found no space on the page of their row."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    suspects = [first for first, *_ in rarely_hot(snapshot.rows(index_layout), snapshot.at, limits)]
    tables = where(snapshot.rows(user_tables), "relid", {first.relid for first in suspects})
    factors = {(row.datname, row.relid): fillfactor(row) for row in tables}
    for first in suspects:
        factor = factors.get((first.datname, first.relid))
        if factor is None or factor < FULL:
            continue
        if first.n_tup_newpage_upd is None:
            why = "before PostgreSQL 16 it is not counted which updates lacked space"
            yield Unjudged(why, first.datname, identifier(first.schemaname, first.relname))
        elif first.n_tup_newpage_upd >= limits.min_crowded_share * first.n_tup_upd:
            yield evidence(first, first.n_tup_newpage_upd, factor, snapshot.at)


def fillfactor(table: UserTable) -> int:
    own = dict(option.partition("=")[::2] for option in table.reloptions)
    return int(own.get("fillfactor", 100))


def evidence(first: IndexLayout, crowded: int, factor: int, at: float) -> Evidence:
    name = identifier(first.schemaname, first.relname)
    seconds = at - (first.stats_reset or at)
    share = crowded / first.n_tup_upd
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=share,
        message=(
            f"{share_text(share)} of {plural(first.n_tup_upd, 'update')} of {name} within"
            f" {duration_text(seconds)} found no space on the page of their row, so they wrote to"
            f" all of its indexes. Its fillfactor is {factor}: pages are filled up."
        ),
        facts={
            "updates": first.n_tup_upd,
            "hot_updates": first.n_tup_hot_upd,
            "updates_to_another_page": crowded,
            "crowded_share": share,
            "fillfactor": factor,
            "window_seconds": seconds,
        },
        cure=(
            place(first.datname),
            remark("This keeps space on pages that are filled from now on; it blocks neither"),
            remark("reads nor writes. Pages that are full change with a rewrite (pg_repack)."),
            *plain_ddl(f"ALTER TABLE {name} SET (fillfactor = {SPACIOUS});"),
        ),
        check=(
            "SELECT n_tup_upd, n_tup_hot_upd, n_tup_newpage_upd FROM"
            " pg_catalog.pg_stat_user_tables WHERE"
            f" {equals('relid', regclass(first.schemaname, first.relname))};"
        ),
        object=name,
        database=first.datname,
    )


finding = layout_review(
    "Updates without space on their page", Limits(), judge, also=(user_tables,), unit="share"
)
