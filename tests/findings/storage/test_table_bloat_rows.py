"""table_bloat on hand-made rows: what is not quite bloated, what is not known, what the cure dares.

The table has three integers: 185 rows fill a page.
"""

from dataclasses import fields, replace
from typing import Any

import pytest

from alerts._base import Evidence, Severity, State
from alerts.bloat.baseline import Baselines
from alerts.bloat.estimate import NEVER_COUNTED
from alerts.findings.storage.table_bloat import BASELINE, finding
from alerts.history.memory import Memory, Namespace
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.tracker import Timing, VerdictTracker
from collectors._base import Absence, Answer, AnyCollector, Role
from collectors.bloat_estimates import bloat_estimates
from collectors.column_statistics import ColumnStatistics, column_statistics
from collectors.database_sizes import DatabaseSize, database_sizes
from collectors.extensions import Extension, extensions
from collectors.table_layout import TableLayout, table_layout
from collectors.user_tables import UserTable, user_tables
from collectors.xmin_horizon import Holder, xmin_horizon
from monitor.exposition.render import render
from tests.fixtures.one_look import verdict_of

DAY = 86400.0
GIB = 1024**3
PAGES = 400_000
FULL = 185 * PAGES
LIMITS = finding.limits
PLACE: dict[str, Any] = {"datname": "shop", "relid": 10, "schemaname": "public"}
LAYOUT = TableLayout(
    **PLACE,
    relname="orders",
    relfilenode=10,
    block_size=8192,
    relpages=PAGES,
    reltuples=FULL,
    fillfactor=100,
    n_live_tup=FULL,
    n_dead_tup=0,
    n_mod_since_analyze=0,
    analyze_seconds=60.0,
    vacuum_seconds=60.0,
    last_analyze=1.0,
    attlen=[4, 4, 4],
    attalign="iii",
    attstorage="ppp",
    attnotnull=[True] * 3,
    attisdropped=[False] * 3,
    atthasmissing=[False] * 3,
    attisvirtual=[False] * 3,
    typname=["int4"] * 3,
    atttypmod=[-1] * 3,
)


def table(live_share: float, pages: int = PAGES, **traits: Any) -> UserTable:
    """A table of which this share is rows; the rest was deleted and vacuumed."""
    rows = int(185 * pages * live_share)
    known: dict[str, Any] = dict.fromkeys((field.name for field in fields(UserTable)), 0)
    known |= PLACE | {"relname": "orders", "relkind": "r", "reloptions": [], "relpages": pages}
    known |= {"relfilenode": 10, "last_analyze": 1.0, "last_autoanalyze": None}
    known |= {"reltuples": float(rows), "n_live_tup": rows, "table_size_bytes": pages * 8192}
    return UserTable(**known | traits)


def seen(row: UserTable, *more: tuple[AnyCollector, Any], layout: Any = LAYOUT) -> Snapshot:
    """A look at this table."""
    answers: dict[AnyCollector, Any] = {user_tables: (row,), table_layout: (layout,)}
    answers |= {column_statistics: (), **dict(more)}
    return Snapshot(
        ServerIdentity("db1", Role.primary, 180000),
        0.0,
        {collector: Answer(rows, 0.0) for collector, rows in answers.items()},
        histories={BASELINE: watched()},
    )


def watched(*looks: UserTable) -> Baselines:
    """What is learned of a table in these looks."""
    recorder = BASELINE.recorder(Memory(), Namespace("c", "db1", ""))
    for row in looks:
        recorder.learn(user_tables, Answer((row,), 0.0))
    return recorder.view(0.0)


def only(snapshot: Snapshot, **limits: Any) -> Evidence:
    [subject] = verdict_of(finding, snapshot, limits=replace(LIMITS, **limits)).subjects
    return subject.evidence


def test_what_a_rewrite_gives_back() -> None:
    """Half of it is empty: half of its bytes, and a warning."""
    evidence = only(seen(table(0.5)))
    assert evidence.severity is Severity.warning
    assert evidence.value == pytest.approx(PAGES * 8192 / 2, rel=0.01)


