"""server_unreachable: by cause, with slots that are full told apart from a server that is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import asyncpg
import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.availability._reasons import WORDS
from alerts.findings.availability.server_unreachable import finding
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence, Role
from collectors.activity import activity
from collectors.connection import Cause, Connection, connection
from collectors.wal_position import wal_position
from tests.fixtures.daemon import Watch, Watched
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import verdict_of
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.replication_rows import PRIMARY, STANDBY, Server
from tests.fixtures.session_rows import AT, OURS, later, seen, sessions
from tests.fixtures.until import until

WELL = Connection(
    up=True,
    cause=None,
    message=None,
    down_seconds=None,
    can_connect=True,
    connect_cause=None,
    connect_message=None,
    refused_seconds=None,
    address="db1:5432",
    user="pgvigil",
    sessions=2,
)
UNKNOWN = replace(WELL, up=False, can_connect=None, sessions=0)


def away(cause: Cause, message: str = "it said so") -> Connection:
    return replace(
        UNKNOWN,
        cause=cause,
        message=message,
        down_seconds=42.0,
        can_connect=False,
        connect_cause=cause,
        connect_message=message,
    )


def closed(cause: Cause, message: str = "it said so") -> Connection:
    return replace(
        WELL,
        can_connect=False,
        connect_cause=cause,
        connect_message=message,
        refused_seconds=42.0,
    )


def judged(row: Connection) -> Verdict:
    return verdict_of(finding, seen((connection, [row]), role=None))


def only(verdict: Verdict) -> Evidence:
    [subject] = verdict.subjects
    return subject.evidence


def statements(evidence: Evidence) -> list[str]:
    return [line for line in evidence.cure if not line.startswith("--")]


def test_a_server_that_answers_and_takes_sessions_is_healthy() -> None:
    """Also before a second session was ever tried."""
    assert judged(WELL).state is State.healthy
    assert judged(replace(WELL, can_connect=None)).state is State.healthy


ANSWERS = [cause for cause in Cause if cause is not Cause.defect]


@pytest.mark.parametrize("cause", ANSWERS)
def test_a_server_that_is_away_is_critical_whatever_the_cause(cause: Cause) -> None:
    """It is ill, never unknown; with the cause in words, what it said, and what to do."""
    verdict = judged(away(cause))
    found = only(verdict)
    assert (verdict.state, found.severity, found.value) == (State.ill, Severity.critical, 42)
    assert WORDS[cause][0].replace("{user}", "pgvigil") in found.message
    verb = "queried" if cause is Cause.first_question else "reached"
    assert f"db1:5432 can't be {verb}, for 42 s" in found.message
    assert "-- The error: it said so." in found.cure
    assert len(found.cure) > 1, "there is advice"


def test_before_the_first_attempt_has_ended_it_is_unknown() -> None:
    """Nothing is claimed of a server that nobody has asked."""
    assert judged(UNKNOWN).state is State.unknown


def test_only_full_slots_have_something_to_run() -> None:
    """Advice about a server that is away can be pasted and does nothing."""
    found = {cause: only(judged(away(cause))) for cause in ANSWERS}
    runnable = {Cause.slots_full, Cause.role_full}
    assert {cause for cause in ANSWERS if statements(found[cause])} == runnable
    assert {cause for cause in ANSWERS if found[cause].check} == runnable


def test_a_defect_of_ours_is_held_against_no_server() -> None:
    """Nothing is known, and the reason says why."""
    said = "a defect in pgvigil: TypeError at session.py:1"
    for row in (away(Cause.defect, said), closed(Cause.defect, said)):
        verdict = judged(row)
        assert (verdict.state, verdict.reason) == (State.unknown, said)


def test_full_slots_behind_a_working_session_have_words_of_their_own() -> None:
    """The message says that the server works."""
    found = only(judged(closed(Cause.slots_full)))
    assert "answers old sessions, but accepts no new one, for 42 s" in found.message
    assert found.severity is Severity.critical


@pytest.mark.parametrize("cause", [Cause.auth, Cause.pg_hba, Cause.no_database, Cause.tls])
def test_what_concerns_our_login_alone_is_a_warning_while_a_session_works(cause: Cause) -> None:
    """The applications may not notice; we would be blind after the next reconnect."""
    assert only(judged(closed(cause))).severity is Severity.warning


def test_the_longest_idle_sessions_are_named_where_they_can_be_seen() -> None:
    """Over the standing session: by pid and start; never one of ours."""
    sibling = replace(OURS, pid=2, is_self=False, state="idle", state_seconds=99999)
    clients = (OURS, sibling, *sessions(1), *sessions(3, 200, state_seconds=9999))
    snapshot = seen((connection, [closed(Cause.slots_full)]), (activity, clients))
    [statement] = statements(only(verdict_of(finding, snapshot)))
    assert [pid for pid in range(300) if f"({pid}, " in statement] == [100, 200, 201, 202]


def test_a_full_role_makes_room_in_that_role() -> None:
    """The sessions of everybody else are in nobody's way."""
    [statement] = statements(only(judged(away(Cause.role_full))))
    assert "usename OPERATOR(pg_catalog.=) 'pgvigil'" in statement


