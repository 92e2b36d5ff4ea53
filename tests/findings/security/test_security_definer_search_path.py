"""security_definer_search_path and its like: functions with more rights than their caller."""

from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts.findings.security.security_definer_search_path import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.definer_functions import DefinerFunction, definer_functions
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import seen

ROW = DefinerFunction(
    datname="shop",
    funcid=1,
    schemaname="public",
    funcname="pay",
    arguments="amount numeric",
    types=["pg_catalog.numeric"],
    kind="f",
    owner="postgres",
    is_owned_by_superuser=True,
    language="plpgsql",
    is_trusted=True,
    is_definer=True,
    has_search_path=False,
    is_public=True,
)


def test_it_is_grave_where_everybody_may_run_it_as_a_superuser() -> None:
    rows = [
        ROW,
        replace(ROW, funcid=2, is_public=False),
        replace(ROW, funcid=3, is_owned_by_superuser=False, owner="app"),
        replace(ROW, funcid=4, has_search_path=True),
        replace(ROW, funcid=5, is_definer=False, is_trusted=False),
    ]
    found = verdict_of(finding, seen((definer_functions, rows))).subjects
    grave = {s.evidence.key: s.evidence.severity is Severity.warning for s in found}
    assert grave == {"1": True, "2": False, "3": False}


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={definer_functions: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


MADE = """
    create schema "S'";
    create function "S'"."f""x"(a int, "b;" text[]) returns int
        language sql security definer as 'select 1';
    create procedure public.p() language sql security definer as 'select 1';
    create function public.fine() returns int
        language sql security definer set search_path = pg_catalog, pg_temp as 'select 1';
    create function public.own() returns int language sql as 'select 1';
"""


async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """Functions and procedures, whatever they are called."""

    async def judged() -> Verdict:
        async with watching(dsn=database.monitor_dsn) as connection:
            return verdict_of(finding, await look(connection, definer_functions))

    assert (await judged()).state is State.healthy
    await database.execute(MADE)
    subjects = (await judged()).subjects
    assert {s.evidence.subject for s in subjects} == {
        '"S\'"."f""x"(a integer, "b;" text[])',
        "public.p()",
    }
    for subject in subjects:
        await psql(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    assert (await judged()).state is State.healthy


BOUND = """
    create type "two
lines" as (a int);
    create function bound(a "two
lines") returns int language sql security definer begin atomic select 1; end;
    create function returned() returns int language sql security definer return 1;
    create function quoted() returns int language sql security definer as 'select 1';
"""


@pytest.mark.versions(14, 18)
async def test_names_that_were_looked_up_when_it_was_created(
    database: Database, psql: Psql
) -> None:
    """The body itself can't be misled, but the functions that it calls can."""
    await database.execute(BOUND)
    async with watching(dsn=database.monitor_dsn) as connection:
        verdict = verdict_of(finding, await look(connection, definer_functions))
    found = {one.evidence.subject: one.evidence for one in verdict.subjects}
    assert {subject: one.severity for subject, one in found.items()} == {
        'public.bound(a public."two lines")': Severity.info,
        "public.returned()": Severity.info,
        "public.quoted()": Severity.warning,
    }
    assert "lets the functions that it calls find names" in found["public.returned()"].message
    assert "postgres, and finds names by" in found["public.quoted()"].message
    for one in found.values():
        assert "\n" not in one.message
        await psql(database.dsn, "\n".join(one.cure))
