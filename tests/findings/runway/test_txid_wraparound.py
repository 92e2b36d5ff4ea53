"""txid_wraparound, mxid_wraparound and table_freeze_overdue: of one server, really that old."""

from pathlib import Path
from typing import Any

import pytest

from alerts._base import AnyFinding, Evidence, Severity, State
from alerts.findings.runway import mxid_wraparound, table_freeze_overdue, txid_wraparound
from alerts.history.kind import AnyHistory
from alerts.history.memory import Memory, Namespace
from alerts.history.recorder import Recorder
from alerts.history.samples import Sample
from alerts.runway.id_trends import ASSIGNED_MXIDS, ASSIGNED_XIDS, OLDEST_AGES
from alerts.runway.member_offsets import OFFSETS, Members, Step
from alerts.runway.rate import Rate
from alerts.runway.trends import Trend
from alerts.snapshot import Snapshot
from alerts.vacuum.horizon import CONSULTS
from alerts.verdicts.causes import fold
from collectors._base import Answer, Role
from collectors.databases import Database, databases
from collectors.multixacts import Multixacts, multixacts
from collectors.oldest_relations import OldestRelation, oldest_relations
from collectors.progress_vacuum import VacuumProgress, progress_vacuum
from collectors.settings import Setting, settings
from collectors.transaction_ids import TransactionIds, transaction_ids
from collectors.xmin_horizon import Holder, xmin_horizon
from monitor.demo.launcher import Postgres
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.printed_sql import chosen
from tests.fixtures.requirements import Missing
from tests.fixtures.session_rows import seen

COLLECTORS = (
    databases,
    settings,
    transaction_ids,
    multixacts,
    oldest_relations,
    progress_vacuum,
    xmin_horizon,
    *CONSULTS,
)
FINDINGS = (txid_wraparound.finding, mxid_wraparound.finding, table_freeze_overdue.finding)
HISTORY = tuple(kind for finding in FINDINGS for kind in finding.history)
DEBIAN = Path("/usr/lib/postgresql/15/bin/pg_resetwal")
SEGMENT = 1 << 20
"""Transactions of a file of pg_xact: the first ID of one needs no file yet."""
OLD = 954 * SEGMENT
"""A little more than a billion."""
MXID_OLD = 16_000 << 16
"""The same of pg_multixact/offsets: a little more than a billion."""


def number(name: str, value: int) -> Setting:
    return Setting(name, str(value), None, "integer", "default", False, "")


def server(*rows: Database, freeze: int = 200_000_000, **more: Any) -> Snapshot:
    """A server with the default settings, unless said otherwise."""
    known = (
        number("autovacuum_freeze_max_age", freeze),
        number("vacuum_failsafe_age", 1_600_000_000),
        number("autovacuum_multixact_freeze_max_age", 400_000_000),
        number("vacuum_multixact_failsafe_age", 1_600_000_000),
    )
    given = more.get("others", ())
    now = more.get("now", Multixacts(1, 1, 1, 0.0))
    snapshot = seen(
        (databases, rows),
        (settings, known),
        (transaction_ids, [TransactionIds(10**9, 10**9)]),
        (multixacts, [now]),
        *given,
    )
    trend = Trend(0.0, Sample(0.0, 1.0), (), more.get("rate"))
    fell = (Sample(0.0, 10.0), Sample(60.0, 1.0)) if more.get("moves") else ()
    ages = {key: Trend(0.0, Sample(99.0, 1.0), fell) for key in ("xid", "mxid")}
    views: dict[AnyHistory, Any] = {
        ASSIGNED_XIDS: {"": trend},
        ASSIGNED_MXIDS: {"": trend},
        OLDEST_AGES: ages,
        OFFSETS: Members(more.get("steps", ())),
    }
    return snapshot.with_histories(views)


def aged(xids: int = 0, mxids: int = 0, **more: Any) -> Database:
    facts = {"datname": "shop", "allows_connections": True} | more
    made: Database = filled(Database, frozen_xid_age=xids, min_mxid_age=mxids, **facts)
    return made


