"""toast_bloat and catalog_bloat on hand-made rows: not quite, not known, and kept."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Evidence, State
from alerts.findings.storage import catalog_bloat, toast_bloat
from collectors._base import Absence
from collectors.column_statistics import ColumnStatistics, column_statistics
from collectors.table_layout import TableLayout, table_layout
from collectors.user_tables import UserTable, user_tables
from collectors.xmin_horizon import Holder, xmin_horizon
from tests.findings.storage.test_table_bloat_rows import LAYOUT, table
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import seen

PAGES = 400_000
FULL = 4.0 * PAGES


def toast(chunks: float, pages: int = PAGES, dead: int = 0) -> UserTable:
    known = {"toast_relpages": pages, "toast_reltuples": chunks, "toast_n_dead_tup": dead}
    return table(1.0, 1000, toast_relid=11, **known)


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (toast(FULL * 0.4), State.ill),
        (toast(FULL * 0.7), State.healthy),
        (toast(FULL * 0.4, PAGES // 4), State.healthy),
        (toast(FULL * 0.4, 100), State.healthy),
        (toast(-1.0), State.unknown),
        (toast(FULL, dead=int(FULL * 0.5)), State.ill),
        (toast(FULL, dead=int(FULL * 0.2)), State.healthy),
        (table(1.0), State.healthy),
    ],
    ids=["empty", "a third", "small", "tiny", "never", "deleted", "a few deleted", "none"],
)
def test_toast(row: UserTable, state: State) -> None:
    found = verdict_of(toast_bloat.finding, seen((user_tables, [row])))
    assert found.state is state


def test_toast_that_is_kept() -> None:
    """A slot of a standby may still need it: no rewrite, and its steps come first."""
    held = (xmin_horizon, [Holder("replication_slot", "s1", None, 70)])
    row = toast(FULL * 0.4, dead=1000)
    [subject] = verdict_of(toast_bloat.finding, seen((user_tables, [row]), held)).subjects
    cure = "\n".join(subject.evidence.cure)
    assert "VACUUM (FULL" not in cure
    assert cure.index("s1") < cure.index("VACUUM public.orders;")


def catalog(share: float, **traits: Any) -> TableLayout:
    known = {"schemaname": "pg_catalog", "relname": "pg_attribute"}
    return replace(LAYOUT, **known | {"reltuples": LAYOUT.reltuples * share} | traits)


def judged(row: TableLayout, *more: Any) -> tuple[State, Evidence | None]:
    widths = ColumnStatistics("shop", 10, [1, 2, 3], [0.0] * 3, [4] * 3, [-1.0] * 3, 1.0)
    snapshot = seen((table_layout, [row]), (column_statistics, [widths]), *more)
    found = verdict_of(catalog_bloat.finding, snapshot)
    return found.state, found.subjects[0].evidence if found.subjects else None


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (catalog(0.3), State.ill),
        (catalog(0.6), State.healthy),
        (catalog(0.3, relpages=20_000), State.healthy),
        (catalog(0.3, schemaname="public"), State.healthy),
        (catalog(0.3, attlen=[4, -1, 4], relname="pg_statistic", relid=12), State.unknown),
        (catalog(0.3, last_analyze=2.0), State.learning),
        (catalog(0.6, last_analyze=2.0), State.healthy),
    ],
    ids=[
        *("empty", "less than half", "small", "a table", "pg_statistic"),
        *("analysed in between", "so, and less than half"),
    ],
)
def test_catalogue(row: TableLayout, state: State) -> None:
    assert judged(row)[0] is state


def test_logical_slots_keep_dead_rows_of_catalogues() -> None:
    """They keep those of catalogues alone, and are ended first."""
    held = (xmin_horizon, [Holder("replication_slot", "sub", "shop", 70)])
    _, evidence = judged(catalog(0.3, n_dead_tup=9), held)
    assert evidence
    assert "sub" in evidence.message
    assert evidence.cure.index("VACUUM (ANALYZE) pg_catalog.pg_attribute;") > 1


def test_without_the_grant() -> None:
    text = catalog(0.3, attlen=[4, -1, 4])
    blind = replace(
        seen((table_layout, [text])), absent={column_statistics: Absence("no", "GRANT x")}
    )
    [unjudged] = verdict_of(catalog_bloat.finding, blind).unjudged
    assert unjudged.grant == "GRANT x"
