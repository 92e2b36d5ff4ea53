"""security_untrusted_function: what reaches the machine, and is everybody's."""

from dataclasses import replace

import pytest

from alerts._base import State
from alerts.findings.security.security_untrusted_function import finding
from collectors._base import Absence
from collectors.definer_functions import DefinerFunction, definer_functions
from tests.findings.security.test_security_definer_search_path import ROW
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database
from tests.fixtures.session_rows import seen

UNTRUSTED = replace(ROW, is_trusted=False, language="plpython3u", is_definer=False)


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (UNTRUSTED, State.ill),
        (replace(UNTRUSTED, is_public=False), State.healthy),
        (ROW, State.healthy),
    ],
)
def test_what_everybody_may_run(row: DefinerFunction, state: State) -> None:
    verdict = verdict_of(finding, seen((definer_functions, [row])))
    assert verdict.state is state
    for subject in verdict.subjects:
        assert (
            "REVOKE EXECUTE ON FUNCTION public.pay(pg_catalog.numeric)" in subject.evidence.cure[1]
        )


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={definer_functions: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


async def test_trusted_languages_are_no_matter(database: Database) -> None:
    """PL/pgSQL and SQL stay inside; the servers of the tests have no untrusted language."""
    await database.execute(
        "create function f() returns int language plpgsql as 'begin return 1; end'"
    )
    async with watching(dsn=database.monitor_dsn) as connection:
        verdict = verdict_of(finding, await look(connection, definer_functions))
    assert verdict.state is State.healthy
