"""index_bloat on hand-made rows: what is not quite bloated, not known, or kept by a transaction.

The index is on a unique bigint: 366 entries fill a page.
"""

from dataclasses import fields, replace
from typing import Any

import pytest

from alerts._base import Evidence, Severity, State
from alerts.bloat.estimate import NEVER_COUNTED
from alerts.bloat.rebuilt import RebuiltSizes
from alerts.findings.storage.index_bloat import REBUILT, finding
from alerts.history.memory import Memory, Namespace
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Answer, AnyCollector, Role
from collectors.btree_layout import BTreeLayout, btree_layout
from collectors.column_statistics import ColumnStatistics, column_statistics
from collectors.prepared_transactions import PreparedTransaction, prepared_transactions
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import UserTable, user_tables
from collectors.xmin_horizon import Holder, xmin_horizon
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of

PAGES = 200_000
FULL = 366 * PAGES
PLACE: dict[str, Any] = {"datname": "shop", "relid": 10, "schemaname": "public"}
LAYOUT = BTreeLayout(
    datname="shop",
    indexrelid=20,
    relid=10,
    block_size=8192,
    relfilenode=20,
    fillfactor=90,
    has_predicate=False,
    deduplicates=False,
    indnkeyatts=1,
    indkey=[1],
    notnull=[],
    attlen=[8],
    attalign="d",
    attnotnull=[True],
    typname=["int8"],
    atttypmod=[-1],
)
STATISTICS = ColumnStatistics("shop", 10, [1], [0.0], [8], [-1.0], 1.0)


def blank(row: Any, **known: Any) -> Any:
    return row(**dict.fromkeys((field.name for field in fields(row)), 0) | known)


def index(share: float, pages: int = PAGES, **traits: Any) -> UserIndex:
    """An index of which this share is entries."""
    known: dict[str, Any] = PLACE | {"indexrelid": 20, "relname": "t", "indexrelname": "t_pkey"}
    known |= {"is_valid": True, "is_ready": True, "amname": "btree", "relfilenode": 20}
    known |= {"size_bytes": pages * 8192, "reltuples": 366 * pages * share}
    made: UserIndex = blank(UserIndex, **known | traits)
    return made


def table(rows: float, **traits: Any) -> UserTable:
    known = PLACE | {"relname": "t", "relkind": "r", "reloptions": [], "reltuples": rows}
    known |= {"last_analyze": 1.0, "last_autoanalyze": None, "table_size_bytes": 1024**3}
    made: UserTable = blank(UserTable, **known | traits)
    return made


def seen(row: UserIndex, *more: tuple[AnyCollector, Any], **traits: Any) -> Snapshot:
    answers: dict[AnyCollector, Any] = {
        user_indexes: (row,),
        user_tables: (table(row.reltuples, **traits),),
        btree_layout: (LAYOUT,),
        column_statistics: (STATISTICS,),
    }
    answers |= dict(more)
    node = ServerIdentity("db1", Role.primary, 180000)
    newest = {of: Answer(rows, 0.0) for of, rows in answers.items()}
    return Snapshot(node, 0.0, newest, histories={REBUILT: watched()})


def watched(*looks: UserIndex) -> RebuiltSizes:
    """What is learned of an index in these looks."""
    recorder = REBUILT.recorder(Memory(), Namespace("c", "db1", ""))
    for row in looks:
        recorder.learn(user_indexes, Answer((row,), 0.0))
    return recorder.view(0.0)


def only(snapshot: Snapshot) -> Evidence:
    [subject] = verdict_of(finding, snapshot).subjects
    return subject.evidence


@pytest.mark.parametrize(
    ("share", "pages", "state"),
    [
        (0.3, PAGES, State.ill),
        (0.55, PAGES, State.healthy),
        (0.7, PAGES, State.healthy),
        (0.3, 20_000, State.healthy),
    ],
    ids=["empty", "a little more than half", "keys in no order", "small"],
)
def test_thresholds(share: float, pages: int, state: State) -> None:
    """A third of it empty is normal, and so is a small one."""
    assert verdict_of(finding, seen(index(share, pages))).state is state


def test_what_is_well_is_measured_too() -> None:
    """The interval and the confidence of the largest indexes, whatever their state."""
    [row] = verdict_of(finding, seen(index(0.9))).measured
    assert (row.kind, row.indexrelname, row.is_sure) == ("index", "t_pkey", True)
    assert row.lowest_share < 0.1 < row.highest_share


