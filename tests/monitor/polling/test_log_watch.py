"""The log of a real server, read by the daemon and shown on its page of metrics."""

from typing import Any

import asyncpg
import pytest

from alerts._base import State
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until


@pytest.mark.versions(18)
async def test_errors_reach_the_page_and_the_findings(
    private_server: PrivateServers, watch: Watch
) -> None:
    """Counted, judged, and without a word of what was said."""
    options: dict[str, Any] = {"logging_collector": "on", "log_destination": "jsonlog"}
    server = private_server(**options)
    log = str(server.data / "log")
    watched = await watch(server.dsn(user=MONITOR), server_log=log)

    async def page() -> str:
        return watched.fleet.store.page("it").body.decode()

    async def has_begun() -> bool:
        return "pg_log_records_total" in await page()

    await until(has_begun, "the log is read")
    raising = "do $$ begin raise 'secret' using errcode = 'XX001'; end $$"
    async with connected(server.dsn()) as admin:
        with pytest.raises(asyncpg.DataCorruptedError):
            await admin.execute(raising)

    async def counted() -> bool:
        return 'pg_log_errors_total{sqlstate="XX001",' in await page()

    await until(counted, "the error is counted")
    assert "secret" not in await page()

    async def told() -> bool:
        return watched.verdict("data_corruption_logged").state is State.ill

    await until(told, "the finding is ill")
