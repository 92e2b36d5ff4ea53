"""What is ill of a pooler, what is not quite, and what is unknown, by rows made by hand."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import Severity, State
from alerts._catalogue import findings_about
from alerts.findings.pooler.pooler_certificate_expiry import finding as certificate_expiry
from alerts.findings.pooler.pooler_churn import finding as churn
from alerts.findings.pooler.pooler_client_limit import finding as client_limit
from alerts.findings.pooler.pooler_clients_waiting import finding as waiting
from alerts.findings.pooler.pooler_login_failures import finding as login_failures
from alerts.findings.pooler.pooler_oversubscribed import Limits as OversubscribedLimits
from alerts.findings.pooler.pooler_oversubscribed import finding as oversubscribed
from alerts.findings.pooler.pooler_paused import finding as paused
from alerts.findings.pooler.pooler_prepared_statements import finding as prepared
from alerts.findings.pooler.pooler_reserve_in_use import finding as reserve
from alerts.findings.pooler.pooler_saturated import finding as saturated
from alerts.findings.pooler.pooler_session_mode import finding as session_mode
from alerts.findings.pooler.pooler_unreachable import WORDS
from alerts.findings.pooler.pooler_unreachable import finding as unreachable
from alerts.history.recorder import Recorder
from alerts.pooler.demand import Demand
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Answer, Kind
from collectors.pooler_config import pooler_config
from collectors.pooler_connection import PoolerCause, pooler_connection
from collectors.pooler_databases import pooler_databases
from collectors.pooler_lists import pooler_lists
from collectors.pooler_log import PoolerLog, Refusal, Side, pooler_log
from collectors.pooler_pools import pooler_pools
from collectors.pooler_routes import PoolerRoute, pooler_routes
from collectors.pooler_servers import PoolerServer, pooler_servers
from collectors.pooler_state import PoolerState, pooler_state
from collectors.pooler_stats import PoolerStats, pooler_stats
from collectors.pooler_users import pooler_users
from collectors.pooler_version import PoolerVersion, pooler_version
from collectors.settings import Setting, settings
from monitor.pgbouncer.answer import Record
from monitor.pgbouncer.rows import rows_of
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.pooler_rows import UP, config, database, lists, pool, snapshot
from tests.fixtures.session_rows import AT, seen

CRITICAL, WARNING, INFO = Severity.critical, Severity.warning, Severity.info


def severity(finding: Any, look: Snapshot, **known: Any) -> Severity | State:
    verdict = verdict_of(finding, look, **known)
    return verdict.severity or verdict.state


def of_pool(own: dict[str, Any] | None = None, **traits: Any) -> Snapshot:
    return snapshot(
        (pooler_pools, [pool(**traits)]),
        (pooler_databases, [database(**(own or {}))]),
        (pooler_config, config(query_wait_timeout=120)),
    )


def test_without_answers_all_is_unknown() -> None:
    for finding in findings_about(Kind.pgbouncer).values():
        assert verdict_of(finding, snapshot()).state is State.unknown


@pytest.mark.parametrize(
    ("traits", "own", "found"),
    [
        ({"cl_waiting": 3, "maxwait": 5}, {}, WARNING),
        ({"cl_waiting": 1, "maxwait": 30}, {}, CRITICAL),
        ({"cl_waiting": 90, "maxwait": 4, "maxwait_us": 999_999}, {}, State.healthy),
        ({"cl_waiting": 3, "maxwait": 60}, {"paused": 1}, State.healthy),
        ({"cl_waiting": 3, "maxwait": 60, "sv_active": 0, "sv_idle": 0}, {}, State.healthy),
    ],
)
def test_clients_waiting(
    traits: dict[str, Any], own: dict[str, Any], found: Severity | State
) -> None:
    assert severity(waiting, of_pool(own, **traits)) == found


def test_waiting_clients_of_a_pool_whose_size_is_unknown() -> None:
    look = snapshot((pooler_pools, [pool(cl_waiting=1, maxwait=9, pool_mode="session")]))
    [subject] = verdict_of(waiting, look).subjects
    assert "default_pool_size" not in " ".join(subject.evidence.cure)
    assert "pooler_session_mode" in " ".join(subject.evidence.cure)


@pytest.mark.parametrize(
    ("active", "size", "found"),
    [(18, 20, WARNING), (17, 20, State.healthy), (3, 3, State.healthy), (20, None, State.healthy)],
)
def test_saturated(active: int, size: int | None, found: Severity | State) -> None:
    assert severity(saturated, of_pool({"pool_size": size}, sv_active=active)) == found


def test_a_size_of_the_user_counts_first() -> None:
    """As 1.24 tells it: neither is a larger pool of a user full, nor is its reserve in use."""
    sizes = {"pool_size": 4, "reserve_pool_size": 2}
    asked: list[Record] = [{"name": "app", "pool_size": "       20", "max_user_connections": "0"}]
    look = of_pool(sizes, sv_active=6)
    assert severity(saturated, look) == severity(reserve, look) == WARNING
    own = Answer(tuple(rows_of(pooler_users, asked)), AT)
    look = replace(look, answers={**look.answers, pooler_users: own})
    assert severity(saturated, look) == severity(reserve, look) == State.healthy
    asked[0]["pool_size"] = "6"
    own = Answer(tuple(rows_of(pooler_users, asked)), AT)
    look = replace(look, answers={**look.answers, pooler_users: own})
    [full] = verdict_of(saturated, look).subjects
    assert "--   pool_size=7" in full.evidence.cure
    assert "-- In pgbouncer.ini, below [users], in the line of app:" in full.evidence.cure


@pytest.mark.parametrize(
    ("active", "idle", "size", "found"),
    [
        (22, 0, 5, WARNING),
        (20, 4, 5, State.healthy),
        (22, 0, 0, State.healthy),
    ],
)
def test_reserve(active: int, idle: int, size: int, found: Severity | State) -> None:
    look = of_pool({"reserve_pool_size": size}, sv_active=active, sv_idle=idle)
    assert severity(reserve, look) == found


@pytest.mark.parametrize(
    ("traits", "found"),
    [
        ({"cl_waiting": 1}, CRITICAL),
        ({"cl_waiting": 1, "sv_login": 1}, CRITICAL),
        ({"cl_waiting": 0}, State.healthy),
        ({"cl_waiting": 1, "sv_idle": 1}, State.healthy),
    ],
)
def test_login_failures(traits: dict[str, Any], found: Severity | State) -> None:
    look = of_pool(None, **{"sv_active": 0, "sv_idle": 0, **traits})
    assert severity(login_failures, logged(look)) == found


def logged(look: Snapshot, *refusals: Refusal, since: float = AT - 600) -> Snapshot:
    row = PoolerLog(since, refusals, 9, 0, 0, 0)
    return replace(look, answers={**look.answers, pooler_log: Answer((row,), AT)})


def by_server(count: int, ago: float = 5, cause: str = "password") -> Refusal:
    return Refusal(Side.server, cause, "shop", "app", count, (AT - ago,) * count)


def of_clients(count: int, ago: float = 5, cause: str = "password") -> Refusal:
    return Refusal(Side.client, cause, "shop", None, count, (AT - ago,) * count)


@pytest.mark.parametrize(
    ("refusal", "found"),
    [
        (by_server(2), WARNING),
        (by_server(1), State.healthy),
        (by_server(9, ago=130), State.healthy),
        (by_server(9, cause="starting"), State.healthy),
        (of_clients(20), WARNING),
        (of_clients(19), State.healthy),
        (of_clients(90, ago=301), State.healthy),
    ],
)
def test_refused_logins_in_the_log(refusal: Refusal, found: Severity | State) -> None:
    assert severity(login_failures, logged(of_pool(), refusal)) == found


def test_a_pool_without_connections_whose_logins_the_server_refuses() -> None:
    """One subject, with the reason of the log."""
    empty = of_pool(None, sv_active=0, sv_idle=0)
    assert severity(login_failures, logged(empty, by_server(2))) is CRITICAL
    waits = logged(of_pool(None, sv_active=0, sv_idle=0, cl_waiting=1), by_server(1))
    [subject] = verdict_of(login_failures, waits).subjects
    assert subject.evidence.subject == "shop/app"
    assert "the password, or the way to log in, is wrong" in subject.evidence.message


def test_refused_logins_that_can_not_be_seen() -> None:
    """Without the log, or before it was read for as long as it is judged."""
    assert severity(login_failures, of_pool()) is State.unknown
    assert severity(login_failures, logged(of_pool(), since=AT - 9)) is State.learning
    quiet = logged(of_pool())
    settings = Answer(tuple(config(log_pooler_errors=0)), AT)
    mute = replace(quiet, answers={**quiet.answers, pooler_config: settings})
    assert severity(login_failures, mute) is State.unknown


def test_a_pooler_paused_as_a_whole() -> None:
    """Then waiting clients without a server are no failure of logins."""
    empty = {"sv_active": 0, "sv_idle": 0, "cl_waiting": 2, "maxwait": 40}
    rows = [PoolerState("active", "no"), PoolerState("paused", "yes")]
    look = of_pool(None, **empty)
    held = replace(look, answers={**look.answers, pooler_state: Answer(rows, AT)})
    assert severity(login_failures, held) is State.healthy
    [subject] = verdict_of(paused, held).subjects
    assert subject.evidence.severity is CRITICAL
    assert subject.evidence.cure[-1] == "RESUME;"


def test_paused_and_disabled_databases() -> None:
    assert severity(paused, of_pool({"paused": 1})) is WARNING
    assert severity(paused, of_pool({"paused": 1}, cl_waiting=2, maxwait=30)) is CRITICAL
    assert severity(paused, of_pool({"name": "pgbouncer", "paused": 1})) is State.healthy
    [subject] = verdict_of(paused, of_pool({"name": 'a "b"', "disabled": 1})).subjects
    assert subject.evidence.cure[-1] == 'ENABLE "a ""b""";'


