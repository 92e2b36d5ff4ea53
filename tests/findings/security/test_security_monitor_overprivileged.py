"""security_monitor_overprivileged: our own rights, taken away by the printed statements."""

from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts.findings.security.security_monitor_overprivileged import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.own_role import OwnRole, own_role
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.session_rows import seen

PLAIN = OwnRole("pgvigil", False, False, False, False, False, [], 0)


@pytest.mark.parametrize(
    ("row", "severity"),
    [
        (PLAIN, None),
        (replace(PLAIN, is_superuser=True, writes_by=["pg_write_all_data"]), Severity.warning),
        (replace(PLAIN, may_replicate=True), Severity.info),
        (replace(PLAIN, writes_by=["pg_write_all_data"]), Severity.info),
        (replace(PLAIN, owned_databases=2), Severity.info),
    ],
)
def test_what_is_too_much(row: OwnRole, severity: Severity | None) -> None:
    verdict = verdict_of(finding, seen((own_role, [row])))
    assert verdict.severity is severity
    for subject in verdict.subjects:
        assert not row.is_superuser or subject.evidence.facts["rights"] == "SUPERUSER"


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={own_role: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


@pytest.mark.versions(14, 18)
async def test_found_and_cured(private_server: PrivateServers, psql: Psql) -> None:
    """A role with an odd name that may do too much, until its cure is pasted."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute('create role "o\'dd" login createdb createrole in role pg_monitor')

        async def judged() -> Verdict:
            async with watching(dsn=server.dsn("postgres", "o'dd")) as connection:
                return verdict_of(finding, await look(connection, own_role))

        await admin.execute('grant pg_write_all_data to "o\'dd"')
        [subject] = (await judged()).subjects
        assert subject.evidence.facts["rights"] == "CREATEROLE, CREATEDB, pg_write_all_data"
        await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
        assert (await judged()).state is State.healthy
