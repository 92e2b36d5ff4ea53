"""Findings of this chapter on a real server, cured by the statement in their advice."""

import re
from typing import Any

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.settings import (
    config_checksums_off,
    config_enable_off,
    config_logging,
    config_pending_restart,
    config_track_off,
    version_eol,
    version_minor_outdated,
)
from alerts.verdicts.verdict import Verdict
from collectors.databases import databases
from collectors.server import server as server_collector
from collectors.settings import settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

OFF: dict[str, Any] = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "track_counts": "off",
    "track_activities": "off",
    "track_io_timing": "off",
    "log_temp_files": "-1",
}
ADVICE = re.compile(r"(ALTER SYSTEM SET .*?;) then (SELECT pg_catalog\.pg_reload_conf\(\);)")
CURED = (config_enable_off.finding, config_track_off.finding, config_logging.finding)


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers) -> None:
    """Ill as configured; each advice is run as it stands, and nothing is ill any more."""
    server = private_server(**OFF)
    dsn = server.dsn("postgres", MONITOR)

    async def judged() -> dict[AnyFinding, Verdict]:
        async with watching(dsn=dsn) as connection:
            snapshot = await look(connection, settings, databases, server_collector)
        old = (config_checksums_off, config_pending_restart, version_eol, version_minor_outdated)
        found = (*CURED, *(module.finding for module in old))
        return {finding: verdict_of(finding, snapshot) for finding in found}

    async with connected(server.dsn()) as admin:
        await admin.execute("alter system set max_connections = 77")
        await admin.execute("select pg_reload_conf()")

        async def waits() -> dict[AnyFinding, Verdict] | None:
            verdicts = await judged()
            return verdicts if verdicts[config_pending_restart.finding].subjects else None

        verdicts = await until(waits, "the change waits for a restart")
        assert verdicts
        names = {f.name: {s.evidence.subject for s in v.subjects} for f, v in verdicts.items()}
        assert names["config_enable_off"] == {"enable_seqscan", "enable_hashjoin"}
        assert names["config_track_off"] == {"track_counts", "track_activities", "track_io_timing"}
        assert names["config_pending_restart"] == {"max_connections"}
        assert verdicts[config_logging.finding].state is State.healthy
        await admin.execute("alter system reset max_connections")
        for finding in CURED:
            for subject in verdicts[finding].subjects:
                advice = ADVICE.search(" ".join(subject.evidence.cure))
                assert advice
                for statement in advice.groups():
                    await admin.execute(statement)

        async def well() -> bool:
            verdicts = await judged()
            cured = (*CURED, config_pending_restart.finding)
            return all(verdicts[finding].state is State.healthy for finding in cured)

        await until(well, "the settings are as advised")