@pytest.mark.parametrize(
    ("clients", "limit", "found"),
    [
        (80, None, [("clients", WARNING)]),
        (95, None, [("clients", CRITICAL)]),
        (79, 1000, []),
        (10, 149, [("file descriptors", WARNING)]),
        (10, 150, []),
    ],
)
def test_client_limit(clients: int, limit: int | None, found: list[tuple[str, Severity]]) -> None:
    look = snapshot(
        (pooler_lists, lists(used_clients=clients)),
        (pooler_config, config(max_client_conn=100)),
        (pooler_databases, [database()]),
        (pooler_connection, [replace(UP, descriptor_limit=limit)]),
    )
    subjects = verdict_of(client_limit, look).subjects
    assert [(s.evidence.subject, s.evidence.severity) for s in subjects] == found


def test_unreachable_by_cause() -> None:
    """Whatever concerns pgvigil alone is no outage."""
    for cause in PoolerCause:
        row = replace(UP, up=False, cause=cause, message="no", down_seconds=9.0)
        [subject] = verdict_of(unreachable, snapshot((pooler_connection, [row]))).subjects
        assert subject.evidence.message.endswith(".")
    assert WORDS.keys() == set(PoolerCause)
    down = replace(UP, up=False, cause=PoolerCause.absent, down_seconds=9.0)
    assert severity(unreachable, snapshot((pooler_connection, [down]))) is CRITICAL
    refused = replace(down, cause=PoolerCause.not_allowed)
    assert severity(unreachable, snapshot((pooler_connection, [refused]))) is WARNING
    starved = replace(down, cause=PoolerCause.hung, observer_starved=True)
    assert severity(unreachable, snapshot((pooler_connection, [starved]))) is State.unknown
    assert severity(unreachable, snapshot((pooler_connection, [UP]))) is State.healthy


