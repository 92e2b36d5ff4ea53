"""connection_exhaustion_eta: a leak is named before it hurts; waves and bursts are not."""

from collections.abc import Mapping
from random import Random
from typing import Any

import asyncpg
import pytest

from alerts._base import Severity, State
from alerts.findings.runway.connection_exhaustion_eta import finding
from alerts.history.kind import AnyHistory
from alerts.history.recorder import Recorder
from alerts.history.samples import MINUTE, Sample
from alerts.runway.connection_trends import ALL, CONNECTION_GROUPS, CONNECTIONS, key_of
from alerts.runway.trends import Trend
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors.session_counts import CountedSession, session_counts
from collectors.settings import Setting, settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.session_rows import AT, seen

SLOTS = (
    Setting("max_connections", "103", None, "integer", "default", False, ""),
    Setting("superuser_reserved_connections", "3", None, "integer", "default", False, ""),
)


EMPTY: Mapping[str, Trend] = {}


def client(number: int, application: str = "web", **more: Any) -> CountedSession:
    facts = {
        "datname": "shop",
        "pid": number,
        "is_self": False,
        "state": "idle",
        "usename": "app",
        "application_name": application,
        "backend_type": "client backend",
    }
    made: CountedSession = filled(CountedSession, **facts | more)
    return made


def trend(path: list[float], burst: float = 0.0, high: float | None = None) -> Trend:
    begin = AT - MINUTE * (len(path) - 1)
    points = tuple(Sample(begin + n * MINUTE, value) for n, value in enumerate(path))
    return Trend(begin, points[-1], points, None, burst, usual_high=high)


def judged(
    path: list[float],
    burst: float = 0.0,
    groups: Mapping[str, Trend] = EMPTY,
    high: float | None = None,
) -> Verdict:
    rows = [client(n) for n in range(40)] + [client(100 + n, "batch") for n in range(9)]
    known = seen((session_counts, rows), (settings, SLOTS))
    views: Mapping[AnyHistory, Any] = {
        CONNECTIONS: {ALL: trend(path, burst, high)},
        CONNECTION_GROUPS: groups,
    }
    return verdict_of(finding, known.with_histories(views))


def climbing(first: float, last: float, noise: float = 0.0) -> list[float]:
    random = Random(3)
    return [first + (last - first) * n / 60 + random.gauss(0, noise) for n in range(61)]


@pytest.mark.parametrize(
    ("path", "burst", "severity"),
    [
        (climbing(10, 50, 2), 0.0, None),  # 50 left, 75 min
        (climbing(10, 60, 2), 0.0, Severity.warning),  # 48 min
        (climbing(20, 84, 2), 0.0, Severity.critical),  # 15 min
        (climbing(10, 50, 2), 25.0, Severity.warning),  # a burst ends it earlier
        (climbing(10, 59, 2), 40.0, Severity.warning),  # at once, but below 60 %
        (climbing(60, 64, 0.1), 30.0, None),  # less than 5 %
        (climbing(60, 60, 3), 0.0, None),
        (climbing(80, 20, 3), 0.0, None),
        ([40.0] * 50 + [80.0] * 11, 0.0, None),  # a deploy: one step, no climb
    ],
)
def test_time_left(path: list[float], burst: float, severity: Severity | None) -> None:
    assert judged(path, burst).severity is severity


@pytest.mark.parametrize(("high", "is_ill"), [(70.0, False), (50.0, True), (None, True)])
def test_a_daily_wave_is_no_leak(high: float | None, is_ill: bool) -> None:
    """Nothing is told below what the last days have seen at their highest hour."""
    assert (judged(climbing(10, 60, 2), high=high).severity is not None) is is_ill


@pytest.mark.parametrize(("high", "severity"), [(None, None), (60.0, Severity.warning)])
def test_what_a_burst_alone_would_end_is_never_critical(
    high: float | None, severity: Severity | None
) -> None:
    """The climb goes on for 90 minutes; on the first day that is too far off."""
    assert judged(climbing(50, 70, 1), 30.0, high=high).severity is severity


@pytest.mark.parametrize(("ago", "is_ill"), [(75, False), (100, True)])
def test_sessions_that_come_back_are_no_leak(ago: int, is_ill: bool) -> None:
    """A restart before the hour that is judged is still made good within it."""
    before = [60.0] * (121 - ago) + [5.0] * (ago - 61)
    assert (judged(before + climbing(10, 60, 2)).severity is not None) is is_ill


def test_an_hour_must_be_known() -> None:
    """Until then it is learning, also after a gap."""
    assert judged(climbing(10, 90)[:30]).state is State.learning
    assert verdict_of(finding, empty()).state is State.learning


def empty() -> Snapshot:
    known = seen((session_counts, [client(1)]), (settings, SLOTS))
    return known.with_histories({CONNECTIONS: {}, CONNECTION_GROUPS: {}})


def test_the_growing_group_is_named() -> None:
    """By its rise, not by its size."""
    groups = {
        key_of(("app", "web")): trend([39.0] * 61),
        key_of(("app", "batch")): trend([1.0] * 61),
    }
    [subject] = judged(climbing(10, 80, 2), groups=groups).subjects
    assert "app (batch) has grown most: by 8 to 9 sessions, 9 of them idle." in (
        subject.evidence.message
    )
    assert "idle_session_timeout" in "\n".join(subject.evidence.cure)


@pytest.mark.versions(18)
async def test_a_leak_is_found_and_gone_when_it_ends(private_server: PrivateServers) -> None:
    """A real session more every five minutes, of 17 slots; only the clock is ours."""
    server = private_server(max_connections=20)
    recorder, begin = Recorder(finding.history), AT
    leaked = []
    async with watching(dsn=server.dsn(user=MONITOR)) as monitor:

        async def verdict_after(minute: int) -> Verdict:
            at = begin + minute * MINUTE
            seen = await look(monitor, session_counts, settings, at=at, recorder=recorder)
            return verdict_of(finding, seen)

        for minute in range(61):
            if minute % 5 == 4:
                leak = {"application_name": "leaky"}
                leaked.append(await asyncpg.connect(server.dsn(), server_settings=leak))
            verdict = await verdict_after(minute)
            assert verdict.state is not State.ill or minute > 50
        assert verdict.state is State.ill
        message = verdict.subjects[0].evidence.message
        assert "of 17 connection slots" in message
        assert f"postgres (leaky) has grown most: by 11 to {len(leaked)} sessions" in message
        for one in leaked:
            await one.close()
        states = [(await verdict_after(minute)).state for minute in range(61, 70)]
        assert states[-1] is State.healthy
