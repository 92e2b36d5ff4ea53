"""Findings about vacuum by rows made by hand: not quite ill, healthy and busy, unknown."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Evidence, Severity, State
from alerts._catalogue import all_findings
from alerts.findings.vacuum.autovacuum_cancelled import finding as autovacuum_cancelled
from alerts.findings.vacuum.autovacuum_disabled import finding as autovacuum_disabled
from alerts.findings.vacuum.autovacuum_insert_overdue import finding as insert_overdue
from alerts.findings.vacuum.autovacuum_overdue import finding as autovacuum_overdue
from alerts.findings.vacuum.autovacuum_throttled import finding as autovacuum_throttled
from alerts.findings.vacuum.autovacuum_workers_saturated import finding as workers_saturated
from alerts.findings.vacuum.stale_statistics import finding as stale_statistics
from alerts.findings.vacuum.table_never_analyzed import finding as table_never_analyzed
from alerts.findings.vacuum.vacuum_failsafe import finding as vacuum_failsafe
from alerts.findings.vacuum.vacuum_long_running import finding as vacuum_long_running
from alerts.findings.vacuum.vacuum_multi_index_pass import finding as multi_index_pass
from alerts.findings.vacuum.visibility_map_poor import finding as visibility_map_poor
from alerts.findings.vacuum.xmin_horizon_held import finding as xmin_horizon_held
from alerts.history.crossings import Trail
from alerts.snapshot import Snapshot
from alerts.vacuum.held import ASSIGNED
from alerts.vacuum.work import WORK, Run, WorkLog
from collectors._base import Absence, Role
from collectors.activity import activity
from collectors.progress_vacuum import VacuumProgress, progress_vacuum
from collectors.settings import Setting, settings
from collectors.temp_schemas import temp_schemas
from collectors.transaction_ids import TransactionIds, transaction_ids
from collectors.user_tables import UserTable, user_tables
from collectors.xmin_horizon import Holder, xmin_horizon
from tests.fixtures.lock_rows import filled, session
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen

HOUR = 3600.0
GIB = 1024**3
CHAPTER = [one for one in all_findings().values() if one.chapter == "vacuum"]
SERVER = {
    "autovacuum": "on",
    "track_counts": "on",
    "autovacuum_vacuum_threshold": "50",
    "autovacuum_vacuum_scale_factor": "0.2",
    "autovacuum_vacuum_insert_threshold": "1000",
    "autovacuum_vacuum_insert_scale_factor": "0.2",
    "autovacuum_vacuum_max_threshold": "100000000",
    "autovacuum_analyze_threshold": "50",
    "autovacuum_analyze_scale_factor": "0.1",
    "autovacuum_naptime": "60",
    "autovacuum_max_workers": "3",
    "autovacuum_vacuum_cost_limit": "-1",
    "vacuum_cost_limit": "200",
    "autovacuum_work_mem": "-1",
    "maintenance_work_mem": "67108864",
    "autovacuum_freeze_max_age": "200000000",
    "autovacuum_multixact_freeze_max_age": "400000000",
    "vacuum_failsafe_age": "1600000000",
    "vacuum_multixact_failsafe_age": "1600000000",
}
ZEROES = dict.fromkeys(
    ("n_dead_tup", "n_live_tup", "n_ins_since_vacuum", "n_mod_since_analyze", "idx_scan"), 0
)
ORDERS: UserTable = filled(
    UserTable,
    datname="shop",
    relid=7,
    schemaname="s",
    relname="orders",
    relkind="r",
    relpages=131072,
    relallvisible=131072,
    reltuples=1_000_000.0,
    reloptions=[],
    table_size_bytes=GIB,
    n_tup_ins=0,
    n_tup_upd=0,
    n_tup_del=0,
    **ZEROES,
)


def setting(name: str, value: str) -> Setting:
    kind = "bool" if value in ("on", "off") else "real"
    return Setting(name, value, None, kind, "default", False, "")


def scene(
    *tables: UserTable,
    server: dict[str, str] | None = None,
    holder: Holder | None = None,
    log: WorkLog | None = None,
    progress: tuple[VacuumProgress, ...] = (),
    role: Role = Role.primary,
) -> Snapshot:
    """The newest transaction ID is 2,000,000; one was assigned each second for 300 hours."""
    snapshot = seen(
        (user_tables, tables),
        (settings, [setting(*one) for one in (SERVER | (server or {})).items()]),
        (activity, (session(9, xact_seconds=2 * HOUR),)),
        (xmin_horizon, (holder,) if holder else ()),
        (transaction_ids, (TransactionIds(2_000_000, 2_000_000),)),
        (progress_vacuum, progress),
        (temp_schemas, ()),
        role=role,
    )
    steps = [(AT - 2_000_000 + n, float(n)) for n in range(900_000, 2_000_001, 1000)]
    views = {WORK: log or WorkLog(at=AT), ASSIGNED: Trail(steps, len(steps), AT)}
    return replace(snapshot, histories=views)


def found(finding: AnyFinding, snapshot: Snapshot) -> list[Evidence]:
    return [subject.evidence for subject in verdict_of(finding, snapshot).subjects]


DEAD = replace(ORDERS, n_dead_tup=500_000, last_autovacuum=AT - HOUR)


@pytest.mark.parametrize("finding", CHAPTER, ids=lambda finding: finding.name)
def test_a_healthy_busy_server(finding: AnyFinding) -> None:
    """Each count just below its trigger, a worker at work, and a report of half an hour."""
    busy = replace(
        ORDERS,
        n_dead_tup=200_000,
        n_live_tup=1_000_000,
        n_ins_since_vacuum=200_000,
        n_mod_since_analyze=100_000,
        relallvisible=100_000,
        idx_scan=10**6,
        xid_age=150_000_000,
    )
    work = WorkLog((Run("shop", "s.orders", AT - 60, AT),), (), (AT - 600,), 600, 540, AT)
    vacuum = filled(
        VacuumProgress,
        datname="shop",
        relid=7,
        relname="orders",
        schemaname="s",
        running_seconds=600.0,
        phase="vacuuming indexes",
        index_vacuums=0,
        heap_blks=100,
        heap_blks_scanned=100,
    )
    holder = Holder("session", "9", "shop", 1800)
    snapshot = scene(busy, holder=holder, log=work, progress=(vacuum,))
    assert verdict_of(finding, snapshot).state is State.healthy


@pytest.mark.parametrize("finding", CHAPTER, ids=lambda finding: finding.name)
def test_without_an_answer_it_is_unknown(finding: AnyFinding) -> None:
    blind = replace(scene(ORDERS), answers={})
    blind = replace(blind, absent={finding.reads[0]: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"n_dead_tup": 400_099}, autovacuum_overdue),
        ({"n_dead_tup": 9_999, "reltuples": 100.0}, autovacuum_overdue),
        ({"n_ins_since_vacuum": 602_999}, insert_overdue),
        ({"n_mod_since_analyze": 200_099}, stale_statistics),
        # A session that loads and analyses a table reports its inserts afterwards.
        ({"n_mod_since_analyze": 10**6, "n_tup_ins": 10**6, "reltuples": 1e6}, stale_statistics),
        ({"n_mod_since_analyze": 300_000, "reltuples": -1.0}, stale_statistics),
        ({"n_live_tup": 9_999, "reltuples": -1.0}, table_never_analyzed),
        ({"n_live_tup": 10**6, "reltuples": -1.0, "last_analyze": AT}, table_never_analyzed),
        ({"relallvisible": 70_000, "idx_scan": 9}, visibility_map_poor),
        ({"relallvisible": 0, "idx_scan": 0}, visibility_map_poor),
        ({"relallvisible": 0, "idx_scan": 9, "last_vacuum": AT - HOUR}, visibility_map_poor),
        ({"relallvisible": 0, "idx_scan": 9, "table_size_bytes": GIB - 1}, visibility_map_poor),
        ({"relkind": "p", "n_dead_tup": 10**7, "n_mod_since_analyze": 10**7}, stale_statistics),
    ],
)
def test_not_quite(change: dict[str, Any], finding: AnyFinding) -> None:
    assert found(finding, scene(replace(ORDERS, **change))) == []


@pytest.mark.parametrize(
    ("change", "finding", "cure"),
    [
        ({"n_ins_since_vacuum": 603_001}, insert_overdue, "VACUUM (ANALYZE, SKIP_LOCKED)"),
        ({"n_mod_since_analyze": 200_101}, stale_statistics, "ANALYZE (SKIP_LOCKED)"),
        ({"n_live_tup": 10_000, "reltuples": -1.0}, table_never_analyzed, "ANALYZE (SKIP_LOCKED)"),
        ({"relallvisible": 9, "idx_scan": 9}, visibility_map_poor, "VACUUM (SKIP_LOCKED)"),
    ],
)
def test_ill(change: dict[str, Any], finding: AnyFinding, cure: str) -> None:
    hostile = replace(ORDERS, relname='Its "orders"', **change)
    [one] = found(finding, scene(hostile))
    assert one.cure[-1] == f'{cure} s."Its ""orders""";'