def test_no_line_break_of_a_message_ends_the_comment() -> None:
    """What a server says is shown, and never run."""
    found = only(judged(away(Cause.other, "no\nDROP TABLE orders;")))
    assert statements(found) == []


def test_one_missed_beat_is_no_alert() -> None:
    """It has to hold for two looks, and is ill since the first."""
    book, well = VerdictTracker(), seen((connection, [WELL]))
    assert verdict_of(finding, well, book).state is State.healthy
    first = later(seen((connection, [away(Cause.absent)])), 1)
    assert verdict_of(finding, first, book).state is State.healthy
    verdict = verdict_of(finding, later(first, 1), book)
    assert (verdict.state, verdict.subjects[0].since) == (State.ill, first.at)


def test_a_changing_cause_is_one_case() -> None:
    """Absent, starting, in recovery: one outage with one beginning."""
    book, first = VerdictTracker(), seen((connection, [away(Cause.absent)]), role=None)
    for second, cause in enumerate((Cause.absent, Cause.starting, Cause.recovery)):
        now = later(seen((connection, [away(cause)]), role=None), second)
        verdict = verdict_of(finding, now, book)
    [subject] = verdict.subjects
    assert subject.since == first.at
    assert subject.evidence.facts["cause"] == Cause.recovery


@pytest.mark.parametrize("cause", [Cause.starting, Cause.stopping])
def test_a_planned_restart_is_a_warning_while_it_is_short(cause: Cause) -> None:
    """It is told at once, but pages only once it lasts longer than a restart or a switchover."""
    short = replace(away(cause), down_seconds=2.5)
    assert only(judged(short)).severity is Severity.warning
    assert only(judged(replace(short, down_seconds=10.0))).severity is Severity.critical


def test_a_server_that_does_not_say_so_is_no_planned_restart() -> None:
    short = replace(away(Cause.absent), down_seconds=2.5)
    assert only(judged(short)).severity is Severity.critical


STOPPED = replace(away(Cause.absent), down_seconds=59.0, shut_down=True)


def beside(peer: Server, row: Connection, role: Role = Role.primary) -> Verdict:
    """Of a server that is away while another one of its cluster is watched."""
    told = peer.saw(AT, {wal_position: [PRIMARY]})
    return verdict_of(finding, replace(seen((connection, [row]), role=role), peers=(told,)))


@pytest.mark.parametrize(
    "cause",
    [Cause.absent, Cause.timeout, Cause.unresolved, Cause.starting, Cause.stopping, Cause.recovery],
)
def test_a_server_that_was_shut_down_is_a_warning_for_a_minute(cause: Cause) -> None:
    """Also while its host is restarted; longer than that is nobody's plan."""
    found = only(judged(replace(STOPPED, cause=cause)))
    assert found.severity is Severity.warning
    assert found.message.endswith("; it was shut down in order.")
    assert only(judged(replace(STOPPED, cause=cause, down_seconds=60.0))).severity is (
        Severity.critical
    )


@pytest.mark.parametrize("cause", [Cause.hung, Cause.slots_full, Cause.auth, Cause.wrong_server])
def test_one_that_is_back_and_not_well_is_critical(cause: Cause) -> None:
    assert only(judged(replace(STOPPED, cause=cause))).severity is Severity.critical


@pytest.mark.parametrize(
    ("ago", "role", "row", "severity"),
    [
        (600.0, Role.primary, STOPPED, Severity.warning),
        (600.0, Role.primary, replace(STOPPED, down_seconds=3600.0), Severity.critical),
        (600.0, Role.standby, STOPPED, Severity.critical),
        (600.0, Role.primary, replace(STOPPED, shut_down=False), Severity.critical),
        (800.0, Role.primary, STOPPED, Severity.critical),
    ],
    ids=["replaced", "for hours", "was a standby", "crashed", "other was promoted before"],
)
def test_a_promotion_explains_the_end_of_an_old_primary(
    ago: float, role: Role, row: Connection, severity: Severity
) -> None:
    """By the server that was promoted since, and no other one."""
    peer = Server("db2", Role.primary)
    peer.saw(AT - ago - 1, {wal_position: [STANDBY]})
    peer.saw(AT - ago, {wal_position: [PRIMARY]})
    seconds = max(row.down_seconds or 0.0, 620.0)
    found = only(beside(peer, replace(row, down_seconds=seconds), role))
    assert found.severity is severity
    assert ("db2 was promoted" in found.message) is (found.facts["promoted_since"] == "db2")


def test_a_clone_has_taken_over_nothing() -> None:
    """It shares the identifier, and was a primary all the time."""
    row = replace(STOPPED, down_seconds=620.0)
    assert only(beside(Server("copy", Role.primary), row)).severity is Severity.critical


def test_without_our_own_report_it_is_unknown() -> None:
    """The daemon owes an answer before anybody can rely on it."""
    blind = replace(seen(), absent={connection: Absence("not queried yet")})
    assert verdict_of(finding, blind).state is State.unknown