def server(most: int = 100, reserved: int = 3, name: str = "db") -> Snapshot:
    known = {"max_connections": most, "superuser_reserved_connections": reserved}
    rows = [
        filled(Setting, name=name, setting=str(value), vartype="integer")
        for name, value in known.items()
    ]
    return replace(seen((settings, rows)), node=ServerIdentity(name))


def pooled(*users: str, peers: tuple[Snapshot, ...] = (), **own: Any) -> Snapshot:
    look = snapshot(
        (pooler_pools, [pool(user=user) for user in users]),
        (pooler_databases, [database(pool_size=20, reserve_pool_size=5, **own)]),
        (pooler_config, config(max_user_connections=0)),
        (pooler_routes, [PoolerRoute("shop", "db")]),
    )
    return replace(look, peers=peers)


def test_oversubscribed() -> None:
    """Each user of a database has a pool of its own; poolers before one server add up."""
    three, four = ("a", "b", "c"), ("a", "b", "c", "d")
    assert severity(oversubscribed, pooled(*three, peers=(server(),))) is State.healthy
    assert severity(oversubscribed, pooled(*four, peers=(server(),))) is WARNING
    assert severity(oversubscribed, pooled(*four, peers=(server(103),))) is State.healthy
    assert severity(oversubscribed, pooled(*four, peers=(server(102),))) is WARNING
    beside = pooled("x")
    assert severity(oversubscribed, pooled(*three, peers=(server(), beside))) is WARNING
    capped = {"max_connections": 50}
    assert severity(oversubscribed, pooled(*four, peers=(server(),), **capped)) is State.healthy
    forced = {"force_user": "app"}
    assert severity(oversubscribed, pooled(*four, peers=(server(),), **forced)) is State.healthy