def relation(xids: int, **more: Any) -> OldestRelation:
    facts = {
        "datname": "shop",
        "relid": 1,
        "schemaname": "public",
        "relname": "orders",
        "relkind": "r",
        "relpersistence": "p",
        "relpages": 10,
        "max_xid_age": 200_000_000,
        "mxid_age": 0,
        "max_mxid_age": 400_000_000,
    }
    made: OldestRelation = filled(OldestRelation, **facts | {"xid_age": xids} | more)
    return made


def only(finding: AnyFinding, snapshot: Snapshot) -> Evidence:
    [subject] = verdict_of(finding, snapshot).subjects
    return subject.evidence


@pytest.mark.parametrize(
    ("age", "severity"),
    [
        (210_000_000, None),  # autovacuum is about to freeze it
        (899_999_999, None),
        (900_000_000, Severity.warning),
        (1_599_999_999, Severity.warning),
        (1_600_000_000, Severity.critical),
        (2_144_000_000, Severity.critical),
    ],
)
def test_levels_of_default_settings(age: int, severity: Severity | None) -> None:
    """A warning halfway to the failsafe, critical from there on, at the first look."""
    assert verdict_of(txid_wraparound.finding, server(aged(age))).severity is severity


@pytest.mark.parametrize(
    ("age", "severity"),
    [
        (1_742_499_999, None),
        (1_742_500_000, Severity.warning),
        (1_785_000_000, Severity.critical),
    ],
)
def test_levels_follow_a_late_freeze(age: int, severity: Severity | None) -> None:
    """Where freezing at 1.7 billion is intended, the emergency is at 1.05 of it."""
    late = server(aged(age), freeze=1_700_000_000)
    assert verdict_of(txid_wraparound.finding, late).severity is severity


@pytest.mark.parametrize(
    ("age", "rate", "severity"),
    [
        (1_300_000_000, 2000.0, Severity.critical),  # in 5 days, and 60 % used
        (1_300_000_000, 1000.0, Severity.warning),  # in 10 days: by its level alone
        (800_000_000, 3000.0, Severity.warning),  # in 5 days, but below 60 %
        (800_000_000, 1000.0, None),
        (209_000_000, 5000.0, None),  # in 4 days, and autovacuum has just begun
    ],
)
def test_time_left(age: int, rate: float, severity: Severity | None) -> None:
    """By the slowest pace of the last weeks, where vacuum does not keep up."""
    known = server(aged(age), rate=Rate(rate, rate, 2 * rate, 86_400 * 14))
    found = verdict_of(txid_wraparound.finding, known)
    assert found.severity is severity
    if severity:
        assert " days" in found.subjects[0].evidence.message


def test_a_horizon_that_moves_is_left_alone_below_the_emergency() -> None:
    """An old server whose vacuums get through: its age falls again and again."""
    known = server(aged(1_300_000_000), rate=Rate(2e3, 2e3, 2e3, 1e6), moves=True)
    assert verdict_of(txid_wraparound.finding, known).state is State.healthy
    late = server(aged(1_600_000_000), moves=True)
    assert verdict_of(txid_wraparound.finding, late).severity is Severity.critical


@pytest.mark.parametrize(
    ("now", "steps", "state", "severity"),
    [
        (Multixacts(900, 1, 3_100_000_000, 0.0), (), State.ill, Severity.warning),
        (Multixacts(900, 1, 2_900_000_000, 0.0), (), State.healthy, None),
        (Multixacts(900, 500, 3_900_000_000, 0.0), (), State.learning, None),
        (
            Multixacts(900, 500, 3_900_000_000, 0.0),
            ((400, 100), (600, 300)),
            State.ill,
            Severity.critical,
        ),
        (Multixacts(900, 500, 100, 0.0), ((500, 2**32 - 100), (600, 50)), State.healthy, None),
        (Multixacts(900, 900, 100, 0.0), (), State.healthy, None),
    ],
)
def test_members_of_multixacts(
    now: Multixacts, steps: tuple[Step, ...], state: State, severity: Severity | None
) -> None:
    """From where the oldest one begins; learning until that is known, over a wraparound too."""
    found = verdict_of(mxid_wraparound.finding, server(aged(1, 1), now=now, steps=steps))
    assert (found.state, found.severity) == (state, severity)


