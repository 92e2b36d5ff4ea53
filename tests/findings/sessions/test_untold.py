"""Sessions without track_activities: not told is not "not so"."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.locks import subtransaction_overflow
from alerts.findings.migrations import backfill_unbatched, ddl_long_running
from alerts.findings.sessions import connection_idle_excess, temp_spill_live
from alerts.waits.doing import active
from collectors._base import AnyCollector
from collectors.activity import UNTOLD, activity
from collectors.exclusive_locks import ExclusiveLock, exclusive_locks
from collectors.session_counts import session_counts
from collectors.subtransactions import Nested, subtransactions
from collectors.temp_files import temp_files
from collectors.user_tables import user_tables
from tests.findings.sessions.test_connection_leak import HUNDRED, climbing, judged, sessions
from tests.findings.sessions.test_temp_spill import FILES, SORTING
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database
from tests.fixtures.session_rows import IDLE, seen
from tests.fixtures.until import until

HIDDEN = replace(IDLE, state=UNTOLD, state_seconds=None, query="", query_seconds=None)
LOCKED: Any = filled(ExclusiveLock, pid=100, datname="shop", state=UNTOLD)
NESTED: Any = filled(Nested, pid=100, datname="shop", state=UNTOLD, subxact_overflowed=True)


@pytest.mark.parametrize(
    ("finding", "answers"),
    [
        (
            connection_idle_excess.finding,
            ((session_counts, [*sessions(30, 700), *sessions(35, 0, UNTOLD)]), HUNDRED),
        ),
        (
            temp_spill_live.finding,
            ((temp_files, FILES), (activity, [replace(SORTING, state=UNTOLD)])),
        ),
        (ddl_long_running.finding, ((exclusive_locks, [LOCKED]), (user_tables, []))),
        (backfill_unbatched.finding, ((activity, [replace(HIDDEN, has_xid=True)]),)),
        (
            subtransaction_overflow.finding,
            ((subtransactions, [NESTED]), (activity, [HIDDEN])),
        ),
    ],
    ids=lambda one: one.name if hasattr(one, "judge") else "",
)
def test_it_is_unknown(finding: AnyFinding, answers: tuple[tuple[AnyCollector, Any], ...]) -> None:
    """One line for the database, whatever it is that may go on there."""
    verdict = verdict_of(finding, seen(*answers))
    assert (verdict.state, verdict.subjects) == (State.unknown, ())
    assert "track_activities is off" in verdict.unjudged[0].reason


def test_sessions_that_climb_and_do_not_tell_may_be_a_leak() -> None:
    assert judged(climbing(10, 22), sessions(22, 0, UNTOLD)).state is State.unknown
    assert judged(climbing(10, 22), sessions(22, 0, "active")).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_the_wait_event_tells_who_works(database: Database) -> None:
    """PostgreSQL reports it all the same: one that does nothing waits for its client."""
    works = await database.session(track_activities="off")
    rests = await database.session(track_activities="off")
    pid, other = works.get_server_pid(), rests.get_server_pid()
    endless = "with recursive n(i) as (select 1 union all select i % 9 + 1 from n) select from n"
    cursor = f"begin; declare c cursor for {endless}; move all from c"

    async with watching(dsn=database.monitor_dsn) as monitor:

        async def is_seen() -> bool:
            rows = (await look(monitor, activity)).rows(activity)
            assert {row.state for row in rows if row.pid in (pid, other)} == {UNTOLD}
            found = {row.pid for row in active(rows)}
            assert other not in found
            return pid in found

        await rests.execute("begin")
        running = asyncio.ensure_future(works.execute(cursor))
        await until(is_seen, "the one that works is seen")
        running.cancel()