@pytest.mark.parametrize(
    ("databases", "allowed", "limit"),
    [((100, 10), 97, 87), ((50, 50, 50), 97, 32), ((4000,), 97, 97), ((9, 9), 1, 1), ((), 5, 5)],
)
def test_the_limit_of_each_database_keeps_all_within(
    databases: tuple[int, ...], allowed: int, limit: int
) -> None:
    """Small ones keep what they need."""
    known = Demand(most=sum(databases), pools=1, size=1, databases=databases)
    assert known.limit(allowed) == limit
    if limit > 1:
        assert sum(min(one, limit) for one in databases) <= allowed


def test_oversubscribed_without_a_server_is_not_configured() -> None:
    assert verdict_of(oversubscribed, pooled("a")).is_unconfigured


def test_several_servers_behind_one_pooler() -> None:
    """Each is compared with the databases that lead to it, and with other poolers before it."""
    small = [server(30, name="a"), server(30, name="b")]
    look = snapshot(
        (pooler_pools, [pool(database="x"), pool(database="y", user="1"), pool(database="y")]),
        (pooler_databases, [database(name="x", pool_size=20), database(name="y", pool_size=20)]),
        (pooler_config, config()),
        (pooler_routes, [PoolerRoute("x", "a"), PoolerRoute("y", "b")]),
        peers=tuple(small),
    )
    [subject] = verdict_of(oversubscribed, look).subjects
    assert subject.evidence.subject == "b"
    assert subject.evidence.facts["connections_at_most"] == 40
    beside = snapshot(
        (pooler_pools, [pool(database="z")]),
        (pooler_databases, [database(name="z", pool_size=10)]),
        (pooler_config, config()),
        (pooler_routes, [PoolerRoute("z", "a")]),
    )
    found = verdict_of(oversubscribed, replace(look, peers=(*small, beside))).subjects
    assert {one.evidence.subject: one.evidence.value for one in found} == {
        "a": 30 / 27,
        "b": 40 / 27,
    }
    third = replace(look, peers=(server(100, name="a"), server(100, name="unknown")))
    assert severity(oversubscribed, third) is State.unknown


def test_more_connections_than_cores_can_use() -> None:
    look = pooled("a", "b", peers=(server(),))
    for cores, found in ((2, INFO), (3, State.healthy), (0, State.healthy)):
        limits = OversubscribedLimits(cores=cores)
        assert severity(oversubscribed, look, limits=limits) == found