RUN = Run("shop", "s.orders", AT - HOUR, AT, looks=100)
BUSY = (AT - HOUR, AT - HOUR, AT - HOUR)


@pytest.mark.parametrize(
    ("traits", "cause"),
    [
        ({}, "waiting"),
        ({"server": {"autovacuum": "off"}}, "disabled"),
        ({"server": {"track_counts": "off"}}, "disabled"),
        ({"holder": Holder("session", "9", "shop", 7200)}, "horizon_held"),
        ({"holder": Holder("session", "9", "erp", 7200)}, "waiting"),
        ({"holder": Holder("standby", "b", None, 7200)}, "horizon_held"),
        ({"holder": Holder("standby", "b", None, 600)}, "waiting"),
        ({"log": WorkLog((RUN,), at=AT)}, "running"),
        ({"log": WorkLog((replace(RUN, sleeping=71),), at=AT)}, "throttled"),
        ({"log": WorkLog((), (replace(RUN, started=AT - 60),), at=AT)}, "cancelled"),
        ({"log": WorkLog((), (replace(RUN, started=AT - 2 * HOUR),), at=AT)}, "waiting"),
        ({"log": WorkLog((), (), BUSY, at=AT)}, "workers_saturated"),
        ({"log": WorkLog((), (), BUSY[:2], at=AT)}, "waiting"),
    ],
)
def test_the_cause_of_a_late_vacuum(traits: dict[str, Any], cause: str) -> None:
    """A holder that began after the last vacuum is none, nor one in another database."""
    [one] = found(autovacuum_overdue, scene(DEAD, **traits))
    assert one.facts["cause"] == cause


