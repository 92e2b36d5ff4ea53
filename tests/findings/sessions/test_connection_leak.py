"""connection_leak: unused sessions of one application that climb, and nothing that is used."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import asyncpg
import pytest

from alerts._base import State
from alerts.findings.sessions.connection_leak import Limits, finding
from alerts.history.recorder import Recorder
from alerts.history.samples import MINUTE, Sample
from alerts.runway.connection_trends import CONNECTION_GROUPS, key_of
from alerts.runway.trends import Trend
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.activity import activity
from collectors.session_counts import CountedSession, session_counts
from collectors.settings import Setting, settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.until import until

HUNDRED = (settings, [Setting("max_connections", "100", None, "integer", "default", False, "")])
WEB = ("app", "web")


def sessions(count: int, idle_seconds: float, state: str = "idle") -> list[CountedSession]:
    one = filled(CountedSession, datname="shop", is_self=False, backend_type="client backend")
    one = replace(one, usename="app", application_name="web", state=state)
    return [replace(one, pid=n, state_seconds=idle_seconds) for n in range(count)]


def trend(path: list[float]) -> Trend:
    begin = AT - MINUTE * (len(path) - 1)
    points = tuple(Sample(begin + n * MINUTE, value) for n, value in enumerate(path))
    return Trend(begin, points[-1], points)


def climbing(first: float, last: float) -> list[float]:
    random = Random(4)
    return [first + (last - first) * n / 60 + random.gauss(0, 0.5) for n in range(61)]


def judged(path: list[float], rows: list[CountedSession]) -> Verdict:
    known = seen((session_counts, rows), HUNDRED)
    return verdict_of(
        finding, known.with_histories({CONNECTION_GROUPS: {key_of(WEB): trend(path)}})
    )


def test_unused_sessions_that_climb_are_a_leak() -> None:
    """Long before the slots run out."""
    [subject] = judged(climbing(10, 22), sessions(22, 1500)).subjects
    assert subject.evidence.subject == "app (web)"
    assert "app (web) has 22 sessions, 12 more than an hour ago; 22 of them" in (
        subject.evidence.message
    )


def test_a_large_pool_is_idle_in_its_older_sessions() -> None:
    """Those that came within the hour tell; of their rise, what is older than the idle time."""
    busy, old = sessions(12, 5, "active"), sessions(30, 5000)
    pool = [replace(row, backend_seconds=90_000.0) for row in old]
    for unused, state in ((0, State.healthy), (5, State.healthy), (6, State.ill)):
        new = sessions(unused, 1500) + busy[unused:]
        rows = [*pool, *(replace(row, backend_seconds=3000.0) for row in new)]
        assert judged(climbing(30, 42), rows).state is state


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        (climbing(10, 22), sessions(22, 300)),
        (climbing(10, 22), sessions(22, 1500, "active")),
        (climbing(10, 22), [*sessions(5, 1500), *sessions(17, 20)]),
        (climbing(10, 13), sessions(13, 1500)),
        (climbing(22, 22), sessions(22, 1500)),
        (climbing(30, 10), sessions(10, 1500)),
        ([10.0] * 40 + [22.0] * 21, sessions(22, 1500)),
    ],
    ids=["used", "at work", "some unused", "slow", "level", "falling", "deploy"],
)
def test_what_is_no_leak(path: list[float], rows: list[CountedSession]) -> None:
    assert judged(path, rows).state is State.healthy


def test_less_than_an_hour_is_learning_and_no_answer_unknown() -> None:
    assert judged(climbing(10, 22)[:20], sessions(22, 1500)).state is State.learning
    blind = replace(seen(HUNDRED), absent={session_counts: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(18)
async def test_found_and_ended(private_server: PrivateServers, psql: Psql) -> None:
    """A real session more every five minutes; only the clock is ours. Its cure ends them."""
    server = private_server(max_connections=60)
    recorder, limits = Recorder(finding.history), Limits(unused=timedelta(0))
    leaks: list[asyncpg.Connection] = []
    async with watching(dsn=server.dsn(user=MONITOR)) as monitor:

        async def verdict_after(minute: int) -> Verdict:
            at = AT + minute * MINUTE
            asked = (session_counts, settings, activity)
            seen = await look(monitor, *asked, at=at, recorder=recorder)
            return verdict_of(finding, seen, limits=limits)

        for minute in range(61):
            if minute % 5 == 1:
                named = {"application_name": "leaky"}
                leaks.append(await asyncpg.connect(server.dsn(), server_settings=named))
            verdict = await verdict_after(minute)
        [subject] = verdict.subjects
        assert subject.evidence.subject == "postgres (leaky)"
        await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
        ended = "select count(*) = 0 from pg_stat_activity where application_name = 'leaky'"
        await until(lambda: monitor.fetchval(ended), "the sessions have ended")
        states = [(await verdict_after(minute)).state for minute in range(61, 64)]
        assert states[-1] is State.healthy
    for leak in leaks:
        leak.terminate()
