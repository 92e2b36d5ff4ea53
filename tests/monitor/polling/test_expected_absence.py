"""What a server can't have is missed by nobody: no alert, and no *unknown* in any headline."""

import pytest

from alerts._base import State
from collectors.rounds import Round, rounds
from collectors.stat_io import stat_io
from collectors.stat_statements import stat_statements
from collectors.subtransactions import subtransactions
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers
from tests.fixtures.until import until


@pytest.mark.versions(14)
async def test_an_old_server_without_extensions(
    private_server: PrivateServers, watch: Watch
) -> None:
    """As most are: pgvigil is not blind there, and says which setting would tell more."""
    server = private_server()
    watched = await watch(server.dsn(user=MONITOR))

    async def not_asked() -> dict[str, Round] | None:
        answer = watched.server.answers.newest.get(rounds)
        known = {row.collector: row for row in answer.rows} if answer else {}
        wanted = [c.name for c in (stat_io, stat_statements, subtransactions)]
        found = {name: known[name] for name in wanted if name in known and known[name].error}
        return found if len(found) == len(wanted) else None

    found = await until(not_asked, "it is known what there is not")
    assert found
    assert {row.blinded for row in found.values()} == {()}
    for name in ("subtransaction_overflow", "config_random_page_cost"):
        assert watched.verdict(name).state is State.not_applicable
    regression = watched.verdict("query_regression")
    assert regression.is_unconfigured
    assert regression.unjudged[0].setting == "pg_stat_statements"