@pytest.mark.parametrize(
    ("live_share", "pages"),
    [(0.62, PAGES), (1.0, PAGES), (0.5, PAGES // 2), (0.0, GIB // 8192 - 100)],
)
def test_not_quite_ill(live_share: float, pages: int) -> None:
    """A third deleted is the life of a table, and less than a gigabyte no trouble on any server."""
    found = verdict_of(finding, seen(table(live_share, pages)))
    assert (found.state, found.subjects, found.unjudged) == (State.healthy, (), ())


def test_what_is_well_is_measured_too() -> None:
    """The interval and the confidence of the largest tables, whatever their state."""
    well = verdict_of(finding, seen(table(0.9)))
    assert well.state is State.healthy
    [row] = well.measured
    assert row.lowest_share <= row.bloat_share <= row.highest_share
    assert row.bloat_share == pytest.approx(0.1, abs=0.01)
    assert row.is_sure
    families = render(bloat_estimates, well.measured)
    labels = b'datname="shop",schemaname="public",relname="orders"'
    for name in ("pg_table_bloat_ratio", "pg_table_bloat_lowest_ratio", "pg_bloat_table_bloat_pct"):
        assert name.encode() + b"{" + labels in families[name][1]
    assert "pg_index_bloat_ratio" not in families
    changed = verdict_of(finding, seen(table(0.9, n_mod_since_analyze=FULL // 2)))
    assert [row.is_sure for row in changed.measured] == [False]


def test_stays_ill_until_clearly_better() -> None:
    """What is ill at 40 % stays ill above 30 %, where a new one would not be reported."""
    tracker = VerdictTracker(timing=Timing(hold=False))
    assert verdict_of(finding, seen(table(0.55)), tracker).state is State.ill
    between = seen(table(0.65))
    assert verdict_of(finding, between, tracker).state is State.ill
    assert verdict_of(finding, between).state is State.healthy
    better = replace(seen(table(0.75)), at=DAY)
    assert verdict_of(finding, better, tracker).state is State.healthy


@pytest.mark.parametrize(
    ("database_gib", "state"), [(5, State.ill), (20, State.healthy), (None, State.healthy)]
)
def test_small_databases_have_small_limits(database_gib: int | None, state: State) -> None:
    """A tenth of its database is news, though below the limit for all."""
    half = table(0.5, PAGES // 2)
    sizes = [] if database_gib is None else [DatabaseSize("shop", database_gib * GIB)]
    assert verdict_of(finding, seen(half, (database_sizes, sizes))).state is state


def test_a_little_is_not_worth_a_word() -> None:
    """However small its database."""
    few = LIMITS.floor_bytes // 8192
    sizes = [DatabaseSize("shop", LIMITS.floor_bytes)]
    assert verdict_of(finding, seen(table(0.1, few), (database_sizes, sizes))).state is (
        State.healthy
    )


@pytest.mark.parametrize("database_mib", [20, None])
def test_a_lower_minimum_is_not_raised_again(database_mib: int | None) -> None:
    """It has its effect alone: floor_bytes bounds only the share of the database."""
    few = table(0.1, 10 * 1024**2 // 8192)
    sizes = [] if database_mib is None else [DatabaseSize("shop", database_mib * 1024**2)]
    scene, low = seen(few, (database_sizes, sizes)), replace(finding.limits, min_bytes=1024**2)
    assert verdict_of(finding, scene).state is State.healthy
    assert verdict_of(finding, scene, limits=low).state is State.ill


def test_never_counted_is_unknown() -> None:
    """A large table that nobody ever analysed is not called healthy."""
    uncounted = table(1.0, relpages=0, reltuples=-1.0, table_size_bytes=None)
    layout = replace(LAYOUT, relpages=0, reltuples=-1.0, analyze_seconds=None, vacuum_seconds=None)
    found = verdict_of(finding, seen(uncounted, layout=layout))
    assert found.state is State.unknown
    assert [u.reason for u in found.unjudged] == [f"{NEVER_COUNTED}; ANALYZE it"]


def test_a_small_one_that_was_never_counted_is_left_alone() -> None:
    """Its rows can't fill what is news."""
    uncounted = table(0.5, relpages=0, reltuples=-1.0, table_size_bytes=None, n_live_tup=1000)
    layout = replace(LAYOUT, relpages=0, reltuples=-1.0, analyze_seconds=None, vacuum_seconds=None)
    assert verdict_of(finding, seen(uncounted, layout=layout)).state is State.healthy


def test_changed_beyond_recognition_is_unknown() -> None:
    """After an UPDATE of all rows the statistics tell of another table, until the next ANALYZE."""
    rows = FULL // 4
    changed = table(0.25, n_tup_ins=FULL, n_tup_upd=rows, n_mod_since_analyze=rows)
    assert verdict_of(finding, seen(changed)).reason == (
        "rewritten since the last ANALYZE; ANALYZE it"
    )


def test_loaded_and_analysed_in_one_session() -> None:
    """A session reports its load after its own ANALYZE; that doesn't make the table unknown."""
    deleted = FULL // 4 * 3
    late = table(0.25, n_tup_ins=FULL, n_tup_del=deleted, n_mod_since_analyze=FULL + deleted)
    assert only(seen(late)).severity is Severity.info


def test_a_layout_that_is_not_read_yet_is_unknown() -> None:
    """And it says by when it will be."""
    [unjudged] = verdict_of(finding, seen(table(0.5), (table_layout, ()))).unjudged
    assert (unjudged.reason, unjudged.until) == ("its layout will be read within one hour", 3600.0)


def test_without_the_grant_it_is_unknown() -> None:
    """Rows of no fixed length can't be judged by pg_monitor alone; the GRANT is named."""
    text: dict[str, Any] = {
        "attlen": [4, -1, 4],
        "attstorage": "pxp",
        "typname": ["int4", "text", "int4"],
    }
    snapshot = seen(table(0.25), layout=replace(LAYOUT, **text))
    answers = {key: one for key, one in snapshot.answers.items() if key is not column_statistics}
    blind = replace(snapshot, answers=answers, absent={column_statistics: Absence("no", "GRANT x")})
    found = verdict_of(finding, blind)
    assert found.state is State.unknown
    assert [(u.subject, u.grant) for u in found.unjudged] == [("public.orders", "GRANT x")]


def test_fixed_widths_need_no_grant() -> None:
    """A table whose rows are all of one length is judged by pg_monitor alone."""
    snapshot = seen(table(0.5))
    answers = {key: one for key, one in snapshot.answers.items() if key is not column_statistics}
    blind = replace(snapshot, answers=answers, absent={column_statistics: Absence("no", "GRANT x")})
    assert only(blind).facts["bloat_share"] == pytest.approx(0.5, abs=0.01)


def test_toast_is_another_finding() -> None:
    """The heap is small, so that its layout is never read."""
    toasty = table(1.0, 100, table_size_bytes=9 * GIB)
    found = verdict_of(finding, seen(toasty, (table_layout, ())))
    assert (found.state, found.unjudged) == (State.healthy, ())


def deleted(share: float, **traits: Any) -> UserTable:
    """A full table of which this share was deleted since the last vacuum."""
    rows = int(FULL * share)
    known: dict[str, Any] = {"n_tup_ins": 2 * FULL, "n_tup_del": rows, "n_dead_tup": rows}
    return table(1.0, **known | {"n_mod_since_analyze": rows} | traits)


def test_deleted_and_not_vacuumed() -> None:
    """Half of it is dead rows: told at once, with VACUUM first, and as information."""
    found = only(seen(deleted(0.5)))
    assert found.severity is Severity.info
    assert "vacuum has not removed yet" in found.message
    assert found.facts["bloat_share"] == pytest.approx(0.5, abs=0.01)
    assert found.facts["waits_for_vacuum"] is True
    assert "VACUUM (ANALYZE) public.orders;" in found.cure


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (deleted(0.3), State.healthy),
        (deleted(0.5, n_tup_upd=FULL), State.unknown),
        (deleted(0.5, n_tup_del=0, n_tup_upd=FULL), State.healthy),
        (deleted(0.9, n_tup_del=0, n_tup_upd=FULL), State.ill),
        (deleted(0.9, n_tup_del=0, n_tup_upd=FULL, n_tup_hot_upd=FULL), State.unknown),
        (deleted(1.5, n_tup_del=0, n_tup_upd=2 * FULL), State.unknown),
        (deleted(0.5, n_mod_since_analyze=0), State.healthy),
        (deleted(0.5, last_autovacuum=900.0), State.healthy),
        (deleted(0.5, n_ins_since_vacuum=FULL // 2, n_mod_since_analyze=FULL), State.unknown),
    ],
    ids=[
        "a third",
        "or updated",
        "half updated",
        "updated",
        "or HOT",
        "twice",
        "counted",
        "vacuumed since",
        "or inserted",
    ],
)
def test_not_quite_deleted(row: UserTable, state: State) -> None:
    """What the counters don't tell is unknown; what they can't hide is well."""
    assert verdict_of(finding, seen(row)).state is state


def test_analysed_since_the_layout_was_read() -> None:
    """Facts of two ages are not joined: it is bloated only where the older ones say so too."""
    bloated = replace(LAYOUT, reltuples=FULL // 2)
    later = table(0.3, last_autoanalyze=2.0)
    found = verdict_of(finding, seen(later))
    assert (found.state, found.subjects) == (State.learning, ())
    assert [u.until for u in found.unjudged] == [3600.0]
    assert only(seen(later, layout=bloated)).facts["bloat_share"] == pytest.approx(0.5, abs=0.01)
    cured = table(0.95, PAGES, last_autoanalyze=2.0)
    assert verdict_of(finding, seen(cured, layout=bloated)).state is State.healthy


def test_rewritten_since_the_layout_was_read() -> None:
    """Of the new file nothing is known yet, unless it can't be bloated."""
    bloated = replace(LAYOUT, reltuples=FULL // 2)
    later = table(0.3, relfilenode=11)
    assert verdict_of(finding, seen(later, layout=bloated)).state is State.learning
    full = table(1.0, PAGES // 2, relfilenode=11)
    assert verdict_of(finding, seen(full, layout=bloated)).state is State.healthy


def test_statistics_of_another_analyze_are_not_joined() -> None:
    """The layout and the column statistics are read one after the other."""
    widths = ColumnStatistics("shop", 10, [1, 2, 3], [0.0] * 3, [4] * 3, [-1.0] * 3, 2.0)
    found = verdict_of(finding, seen(table(0.3), (column_statistics, [widths])))
    assert found.state is State.learning
    same = replace(widths, last_analyze=1.0)
    assert only(seen(table(0.3), (column_statistics, [same]))).database == "shop"


@pytest.mark.parametrize(
    ("holder", "is_held"),
    [
        (Holder("session", "77", "shop", 5), True),
        (Holder("replication_slot", "sub", None, 5), True),
        (Holder("session", "77", "elsewhere", 5), False),
        (Holder("session", "77", "shop", 0), False),
    ],
)
def test_rows_that_are_held_are_not_rewritten(holder: Holder, is_held: bool) -> None:
    """VACUUM FULL would keep them; the cure says who holds them."""
    dead = table(0.5, n_dead_tup=FULL // 2)
    found = only(seen(dead, (xmin_horizon, [holder])), rewrite_bytes=9 * GIB)
    cure = "\n".join(found.cure)
    assert ("VACUUM (FULL" in cure) is not is_held
    assert (holder.name in found.message) is is_held
    if is_held:
        assert cure.index(holder.name) < cure.index("VACUUM (ANALYZE) public.orders;")


@pytest.mark.parametrize(
    ("extname", "command"),
    [
        ("pg_repack", """pg_repack --dbname=shop --table='"public"."orders"'"""),
        ("pg_squeeze", "SELECT squeeze.squeeze_table('public', 'orders');"),
        ("plpgsql", "neither is installed"),
    ],
)
def test_online_way(extname: str, command: str) -> None:
    """What rewrites it in use is named as it is run, where it is installed."""
    installed = (extensions, [Extension("shop", extname, "public", "1", None)])
    found = only(seen(table(0.5), installed))
    assert any(command in line for line in found.cure)


def test_cure_fits_into_an_alert() -> None:
    """An alert has room for 1 KiB; with the longest names the cure is still told there."""
    dead = table(0.5, n_dead_tup=FULL // 2)
    for row in (dead, table(0.5)):
        assert len("\n".join(only(seen(row), rewrite_bytes=9 * GIB).cure)) < 900


def test_no_long_lock_is_offered() -> None:
    """Beyond what is rewritten in seconds, no statement of the cure locks anybody out."""
    snapshot = seen(table(0.5))
    cure = only(snapshot, rewrite_bytes=0).cure
    assert any("blocks all access, reads too, for about" in line for line in cure)
    assert all(line.startswith("--") for line in cure)
    assert any("pg_repack" in line for line in cure)
    assert "VACUUM (FULL, ANALYZE) public.orders;" in only(snapshot, rewrite_bytes=9 * GIB).cure


TEXT: dict[str, Any] = {
    "attlen": [4, -1, 4],
    "attstorage": "pxp",
    "typname": ["int4", "text", "int4"],
}


def blind(*looks: UserTable) -> Snapshot:
    """The last of these looks at a table with texts, whose widths may not be read."""
    snapshot = seen(looks[-1], layout=replace(LAYOUT, **TEXT))
    answers = {key: one for key, one in snapshot.answers.items() if key is not column_statistics}
    absent = {column_statistics: Absence("no", "GRANT x")}
    return replace(snapshot, answers=answers, absent=absent, histories={BASELINE: watched(*looks)})


BEFORE = table(0.5, 2 * PAGES)
NEW: dict[str, Any] = {"relfilenode": 11}
LOADED = {"relfilenode": 11, "n_tup_ins": FULL}


@pytest.mark.parametrize(
    ("looks", "state"),
    [
        ((table(1.0), table(0.5)), State.ill),
        ((table(1.0), table(0.9)), State.unknown),
        ((BEFORE, table(1.0, **NEW), table(0.5, **NEW)), State.ill),
        ((BEFORE, table(1.0, **NEW), table(0.9, **NEW)), State.healthy),
        ((BEFORE, table(1.0, 2 * PAGES, **NEW)), State.unknown),
        ((BEFORE, table(1.0, **LOADED), table(0.9, **LOADED)), State.unknown),
        ((BEFORE, table(-0.1, **NEW), table(1.0, **LOADED)), State.unknown),
        ((BEFORE, table(-0.1, **NEW), table(1.0, **NEW)), State.healthy),
        ((table(1.0), table(0.5, stats_reset=1)), State.unknown),
        ((table(1.0), table(0.5, n_tup_ins=FULL)), State.unknown),
        ((table(1.0), table(0.35, 4 * PAGES, n_tup_ins=FULL // 2)), State.unknown),
        ((BEFORE, table(1.0, **NEW), table(0.9, **NEW, n_dead_tup=FULL)), State.unknown),
    ],
    ids=[
        "half of it deleted",
        "a tenth deleted",
        "half deleted after a rewrite",
        "a tenth deleted after a rewrite",
        "twice the rows in a new file",
        "loaded into a new file",
        "truncated and loaded",
        "counted late after a rewrite",
        "counters that began anew",
        "every row may be another one",
        "it grew by rows of another length",
        "dead rows that vacuum has not seen",
    ],
)
def test_a_baseline_tells_without_widths(looks: tuple[UserTable, ...], state: State) -> None:
    """Only rows that are still the same tell how much of the file they need."""
    assert verdict_of(finding, blind(*looks)).state is state


def test_what_the_baseline_tells() -> None:
    best = only(blind(table(1.0), table(0.5)))
    assert best.message.startswith("At least 50 % of public.orders is dead rows and free space")
    assert best.facts["compared_with"] == "its best size so far"
    assert best.facts["highest_share"] == 1.0
    after = only(blind(BEFORE, table(1.0, **NEW), table(0.5, **NEW)))
    assert after.message.startswith("About 50 % of public.orders")
    assert after.severity is Severity.warning
    assert after.value == pytest.approx(PAGES * 8192 / 2, rel=0.01)
    assert 0.45 < float(str(after.facts["lowest_share"])) < 0.5
    assert 0.5 < float(str(after.facts["highest_share"])) < 0.55
    changed = only(blind(BEFORE, table(1.0, **NEW), table(0.3, **NEW, n_tup_upd=FULL // 4)))
    assert changed.severity is Severity.info


def test_a_table_that_was_just_rewritten_is_not_called_bloated_again() -> None:
    """Whatever its statistics tell: widths that are not of its rows, such as of a small sample."""
    before, after = table(0.3), table(0.4, PAGES * 3 // 4, **NEW)
    layout = replace(LAYOUT, relfilenode=11)
    untold = seen(after, layout=layout)
    assert verdict_of(finding, untold).state is State.ill
    known = replace(untold, histories={BASELINE: watched(before, after)})
    cured = verdict_of(finding, known)
    assert (cured.state, cured.unjudged) == (State.healthy, ())
    [row] = cured.measured
    assert (row.bloat_share, row.is_sure) == (0.0, True)
    dropped = replace(layout, attisdropped=[False, True, False])
    of_columns = replace(seen(after, layout=dropped), histories={BASELINE: watched(before, after)})
    assert verdict_of(finding, of_columns).state is State.ill


def test_bloat_does_not_creep_into_the_baseline() -> None:
    """A table that is a little emptier with each tenth of its rows is compared with its best."""
    looks = [table(1.0 - n * 0.02, n_tup_upd=int(n * FULL * 0.1)) for n in range(26)]
    best = watched(*looks[:3]).of(looks[2])
    assert best is not None
    assert best.needed_share == pytest.approx(0.96)
    later = watched(*looks).of(looks[5])
    assert later is not None
    assert later.needed_share == pytest.approx(0.9)


def test_what_is_not_ours_in_the_state_file_is_no_baseline() -> None:
    for stored in (None, 1, "x", [], [10, None, 1.0, 0.5, "1", False, 0]):
        assert Baselines({'["shop", 10]': stored}).of(table(0.5)) is None  # type: ignore[dict-item]
