"""Glance for waits: charged by what the server did, and not by how long its answer lay unread."""

import asyncio
import time

import pytest

from monitor.address import Address
from monitor.clock import Clock
from monitor.demo.launcher import Postgres
from monitor.polling.glance import Glance
from monitor.polling.round_log import RoundLog
from monitor.postgres.session import Session
from tests.fixtures.farm import MONITOR

UNREAD = 0.2
"""Seconds for which the loop stands still."""


@pytest.mark.parametrize("is_seen", [True, False])
@pytest.mark.versions(14, 18)
async def test_a_late_answer_has_cost_no_more(server: Postgres, is_seen: bool) -> None:
    """By the CPU time of the process where it is seen; else by the least of the last few."""
    session = await Session.open(Address.of(server.dsn("postgres", MONITOR), {}), None, 30, 60)
    try:
        if not is_seen:
            session.process = None
        glance, rounds = Glance(Clock(), RoundLog()), 5
        assert not await glance.sees_a_wait(session, 60)
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, time.sleep, UNREAD)  # once the question is sent
        before = glance.round_log.elapsed
        assert not await glance.sees_a_wait(session, 60)
        assert glance.round_log.elapsed - before > UNREAD / 2
        for _ in range(rounds):
            await glance.sees_a_wait(session, 60)
        assert glance.round_log.work < UNREAD / 2
        # Where it is not seen, a slow round trip at the start leaves nothing of an answer's time.
        assert glance.round_log.work > 0 or not is_seen
    finally:
        await session.close()
