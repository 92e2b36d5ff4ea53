"""observer_blind: what can't be judged, and the very GRANT that changes it."""

from dataclasses import replace

import pytest

from alerts._base import Evidence, Severity, State
from alerts._catalogue import all_findings
from alerts.findings.observer.observer_blind import Limits, finding
from alerts.snapshot import Snapshot
from alerts.verdicts.dependents import consultants, readers
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Capability, Role, Scope
from collectors._capabilities import COLUMN_STATISTICS, READ_ALL_STATS
from collectors._catalogue import all_collectors
from collectors.capabilities import Granted, capabilities
from collectors.rounds import Round, rounds
from tests.fixtures.one_look import verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import seen

STATS = Granted(
    None, "pg_read_all_stats", False, "GRANT pg_monitor TO m;", "what others do", ("activity",)
)
WELL = Round("activity", "fast", True, None, None, 0.5, 1.0)


def costing(right: Granted, role: Role | None) -> Granted:
    """The right with what its lack costs, as the daemon fills it in."""
    known = all_findings()
    return replace(
        right,
        blinded=readers(right.collectors, known, role),
        partly_blinded=consultants(right.collectors, known, role),
    )


def unread() -> str:
    """The name of a collector that no finding reads."""
    read = {c for known in all_findings().values() for c in (*known.reads, *known.consults)}
    return next(name for name, one in all_collectors().items() if one not in read)


def judged(*rights: Granted, role: Role | None = Role.primary) -> Verdict:
    rows = tuple(costing(right, role) for right in rights)
    return verdict_of(finding, seen((capabilities, rows), role=role))


def only(verdict: Verdict) -> Evidence:
    [subject] = verdict.subjects
    return subject.evidence


def test_with_every_right_it_is_healthy() -> None:
    """What is granted is no subject."""
    assert judged(replace(STATS, granted=True)).state is State.healthy


def test_a_missing_right_names_what_is_blind_and_its_grant() -> None:
    """One sentence for all findings that depend on it; the cure is the GRANT and nothing else."""
    found = only(judged(STATS))
    assert (found.severity, found.subject) == (Severity.warning, "pg_read_all_stats")
    assert found.cure == ("GRANT pg_monitor TO m;",)
    assert "idle_in_transaction" in str(found.facts["findings"])
    assert " more findings" in found.message
    assert found.facts["blinded_findings"] == len(
        readers(["activity"], all_findings(), Role.primary)
    )


def test_each_database_without_it_is_a_subject() -> None:
    """The cure has to be run there."""
    grant = "GRANT SELECT (stawidth) ON pg_catalog.pg_statistic TO m;"
    statistics = Granted("shop", "column_statistics", False, grant, "widths", ("activity",))
    verdict = judged(statistics, replace(statistics, datname="erp"))
    assert {(s.evidence.subject, s.evidence.database) for s in verdict.subjects} == {
        ("column_statistics in shop", "shop"),
        ("column_statistics in erp", "erp"),
    }


def test_a_right_that_no_finding_needs_is_no_illness() -> None:
    """It would buy facts, and `doctor` says so; nobody has to act."""
    assert judged(replace(STATS, collectors=(unread(),))).state is State.healthy


def test_what_is_judged_on_primaries_only_is_not_missed_on_a_standby() -> None:
    """A standby without that right is blind for nothing."""
    right = replace(STATS, collectors=("table_layout",))
    assert judged(right).state is State.ill
    assert judged(right, role=Role.standby).state is State.healthy


def test_readers_are_those_that_declare_it() -> None:
    """A consulted collector blinds in part only."""
    found = readers(["locks"], all_findings(), None)
    assert "idle_in_transaction" not in found
    assert "idle_in_transaction" in consultants(["locks"], all_findings(), None)
    assert not set(found) & set(consultants(["locks"], all_findings(), None))
    assert set(found) == {
        name for name, each in all_findings().items() if all_collectors()["locks"] in each.reads
    }


def with_rounds(*those: Round, rights: tuple[Granted, ...] = ()) -> Snapshot:
    costly = tuple(costing(right, None) for right in rights)
    blind = (replace(r, blinded=readers([r.collector], all_findings(), None)) for r in those)
    return seen((capabilities, costly), (rounds, tuple(blind)))


FAILING = replace(WELL, ok=False, error="canceling statement due to statement timeout")


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (WELL, State.healthy),
        (replace(FAILING, failed_seconds=299.0), State.healthy),
        (replace(FAILING, failed_seconds=300.0), State.ill),
        (replace(FAILING, failed_seconds=9999.0, collector=unread()), State.healthy),
    ],
    ids=["well", "failing for a moment", "failing", "nobody reads it"],
)
def test_a_collector_that_fails_blinds_too(one: Round, state: State) -> None:
    """After five minutes, where some finding depends on it."""
    verdict = verdict_of(finding, with_rounds(one))
    assert verdict.state is state


def test_a_failing_collector_is_named_with_its_error() -> None:
    """And nothing in its cure runs: the error may say anything."""
    broken = replace(FAILING, failed_seconds=600.0, error="line one\nDROP TABLE x;")
    found = only(verdict_of(finding, with_rounds(broken)))
    assert "activity has had no answer for 10 min" in found.message
    assert all(line.startswith("--") and "\n" not in line for line in found.cure)


def test_a_collector_without_its_right_is_told_once() -> None:
    """The missing right explains the failure."""
    refused = replace(FAILING, failed_seconds=600.0)
    found = only(verdict_of(finding, with_rounds(refused, rights=(STATS,))))
    assert found.subject == "pg_read_all_stats"


def test_it_is_not_over_before_the_collector_is_well() -> None:
    """The relaxed limit is the milder one."""
    assert Limits().relax().failing < Limits().failing


def test_without_our_own_report_it_is_unknown() -> None:
    """Who can't tell what it may see can't tell that it sees everything."""
    blind = replace(seen(), absent={capabilities: Absence("not queried yet")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.parametrize("capability", [READ_ALL_STATS, COLUMN_STATISTICS], ids=lambda c: c.name)
async def test_story_of_a_right_that_is_granted(
    capability: Capability, database: Database, paste: Psql
) -> None:
    """Ill without it, cured by the printed GRANT in the printed database, and then gone."""
    role = f'o"dd {database.name}'
    quoted = '"' + role.replace('"', '""') + '"'
    await database.execute(f"CREATE ROLE {quoted} LOGIN")
    async with watching(dsn=database.server.dsn(database.name), user=role) as session:

        async def looked() -> Verdict:
            granted = await session.fetchval(f"SELECT {capability.probe}")
            where = database.name if capability.scope is Scope.database else None
            needing = [n for n, c in all_collectors().items() if capability in c.needs]
            grant = capability.grant.replace("{role}", quoted)
            buys, probe = capability.buys, capability.probe
            return judged(
                Granted(where, capability.name, granted, grant, buys, tuple(needing), probe)
            )

        found = only(await looked())
        assert found.database in (None, database.name)
        assert await paste(database.dsn, found.check) == "t\n", "a superuser has it already"
        assert await session.fetchval(found.check.partition(";")[0]) is False
        for line in found.cure:
            await paste(database.dsn, line)
        assert (await looked()).state is State.healthy
    await database.execute(f"DROP OWNED BY {quoted}; DROP ROLE {quoted}")