def test_a_table_without_autovacuum_tells_so() -> None:
    off = replace(DEAD, reloptions=["autovacuum_enabled=false"])
    [one] = found(autovacuum_disabled, scene(off))
    assert (one.severity, one.value) == (Severity.info, 500_000)
    idle = replace(off, n_dead_tup=100)
    assert found(autovacuum_disabled, scene(idle)) == []
    both = found(autovacuum_disabled, scene(off, server={"autovacuum": "off"}))
    assert [each.subject for each in both] == ["server", "s.orders"]


@pytest.mark.parametrize(
    ("holder", "rows", "severity"),
    [
        (Holder("standby", "b", None, 3500), 10**6, None),
        (Holder("standby", "b", None, 7200), 99_999, None),
        (Holder("standby", "b", None, 7200), 250_000, Severity.warning),
        (Holder("standby", "b", None, 90_000), 250_000, Severity.warning),
        (Holder("standby", "b", None, 90_000), 10**7, Severity.critical),
    ],
)
def test_the_price_of_a_holder(holder: Holder, rows: int, severity: Severity | None) -> None:
    """A report of an hour that keeps little is none of our business."""
    table = replace(DEAD, n_dead_tup=rows, n_live_tup=10**6, last_autovacuum=AT - 60)
    told = found(xmin_horizon_held, scene(table, holder=holder))
    assert [one.severity for one in told] == ([severity] if severity else [])


def test_a_table_that_was_not_vacuumed_since_costs_nothing_yet() -> None:
    table = replace(DEAD, last_autovacuum=AT - 3 * HOUR)
    holder = Holder("standby", "b", None, 7200)
    assert found(xmin_horizon_held, scene(table, holder=holder)) == []


def test_only_the_oldest_holder_is_told() -> None:
    """To end another one would change nothing."""
    table = replace(DEAD, last_autovacuum=AT - 60)
    snapshot = scene(table, holder=Holder("standby", "b", None, 9000))
    rows = (*snapshot.rows(xmin_horizon), Holder("prepared_transaction", "x", "shop", 8000))
    more = seen((xmin_horizon, rows)).answers[xmin_horizon]
    [one] = found(
        xmin_horizon_held, replace(snapshot, answers={**snapshot.answers, xmin_horizon: more})
    )
    assert one.facts["gained_transactions"] == 1000