def test_offsets_are_kept_for_each_checkpoint() -> None:
    """Those before the oldest multixact are dropped, but one; a restart forgets none."""
    memory, place = Memory(), Namespace("7001", "db1", "")
    recorder = OFFSETS.recorder(memory, place)
    for number in range(0, 1000, 10):
        row = Multixacts(1000 + number, max(1000, 500 + number), 7 * number, 0.0)
        recorder.learn(multixacts, Answer((row,), float(number)))
    again = OFFSETS.recorder(memory, place).view(0.0)
    assert again.steps[0][0] in (1490, 1480)
    assert again.used(Multixacts(1995, 1505, 7 * 995, 0.0)) == 7 * (995 - 505)
    assert len(again.steps) <= 256


def test_multixacts_have_limits_of_their_own() -> None:
    """Halfway from 400 million, and nothing to do with transactions."""
    assert verdict_of(txid_wraparound.finding, server(aged(1, 10**9))).state is State.healthy
    assert only(mxid_wraparound.finding, server(aged(1, 10**9))).severity is Severity.warning
    assert verdict_of(mxid_wraparound.finding, server(aged(1, 999_999_999))).state is State.healthy


def test_hidden_settings_leave_it_unknown() -> None:
    """Without the age at which autovacuum acts nothing is judged."""
    blind = seen((databases, [aged(2 * 10**9)]), (settings, ()))
    assert verdict_of(txid_wraparound.finding, blind).state is State.unknown
    assert verdict_of(txid_wraparound.finding, seen((settings, ()))).state is State.unknown


def test_a_standby_is_not_judged() -> None:
    """What its primary says holds for it."""
    known = seen((databases, [aged(2 * 10**9)]), (settings, ()), role=Role.standby)
    assert verdict_of(txid_wraparound.finding, known).state is State.not_applicable


def test_what_holds_it_up_is_named_and_ended_first() -> None:
    """The oldest table, vacuums at work, and a holder that is really that old."""
    others = (
        (oldest_relations, [relation(10**9), relation(1, relid=2, relname="young")]),
        (progress_vacuum, [filled(VacuumProgress, datname="shop", relname="big")]),
        (
            xmin_horizon,
            [
                Holder("session", "77", "other", 2 * 10**9),
                Holder("replication_slot", "late", None, 999_999_999),
                Holder("session", "78", "shop", 20),
            ],
        ),
    )
    found = only(txid_wraparound.finding, server(aged(10**9), others=others))
    assert "Held up by" in found.message
    assert "slot late" in found.message
    assert "Oldest: public.orders." in found.message
    assert "1 vacuum at work there: big." in found.message
    assert "VACUUM public.orders;" in found.cure
    assert found.cure.index("VACUUM public.orders;") > 2
    assert found.is_consequence  # of xmin_horizon_held


def test_a_young_holder_does_not_explain_it() -> None:
    """Whatever holds a horizon of today is not why nothing was frozen for months."""
    others = ((xmin_horizon, [Holder("session", "78", "shop", 60_000_000)]),)
    found = only(txid_wraparound.finding, server(aged(10**9), others=others))
    assert not found.is_consequence


def test_a_closed_database_gets_steps() -> None:
    """No session can be opened in it, so no statement is printed that needs one."""
    found = only(
        txid_wraparound.finding,
        server(aged(10**9, datname="template0", allows_connections=False)),
    )
    assert all(line.startswith("--") for line in found.cure)


@pytest.mark.parametrize(
    ("row", "is_ill"),
    [
        (relation(239_999_999), False),
        (relation(240_000_000), True),
        (relation(5_000_000, max_xid_age=100_000), False),  # set very low: its turn comes
        (relation(1, mxid_age=500_000_000), True),
        (relation(300_000_000, relpersistence="t"), True),
    ],
)
def test_overdue_is_a_fifth_beyond(row: OldestRelation, is_ill: bool) -> None:
    """And twenty million IDs; by the table's own limit."""
    known = seen((oldest_relations, [row]), (progress_vacuum, ()))
    state = verdict_of(table_freeze_overdue.finding, known).state
    assert state is (State.ill if is_ill else State.healthy)


