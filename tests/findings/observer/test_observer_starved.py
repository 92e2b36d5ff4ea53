"""observer_starved: the daemon is short of CPU, and calls no healthy server dead."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import httpx2
import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.availability.server_unreachable import finding as server_unreachable
from alerts.findings.observer.observer_starved import finding
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Answer
from collectors.connection import SILENT, Cause, Connection, connection
from collectors.daemon import DaemonState, daemon
from monitor.demo.launcher import free_port
from tests.fixtures.farm import MONITOR
from tests.fixtures.findings import NOW
from tests.fixtures.one_look import verdict_of
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.programs import Program
from tests.fixtures.session_rows import seen
from tests.fixtures.until import until

MANY = 20
"""Servers in the list."""
SHORT_FOR = 20.0
"""Seconds for which it stays short of CPU; on a busy machine a single answer takes some."""
WELL = DaemonState(servers=100, unreachable=0, uptime_seconds=3600)
SHORT = replace(WELL, starved_seconds=20.0, late_share=0.4)
SILENCE = Connection(
    up=False,
    cause=Cause.hung,
    message="no answer",
    down_seconds=9.0,
    can_connect=False,
    connect_cause=Cause.timeout,
    connect_message="no answer",
    refused_seconds=9.0,
    address="db1:5432",
    user="pgvigil",
    sessions=2,
    observer_starved=True,
)


def judged(state: DaemonState) -> Verdict:
    return verdict_of(finding, Snapshot(ServerIdentity("us"), NOW, {daemon: Answer((state,), NOW)}))


def only(verdict: Verdict) -> Evidence:
    [subject] = verdict.subjects
    return subject.evidence


def of_server(row: Connection) -> Verdict:
    return verdict_of(server_unreachable, seen((connection, [row]), role=None))


def test_a_daemon_with_enough_cpu_is_healthy() -> None:
    """Also while servers are away."""
    assert judged(replace(WELL, unreachable=100)).state is State.healthy


def test_it_is_critical_after_five_minutes() -> None:
    """Until then a warning; with the best evidence that there is."""
    assert only(judged(SHORT)).severity is Severity.warning
    assert only(judged(replace(SHORT, starved_seconds=300.0))).severity is Severity.critical
    assert "event loop was late by 40%" in only(judged(SHORT)).message
    waited = replace(SHORT, run_delay_share=0.3)
    assert "waited for a core 30%" in only(judged(waited)).message
    throttled = replace(waited, throttled_share=0.6)
    assert "held back 60%" in only(judged(throttled)).message


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.defect])
def test_silence_is_unjudged_and_every_answer_is_evidence(cause: Cause) -> None:
    """A refusal, a reset, full slots: these are read, however late."""
    state = of_server(replace(SILENCE, cause=cause)).state
    assert state is (State.unknown if cause in SILENT else State.ill)
    warm = replace(SILENCE, up=True, cause=None, connect_cause=cause)
    assert of_server(warm).state is (State.unknown if cause in SILENT else State.ill)
    assert of_server(replace(SILENCE, cause=cause, observer_starved=False)).state is State.ill


@pytest.mark.versions(18)
async def test_a_daemon_that_runs_a_tenth_of_the_time_says_so_and_pages_for_no_server(
    private_server: PrivateServers, launch: Callable[..., Program]
) -> None:
    """Stopped and continued, as a CPU limit of a tenth of a core does it; one that refuses is
    reported all the same."""
    server = private_server(max_connections=200)
    address = f"127.0.0.1:{free_port()}"
    servers = {f"well{n}": {"dsn": server.dsn(user=MONITOR)} for n in range(MANY)}
    servers["away"] = {"dsn": f"postgresql://127.0.0.1:{free_port()}/postgres"}
    program = launch(
        [sys.executable, "-m", "monitor", "run", "--listen", address],
        env={"PGVIGIL_SERVERS": json.dumps(servers), "PGVIGIL_DEADLINE": "1s"},
        as_caller=True,
    )
    wrong: set[str] = set()

    async def told() -> dict[str, dict[str, str]]:
        """The state of each finding, by server."""
        try:
            async with httpx2.AsyncClient(base_url=f"http://{address}", timeout=60) as client:
                found = (await client.get("/findings")).json()
        except (httpx2.TransportError, ValueError):
            assert program.running, program.output()
            return {}
        views = [*found["servers"], *found["targets"]]
        return {
            view.get("server") or view.get("target") or view["name"]: {
                one["finding"]: one["state"] for one in view["findings"]
            }
            for view in views
        }

    async def all_is_said() -> bool:
        now = await told()
        states = {name: found.get("server_unreachable") for name, found in now.items()}
        wrong.update(name for name, state in states.items() if state == "ill")
        starved = any(found.get("observer_starved") == "ill" for found in now.values())
        return starved and states.get("away") == "ill" and "healthy" in states.values()

    async def is_listening() -> bool:
        return bool(await told())

    await until(is_listening, "it listens")
    throttling = asyncio.create_task(throttle(program))
    try:
        await until(all_is_said, "it knows that it is short of CPU, and who refuses", 240)
        end = time.monotonic() + SHORT_FOR
        while time.monotonic() < end:
            await all_is_said()
    finally:
        throttling.cancel()
        await asyncio.wait([throttling])
        program.process.send_signal(signal.SIGCONT)
    assert wrong == {"away"}


async def throttle(program: Program) -> None:
    """Let it run 30 ms of each 300."""
    while program.running:
        program.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.27)
        program.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.03)
