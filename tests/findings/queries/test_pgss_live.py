"""pgss_missing on a real server, cured step by step by what it prints."""

import re

import pytest

from alerts.findings.queries.pgss_missing import finding
from alerts.verdicts.verdict import Verdict
from collectors.extensions import extensions
from collectors.settings import settings
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected

ADVICE = re.compile(r"ALTER SYSTEM SET [^;]*;")


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers, psql: Psql) -> None:
    """Not loaded, then not created, then well."""
    server = private_server(shared_preload_libraries="auto_explain")

    async def judged() -> Verdict:
        async with watching(dsn=server.dsn("postgres", MONITOR)) as connection:
            return verdict_of(finding, await look(connection, settings, extensions))

    [subject] = (await judged()).subjects
    advice = ADVICE.search(subject.evidence.cure[0])
    assert advice
    async with connected(server.dsn()) as admin:
        await admin.execute(advice[0])
    server.restart()
    [subject] = (await judged()).subjects
    assert subject.evidence.subject == "pg_stat_statements"
    await psql(server.dsn(), "\n".join(subject.evidence.cure))
    assert (await judged()).subjects == ()