@pytest.mark.parametrize("named", ["orders", "pg_toast_9"])
def test_what_is_being_vacuumed_is_not_overdue(named: str) -> None:
    """Also where the vacuum of a table will come to its TOAST."""
    toast = relation(
        10**9,
        schemaname="pg_toast",
        relname="pg_toast_9",
        main_schemaname="public",
        main_relname="orders",
    )
    schema = "pg_toast" if named.startswith("pg_toast") else "public"
    work = filled(VacuumProgress, datname="shop", schemaname=schema, relname=named)
    known = seen((oldest_relations, [toast]), (progress_vacuum, [work]))
    assert verdict_of(table_freeze_overdue.finding, known).state is State.healthy


def test_a_temporary_table_is_left_to_its_session() -> None:
    """Nothing is printed that another session would have to refuse."""
    temporary = relation(10**9, relpersistence="t", schemaname="pg_temp_3")
    found = only(
        table_freeze_overdue.finding, seen((oldest_relations, [temporary]), (progress_vacuum, ()))
    )
    assert not [line for line in found.cure if line.startswith("VACUUM")]


def test_tables_stand_under_their_database() -> None:
    """Its one cure vacuums them all; 20 tables with 20 cures would hide it."""
    tables = [relation(10**9, relid=n, relname=f"t{n}") for n in range(3)]
    others = ((oldest_relations, tables), (progress_vacuum, ()))
    known = server(aged(xids=1_700_000_000), others=others)
    [top] = fold([verdict_of(one, known) for one in FINDINGS])
    assert top.verdict.finding is txid_wraparound.finding
    assert {one.verdict.finding for one in top.consequences} == {table_freeze_overdue.finding}
    assert len(top.consequences) == 3


def age(server: Postgres, missing: Missing) -> None:
    """Let a stopped server believe that it has assigned IDs for years."""
    program = server.binaries.program("pg_resetwal")
    if not program.exists():
        program = DEBIAN
    if not program.exists():
        missing.leave_out("pg_resetwal", "the package postgresql-15")
    ids = f"--next-transaction-id={OLD}", f"--multixact-ids={MXID_OLD},1"
    server.owner.run([program, *ids, server.data])


@pytest.mark.versions(15, 18)
async def test_found_and_cured(
    private_server: PrivateServers, psql: Psql, missing: Missing
) -> None:
    """A server that is a billion transactions old, because a prepared one was forgotten."""
    server = private_server()
    monitor = server.dsn("postgres", MONITOR)
    async with watching(dsn=monitor) as connection:
        young = await look(connection, *COLLECTORS, recorder=Recorder(HISTORY))
        assert [verdict_of(one, young).state for one in FINDINGS] == [State.healthy] * 3
    async with connected(server.dsn()) as admin:
        await admin.execute('create table public."O\'ld" (id int, note text)')
        await admin.execute('begin; insert into public."O\'ld" values (1)')
        await admin.execute("prepare transaction 'forgotten'")
    server.stop()
    age(server, missing)
    server.start()
    async with watching(dsn=monitor) as connection:
        aged = await look(connection, *COLLECTORS, recorder=Recorder(HISTORY))
        found = {s.evidence.subject: s.evidence for s in subjects(txid_wraparound.finding, aged)}
        assert found.keys() >= {"postgres"}
        assert found["postgres"].severity is Severity.warning
        assert "the prepared transaction forgotten" in found["postgres"].message
        locked = [s.evidence for s in subjects(mxid_wraparound.finding, aged)]
        assert {one.severity for one in locked} == {Severity.warning}
        overdue = {s.evidence.subject for s in subjects(table_freeze_overdue.finding, aged)}
        assert overdue
        pasted = "\n".join((found["postgres"].check, *found["postgres"].cure))
        await psql(server.dsn(), chosen(found["postgres"].cure, "ROLLBACK") + pasted)
        well = await look(connection, *COLLECTORS, recorder=Recorder(HISTORY))
        for finding in (txid_wraparound.finding, mxid_wraparound.finding):
            assert "postgres" not in {s.evidence.subject for s in subjects(finding, well)}
        assert verdict_of(table_freeze_overdue.finding, well).state is State.healthy


def subjects(finding: AnyFinding, snapshot: Snapshot) -> Any:
    return verdict_of(finding, snapshot).subjects