@pytest.mark.parametrize(
    ("traits", "found"),
    [
        ({"is_encrypted": True, "certificate_expires": AT + 86400}, CRITICAL),
        ({"is_encrypted": True, "certificate_expires": AT + 20 * 86400}, WARNING),
        ({"is_encrypted": True, "certificate_expires": AT + 22 * 86400}, State.healthy),
        ({"is_encrypted": True}, State.unknown),
        ({}, State.unknown),
        ({"up": False}, State.unknown),
    ],
)
def test_certificate_expiry(traits: dict[str, Any], found: Severity | State) -> None:
    look = snapshot((pooler_connection, [replace(UP, **traits)]))
    assert severity(certificate_expiry, look) == found


def test_prepared_statements_by_version() -> None:
    def look(version: str, mode: str, **settings: object) -> Snapshot:
        return snapshot(
            (pooler_pools, [pool(pool_mode=mode)]),
            (pooler_config, config(**settings)),
            (pooler_version, [PoolerVersion(f"PgBouncer {version}")]),
        )

    assert severity(prepared, look("1.18.0", "transaction")) is INFO
    assert severity(prepared, look("1.18.0", "session")) is State.healthy
    assert severity(prepared, look("1.21.0", "transaction", max_prepared_statements=0)) is INFO
    new = look("1.26.1", "transaction", max_prepared_statements=200)
    assert severity(prepared, new) is State.healthy
    assert severity(prepared, look("?", "transaction")) is State.unknown


def opened(*seconds: int) -> list[PoolerServer]:
    def moment(second: int) -> str:
        return f"2026-01-01 12:{second // 60:02}:{second % 60:02} UTC"

    return [
        filled(PoolerServer, connect_time=moment(one), request_time=moment(599)) for one in seconds
    ]


def test_churn() -> None:
    def look(rows: list[PoolerServer], **known: object) -> Snapshot:
        return snapshot((pooler_servers, rows), (pooler_config, config(**known)))

    young = opened(*[590] * 70)
    assert severity(churn, look(young)) is WARNING
    assert severity(churn, look(opened(*[590] * 59))) is State.healthy
    assert severity(churn, look(young + opened(*[10] * 71))) is State.healthy
    assert severity(churn, look([])) is State.healthy
    [subject] = verdict_of(churn, look(young, server_lifetime=5, server_idle_timeout=3)).subjects
    cure = " ".join(subject.evidence.cure)
    assert "server_lifetime = 3600" in cure
    assert "server_idle_timeout = 600" in cure


def stats(microseconds: int) -> PoolerStats:
    row: PoolerStats = filled(
        PoolerStats,
        database="shop",
        total_xact_count=1,
        total_xact_time=microseconds,
        total_wait_time=0,
        total_query_count=1,
    )
    return row


@pytest.mark.parametrize(
    ("traits", "busy", "found"),
    [
        ({"sv_active": 10, "pool_mode": "session"}, 1.9, WARNING),
        ({"sv_active": 10, "pool_mode": "session"}, 2.1, State.healthy),
        ({"sv_active": 4, "pool_mode": "session"}, 0.1, State.healthy),
        ({"sv_active": 10, "pool_mode": "transaction"}, 0.1, State.healthy),
    ],
)
def test_session_mode(traits: dict[str, Any], busy: float, found: Severity | State) -> None:
    recorder = Recorder(session_mode.history)
    look = of_pool(None, **traits)
    for at in (AT - 600, AT):
        rows = [stats(int((at - AT + 600) * busy * 1e6))]
        recorder.record(pooler_stats, Answer(rows, at))
        answers = {**look.answers, pooler_stats: Answer(rows, at)}
        look = replace(look, at=at, answers=answers, histories=recorder.views(at))
        if at < AT and found is WARNING:
            assert severity(session_mode, look) is State.learning
    assert severity(session_mode, look) == found