@asynccontextmanager
async def filled(dsn: str) -> AsyncIterator[list[asyncpg.Connection]]:
    """Takes every slot that is left, with idle sessions."""
    taken: list[asyncpg.Connection] = []
    async with AsyncExitStack() as stack:
        while True:
            try:
                taken.append(await stack.enter_async_context(connected(dsn)))
            except asyncpg.TooManyConnectionsError:
                break
        yield taken
    await asyncio.sleep(0)


async def becomes(watched: Watched, state: State) -> Verdict:
    async def has_become() -> bool:
        verdict = watched.server.judging.verdicts.get(finding.name)
        return verdict is not None and verdict.state is state

    await until(has_become, f"server_unreachable is {state}", seconds=90)
    return watched.verdict(finding.name)


@pytest.mark.versions(14, 18)
async def test_story_of_slots_that_were_full_before_we_came(
    private_server: PrivateServers, paste: Psql, watch: Watch
) -> None:
    """Ill and told apart from a dead server; a superuser pastes the cure, and we are in."""
    server = private_server(max_connections=10, superuser_reserved_connections=3)
    async with connected(server.dsn()) as admin:
        await admin.execute("CREATE ROLE app LOGIN")
        async with filled(server.dsn(user="app")):
            watched = await watch(server.dsn(user=MONITOR))
            found = only(await becomes(watched, State.ill))
            assert found.facts["cause"] == Cause.slots_full
            assert "can't be reached" in found.message
            for line in found.cure:
                await paste(server.dsn(), line)
            await becomes(watched, State.healthy)


@pytest.mark.versions(14, 18)
async def test_story_of_slots_that_fill_while_we_are_in(
    private_server: PrivateServers, paste: Psql, watch: Watch
) -> None:
    """Tried at once, not with the next walk; the cure names sessions, and new ones can be had."""
    server = private_server(max_connections=12, superuser_reserved_connections=3)
    async with connected(server.dsn()) as admin:
        await admin.execute("CREATE ROLE app LOGIN")
        watched = await watch(server.dsn(user=MONITOR), **{"paces.table": "1h"})

        async def has_all_sessions() -> bool:
            return watched.standing is not None and watched.standing.sessions == 3

        await until(has_all_sessions, "its third session visits the database")
        assert (await becomes(watched, State.healthy)).subjects == ()
        app = server.dsn(user="app")
        async with filled(app), AsyncExitStack() as late:

            async def given_back() -> bool:
                with suppress(asyncpg.TooManyConnectionsError):
                    await late.enter_async_context(connected(app))
                    return True
                return False

            await until(given_back, "the slot that we gave back is taken too")
            found = only(await becomes(watched, State.ill))
            assert found.facts["cause"] == Cause.slots_full
            assert "answers old sessions" in found.message
            assert "backend_start" in "\n".join(statements(found))
            for line in found.cure:
                await paste(server.dsn(), line)
            await becomes(watched, State.healthy)


@pytest.mark.versions(14, 18)
async def test_a_limit_of_one_database_is_no_full_server(
    private_server: PrivateServers, watch: Watch
) -> None:
    """A database that lets nobody in any more is unjudged; all others are, and sessions are had."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("CREATE DATABASE a_full CONNECTION LIMIT 1")
        async with connected(server.dsn("a_full")):
            watched = await watch(server.dsn(user=MONITOR))

            async def has_been_there() -> bool:
                verdict = watched.server.judging.verdicts.get("index_unused")
                return verdict is not None and any(
                    "too many connections" in one.reason for one in verdict.unjudged
                )

            await until(has_been_there, "the full database is unjudged")
            await watched.until_seen()
            assert watched.standing is not None
            assert watched.standing.can_connect
            assert (await becomes(watched, State.healthy)).subjects == ()


@pytest.mark.versions(14, 18)
async def test_a_limit_of_our_role_is_told_apart_from_a_full_server(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Everybody else gets in: it is our own matter, and named as that."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute("CREATE ROLE narrow LOGIN CONNECTION LIMIT 1 IN ROLE pg_monitor")
        async with connected(server.dsn(user="narrow")):
            watched = await watch(server.dsn(user="narrow"))
            found = only(await becomes(watched, State.ill))
            assert found.facts["cause"] == Cause.role_full


@pytest.mark.versions(14, 18)
async def test_story_of_a_server_that_is_stopped_and_started(
    private_server: PrivateServers, paste: Psql, watch: Watch
) -> None:
    """Absent is ill, not unknown; what is printed does no harm; the start ends it."""
    server = private_server()
    watched = await watch(server.dsn(user=MONITOR))
    await until(watched.is_up, "it is watched")
    server.stop("immediate")
    found = only(await becomes(watched, State.ill))
    assert found.severity is Severity.critical
    assert found.facts["cause"] == Cause.absent
    server.start()
    for line in found.cure:
        await paste(server.dsn(), line)
    await becomes(watched, State.healthy)