def test_snapshots_that_see_its_transaction_do_not_hold_for_long() -> None:
    table = replace(DEAD, last_autovacuum=AT - 60)
    snapshot = scene(table, holder=Holder("prepared_transaction", "x", "shop", 9000))
    rows = (*snapshot.rows(xmin_horizon), Holder("session", "42", "shop", 9000))
    more = seen((xmin_horizon, rows)).answers[xmin_horizon]
    [one] = found(
        xmin_horizon_held, replace(snapshot, answers={**snapshot.answers, xmin_horizon: more})
    )
    assert one.facts["gained_transactions"] == 9000


def test_workers_are_saturated_only_while_others_wait() -> None:
    log = WorkLog((RUN,), (), BUSY, at=AT)
    assert found(workers_saturated, scene(DEAD, log=log)) == []
    other = replace(DEAD, relname="items")
    [one] = found(workers_saturated, scene(DEAD, other, log=log))
    assert (one.facts["waiting"], one.facts["working_at"]) == ("s.items", "s.orders")
    short = replace(log, busy_since=(AT - 600,) * 3)
    assert found(workers_saturated, scene(DEAD, other, log=short)) == []


@pytest.mark.parametrize(("slots", "raised"), [("16", False), ("4", True)])
def test_no_more_workers_than_slots(slots: str, raised: bool) -> None:
    """Since 18 slots are reserved at the start: workers beyond them are set, but never come."""
    log = WorkLog((RUN,), (), BUSY, at=AT)
    tables = DEAD, replace(DEAD, relname="items")
    given = {"autovacuum_worker_slots": slots, "autovacuum_max_workers": "3"}
    [one] = found(workers_saturated, scene(*tables, server=given, log=log))
    assert ("autovacuum_worker_slots = 5" in "".join(one.cure)) is raised
    given = {"autovacuum_worker_slots": "3", "autovacuum_max_workers": "10"}
    [one] = found(workers_saturated, scene(*tables, server=given, log=log))
    assert one.facts["workers"] == 3


@pytest.mark.parametrize(
    ("looks", "sleeping", "rows", "state"),
    [
        (1000, 690, 700_000, State.healthy),
        (1000, 710, 700_000, State.ill),
        (1000, 710, 500_000, State.healthy),
        (200, 190, 700_000, State.learning),
    ],
)
def test_sleep_matters_only_where_tables_fall_behind(
    looks: int, sleeping: int, rows: int, state: State
) -> None:
    log = WorkLog((), (), (), looks, sleeping, AT)
    snapshot = scene(replace(DEAD, n_dead_tup=rows), log=log)
    assert verdict_of(autovacuum_throttled, snapshot).state is state


def test_a_table_with_a_cost_limit_of_its_own_is_cured_by_itself() -> None:
    """The server's limit would change nothing for it, and that of others is raised all the same."""
    slow = ["autovacuum_vacuum_cost_limit=1", "autovacuum_vacuum_cost_delay=100"]
    own = replace(DEAD, n_dead_tup=700_000, reloptions=[*slow, "fillfactor=80"])
    running = WorkLog((replace(RUN, sleeping=71),), (), (), 1000, 710, AT)
    reset = (
        "ALTER TABLE s.orders RESET (autovacuum_vacuum_cost_delay, autovacuum_vacuum_cost_limit);"
    )
    [late] = found(autovacuum_overdue, scene(own, log=running))
    assert "cost options of this table" in late.message
    [one] = found(autovacuum_throttled, scene(own, log=running))
    for cure in (late.cure, one.cure):
        assert reset in cure
        assert "ALTER SYSTEM" not in "".join(cure)
    other = replace(own, relname="items", reloptions=["fillfactor=80"])
    [both] = found(autovacuum_throttled, scene(own, other, log=running))
    assert reset in both.cure
    assert "ALTER SYSTEM" in "".join(both.cure)
    view = replace(own, relkind="m", reloptions=slow[:1])
    [late] = found(autovacuum_overdue, scene(view, log=running))
    assert "ALTER MATERIALIZED VIEW s.orders RESET (autovacuum_vacuum_cost_limit);" in late.cure


