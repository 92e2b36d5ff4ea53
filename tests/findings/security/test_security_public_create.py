"""security_public_create: schemas in which everybody may create."""

from dataclasses import replace

from alerts._base import State
from alerts.findings.security.security_public_create import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.public_schemas import public_schemas
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import seen


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={public_schemas: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """Also with a hostile name; USAGE alone, and a grant to one role, are fine."""

    async def judged() -> Verdict:
        async with watching(dsn=database.monitor_dsn) as connection:
            return verdict_of(finding, await look(connection, public_schemas))

    await database.execute("revoke create on schema public from public")
    await database.execute('create schema "S\'; --"; grant usage on schema "S\'; --" to public')
    assert (await judged()).state is State.healthy
    await database.execute('grant create on schema "S\'; --" to public')
    [subject] = (await judged()).subjects
    assert subject.evidence.subject == '"S\'; --"'
    await psql(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    assert (await judged()).state is State.healthy
