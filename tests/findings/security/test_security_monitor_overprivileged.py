"""security_monitor_overprivileged: our own rights, taken away by the printed statements."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

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


@pytest.mark.parametrize("others", [{"is_superuser": True}, {"owned_databases": 1}])
def test_a_role_of_others_keeps_its_rights(others: dict[str, Any]) -> None:
    """Nothing is printed that would lock out who works as postgres, or as an owner."""
    row = replace(PLAIN, may_create_roles=True, writes_by=["pg_write_all_data"], **others)
    [subject] = verdict_of(finding, seen((own_role, [row]))).subjects
    assert all(line.startswith("-- ") for line in subject.evidence.cure)
    assert "setup-sql" in subject.evidence.cure[0]


def setup_sql(role: str) -> str:
    argv = [sys.executable, "-m", "monitor", "setup-sql", "--role", role]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


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


GRANTS = """
    create role mon login in role pg_monitor;
    create role people in role pg_write_all_data; create role "team;1" in role people;
    grant "team;1" to mon;
    create role admin createrole; grant pg_write_server_files to admin with admin option;
    set role admin; grant pg_write_server_files to mon; reset role;
"""


@pytest.mark.versions(14, 16, 18)
async def test_rights_by_another_role_or_from_another(
    private_server: PrivateServers, psql: Psql
) -> None:
    """What is printed takes them away, also where they came by or from another role."""
    server = private_server()
    async with connected(server.dsn()) as admin:
        await admin.execute(GRANTS)

        async def judged() -> Verdict:
            async with watching(dsn=server.dsn("postgres", "mon")) as connection:
                return verdict_of(finding, await look(connection, own_role))

        [subject] = (await judged()).subjects
        assert subject.evidence.facts["rights"] == "pg_write_all_data, pg_write_server_files"
        await psql(server.dsn(), "\n".join((subject.evidence.check, *subject.evidence.cure)))
        assert (await judged()).state is State.healthy
        held = "select pg_has_role('people', 'pg_write_all_data', 'member')"
        assert await admin.fetchval(held), "others keep theirs"


@pytest.mark.versions(18)
async def test_a_superuser_is_left_for_a_role_of_its_own(
    private_server: PrivateServers, psql: Psql
) -> None:
    """The steps in the comments: the role of `setup-sql`, and its name in the address."""
    server = private_server()
    async with watching(dsn=server.dsn()) as connection:
        assert verdict_of(finding, await look(connection, own_role)).severity is Severity.warning
    await psql(server.dsn(), setup_sql("watcher"))
    async with watching(dsn=server.dsn("postgres", "watcher")) as connection:
        assert verdict_of(finding, await look(connection, own_role)).state is State.healthy