def test_evidence() -> None:
    """The bytes, the interval, and what the rebuild costs."""
    found = only(seen(index(0.25)))
    assert found.severity is Severity.warning
    assert found.value == pytest.approx(0.75 * PAGES * 8192, rel=0.01)
    low, high = found.facts["lowest_share"], found.facts["highest_share"]
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert low < 0.75 < high
    assert "about" in found.cure[0]
    assert "REINDEX INDEX CONCURRENTLY public.t_pkey;" in found.cure
    assert {"RESET lock_timeout;", "RESET statement_timeout;"} < set(found.cure)
    assert len("\n".join(found.cure)) < 1024


def test_what_keeps_dead_rows_comes_first() -> None:
    """A rebuild would keep their entries while a prepared transaction may need them."""
    dead = {"n_dead_tup": FULL // 4}
    held = (xmin_horizon, (Holder("prepared_transaction", "x1", "shop", 900),))
    known = filled(
        PreparedTransaction, gid="x1", datname="shop", owner="app", prepared_seconds=900.0
    )
    found = only(seen(index(0.25), held, (prepared_transactions, (known,)), **dead))
    assert "prepared transaction x1" in found.message
    lines = "\n".join(found.cure)
    assert lines.index("PREPARED") < lines.index("VACUUM public.t;") < lines.index("REINDEX")
    short = (xmin_horizon, (Holder("session", "77", "shop", 3),))
    assert only(seen(index(0.25), short)).facts["held_by"] is None


def test_entries_of_dead_rows_are_not_well() -> None:
    """Half of the rows were just deleted: the index is not judged before a vacuum."""
    found = verdict_of(finding, seen(index(0.95), n_dead_tup=int(FULL * 0.7)))
    assert (found.state, found.reason) == (
        State.unknown,
        "vacuum has not removed the entries of many dead rows yet",
    )


def test_what_is_unknown() -> None:
    never = seen(index(1.0, reltuples=-1.0))
    assert verdict_of(finding, never).reason == f"{NEVER_COUNTED}; ANALYZE its table"
    text = replace(LAYOUT, attlen=[-1], typname=["text"])
    blind = seen(index(0.4), (column_statistics, ()), (btree_layout, (text,)))
    assert verdict_of(finding, blind).reason == "columns without statistics; ANALYZE its table"
    nearly_none = seen(index(0.001), (column_statistics, ()), (btree_layout, (text,)))
    assert only(nearly_none).message.startswith("At least")
    unread = seen(index(0.1), (btree_layout, ()))
    assert verdict_of(finding, unread).state is State.learning
    other = replace(STATISTICS, last_analyze=0.5)
    assert (
        verdict_of(finding, seen(index(0.1), (column_statistics, (other,)))).state is State.learning
    )


def test_a_rebuild_that_was_seen_is_the_measure() -> None:
    """After its own cure an index is well, whatever the statistics tell of its keys.

    It is ill again when it is as empty as before; an index that was emptied is no rebuild.
    """
    before, after = index(0.4), index(0.4, relfilenode=21)
    cured = replace(seen(after), histories={REBUILT: watched(before, after)})
    assert verdict_of(finding, seen(after)).state is State.ill
    assert verdict_of(finding, cured).state is State.healthy
    again = index(0.1, relfilenode=21)
    grown = replace(seen(again), histories={REBUILT: watched(before, after, again)})
    assert verdict_of(finding, grown).state is State.ill
    emptied = index(0.1, relfilenode=21)
    filled = replace(seen(after), histories={REBUILT: watched(before, emptied, after)})
    assert verdict_of(finding, filled).state is State.ill


def test_rough_estimates_alert_nobody() -> None:
    """Statistics of few rows: as information only."""
    changed = seen(index(0.1), n_mod_since_analyze=int(FULL * 0.03))
    assert only(changed).severity is Severity.info


def test_invalid_indexes_are_left_out() -> None:
    assert verdict_of(finding, seen(index(0.1, is_valid=False))).state is State.healthy
    assert verdict_of(finding, seen(index(0.1, amname="gin"))).state is State.healthy


def test_unknown_number_of_distinct_values_is_not_one() -> None:
    """PostgreSQL writes 0 for it, as statistics that were restored may: equal keys share entries,
    and how many of them do is not known."""
    layout = replace(LAYOUT, deduplicates=True)
    unknown = replace(STATISTICS, stadistinct=[0.0])
    given = (btree_layout, (layout,)), (column_statistics, (unknown,))
    verdict = verdict_of(finding, seen(index(1.0), *given))
    assert verdict.state is State.unknown, verdict.subjects
    assert "columns without statistics" in verdict.reason
