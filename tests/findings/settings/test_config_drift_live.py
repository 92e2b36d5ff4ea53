"""config_drift on two real servers: what it prints is run on the other one, which then starts."""

import re
from typing import Any

import pytest

from alerts.findings.settings.config_drift import finding
from alerts.verdicts.verdict import Verdict
from collectors.settings import settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, connected

ADVICE = re.compile(r"(ALTER SYSTEM (?:RE)?SET .*?;) then")
PRIMARY: dict[str, Any] = {
    "shared_preload_libraries": "pg_stat_statements, auto_explain",
    "default_transaction_isolation": "repeatable read",
    "ssl_min_protocol_version": "TLSv1.3",
    "search_path": '"$user", "odd,name", public',
    "work_mem": "8MB",
    "jit": "off",
    "log_line_prefix": "",
}


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers) -> None:
    """Words with blanks and dots, lists of names, and an empty list."""
    primary, other = private_server(**PRIMARY), private_server()

    async def judged() -> Verdict:
        async with watching(dsn=other.dsn("postgres", MONITOR)) as connection:
            peer = await look(connection, settings, server="db2")
        async with watching(dsn=primary.dsn("postgres", MONITOR)) as connection:
            return verdict_of(finding, await look(connection, settings, peers=(peer,)))

    async with connected(other.dsn()) as admin:
        await admin.execute("alter system set session_preload_libraries = auto_explain")
    other.restart()
    verdict = await judged()
    names = {one.evidence.subject for one in verdict.subjects}
    assert names == {f"{name} on db2" for name in (*PRIMARY, "session_preload_libraries")}
    for subject in verdict.subjects:
        found = ADVICE.search(" ".join(subject.evidence.cure))
        assert found, subject.evidence.cure
        async with connected(other.dsn()) as admin:
            await admin.execute(found[1])
    other.restart()
    assert [one.evidence.subject for one in (await judged()).subjects] == []