@pytest.mark.parametrize(
    "quick", ["autovacuum_vacuum_cost_limit=2000", "AUTOVACUUM_VACUUM_COST_DELAY=1"]
)
def test_options_that_make_a_table_faster_are_not_reset(quick: str) -> None:
    """It would sleep longer then; what is left is to let it not sleep at all."""
    own = replace(DEAD, n_dead_tup=700_000, reloptions=[quick])
    running = WorkLog((replace(RUN, sleeping=71),), (), (), 1000, 710, AT)
    [late] = found(autovacuum_overdue, scene(own, log=running))
    assert "ALTER TABLE s.orders SET (autovacuum_vacuum_cost_delay = 0);" in late.cure
    [one] = found(autovacuum_throttled, scene(own, log=running))
    assert "ALTER SYSTEM" in "".join(one.cure)
    for cure in (late.cure, one.cure):
        assert "RESET (" not in "".join(cure)


def test_runs_in_vain_count_only_in_a_row_and_while_it_is_due() -> None:
    runs = tuple(replace(RUN, started=AT - 60 * n, waiting="LOCK s.orders") for n in (3, 2, 1))
    [one] = found(autovacuum_cancelled, scene(DEAD, log=WorkLog((), runs, at=AT)))
    assert "VACUUM (ANALYZE) s.orders;" in one.cure, "a worker at it gives way to that"
    assert "LOCK s.orders" in one.message
    for table, few in (
        (DEAD, runs[1:]),
        (replace(DEAD, n_dead_tup=100), runs),
        (replace(DEAD, last_autovacuum=AT - 90), runs),
    ):
        assert found(autovacuum_cancelled, scene(table, log=WorkLog((), few, at=AT))) == []


VACUUM: VacuumProgress = filled(
    VacuumProgress,
    datname="shop",
    pid=5,
    relid=7,
    schemaname="s",
    relname="orders",
    phase="scanning heap",
    is_autovacuum=True,
    running_seconds=3 * HOUR,
    heap_blks=1000,
    heap_blks_scanned=250,
    index_vacuums=1,
    num_dead_tuples=0,
)


def test_a_long_vacuum_tells_what_is_left() -> None:
    [one] = found(vacuum_long_running, scene(progress=(VACUUM,)))
    assert one.facts["left_seconds"] == 9 * HOUR
    assert "25 % of the table scanned, about 9 h of it left" in one.message


@pytest.mark.parametrize(
    ("passes", "phase", "ill"),
    [
        (1, "scanning heap", True),
        (1, "vacuuming heap", False),
        (1, "cleaning up indexes", False),
        (2, "vacuuming heap", True),
        (0, "vacuuming indexes", False),
    ],
)
def test_one_pass_over_the_indexes_is_right(passes: int, phase: str, ill: bool) -> None:
    row = replace(VACUUM, index_vacuums=passes, phase=phase)
    told = found(multi_index_pass, scene(progress=(row,)))
    assert bool(told) is ill
    if told:
        assert any("autovacuum_work_mem = '256MB'" in line for line in told[0].cure)


def test_more_memory_than_a_vacuum_can_use_is_not_advised() -> None:
    """Before 17 that is one gigabyte."""
    snapshot = scene(progress=(VACUUM,), server={"autovacuum_work_mem": str(GIB)})
    old = replace(snapshot, node=replace(snapshot.node, version=160000))
    assert found(multi_index_pass, old) == []
    assert len(found(multi_index_pass, snapshot)) == 1


@pytest.mark.parametrize(
    ("change", "ill"),
    [
        ({"xid_age": 1_600_000_001}, True),
        ({"xid_age": 1_600_000_000}, False),
        ({"mxid_age": 1_700_000_000}, True),
        ({"toast_relid": 7, "relid": 6, "toast_xid_age": 1_700_000_000}, True),
        ({"relid": 6, "xid_age": 1_700_000_000}, False),
    ],
)
def test_the_failsafe_works_beyond_its_age(change: dict[str, Any], ill: bool) -> None:
    table = replace(ORDERS, **change)
    assert bool(found(vacuum_failsafe, scene(table, progress=(VACUUM,)))) is ill


def test_on_a_standby_there_is_nothing_to_vacuum() -> None:
    """Its counts are none of its own."""
    snapshot = scene(DEAD, role=Role.standby)
    for finding in (autovacuum_overdue, xmin_horizon_held, stale_statistics):
        assert verdict_of(finding, snapshot).state is State.not_applicable
