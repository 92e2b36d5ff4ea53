"""collation_version_mismatch on a real server, with a recorded version of another library."""

import pytest

from alerts._base import Severity, State
from alerts.findings.schema.collation_version_mismatch import finding
from alerts.verdicts.verdict import Verdict
from collectors.changed_collations import changed_collations
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.printed_sql import chosen

# A provider whose version is known whatever the locale of the machine: ICU, which not every build
# has, or, since 17, PostgreSQL itself.
MADE = """
    create collation "d'e" ({provider});
    create table t (a text collate "d'e", b text);
    create unique index "i;1" on t (a);
    create index i2 on t (b);
"""
CHANGED = """
    update pg_catalog.pg_collation set collversion = '0.1' where collname = 'd''e'
"""


async def test_found_and_cured(database: Database, psql: Psql, version: int) -> None:
    """Its unique index makes it critical; rebuilt and refreshed it is gone."""
    builtin = "provider = builtin, locale = 'C.UTF-8'"
    provider = builtin if version >= 17 else "provider = icu, locale = 'de'"

    async def judged() -> Verdict:
        async with watching(dsn=database.monitor_dsn) as connection:
            return verdict_of(finding, await look(connection, changed_collations))

    await database.execute(MADE.replace("{provider}", provider))
    assert (await judged()).state is State.healthy
    await database.execute(CHANGED)
    [subject] = (await judged()).subjects
    assert subject.evidence.severity is Severity.critical
    assert subject.evidence.facts["indexes"] == 1
    await psql(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    assert (await judged()).state is State.ill, "a failed rebuild must not be hidden"
    await psql(database.dsn, chosen(subject.evidence.cure, "ALTER"))
    assert (await judged()).state is State.healthy


@pytest.mark.versions(15, 18)
async def test_the_collation_of_the_database_itself(database: Database, psql: Psql) -> None:
    """Known since 15; a database without a version, as with the locale C, is not judged."""
    await database.execute("create table t (b text primary key)")
    await database.execute(
        "update pg_catalog.pg_database set datcollversion = '0.1'"
        " where datname = current_database()"
    )
    async with watching(dsn=database.monitor_dsn) as connection:
        verdict = verdict_of(finding, await look(connection, changed_collations))
    [subject] = verdict.subjects
    assert subject.evidence.subject == database.name
    assert subject.evidence.severity is Severity.critical
