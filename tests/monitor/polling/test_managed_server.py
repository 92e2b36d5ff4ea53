"""A provider's server: functions are revoked, archive and backup are its own. What can't be judged
is said once, and nothing is written to the server's log."""

import pytest

from alerts._base import State
from alerts._catalogue import all_findings
from tests.fixtures.daemon import Watch
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, connected
from tests.fixtures.until import until

REVOKED = (
    "pg_ls_waldir()",
    "pg_ls_logdir()",
    "pg_ls_tmpdir()",
    "pg_ls_tmpdir(oid)",
    "pg_ls_archive_statusdir()",
    "pg_control_system()",
    "pg_control_checkpoint()",
)
BLOATED = """
    create table public.full_of_air (id int primary key, note text);
    insert into public.full_of_air select i, repeat('x', 300) from generate_series(1, 90000) i;
    delete from public.full_of_air where id % 10 <> 0;
"""
BLOAT = ("table_bloat", "index_bloat", "toast_bloat", "catalog_bloat")
CHAPTERS = ("availability", "indexes", "runway", "storage", "vacuum")
NAMES = [name for name, finding in all_findings().items() if finding.chapter in CHAPTERS]
STATISTICS = "revoke select on pg_catalog.pg_statistic from public"


@pytest.mark.versions(14, 18)
async def test_what_is_revoked_is_said_once(private_server: PrivateServers, watch: Watch) -> None:
    server = private_server()
    async with connected(server.dsn()) as admin:
        for function in REVOKED:
            await admin.execute(f"revoke execute on function {function} from public, pg_monitor")
        await admin.execute(STATISTICS)
        await admin.execute(BLOATED)
        await admin.execute("vacuum analyze public.full_of_air")
    # On a busy machine a question that is given up too soon would be an error in the log.
    watched = await watch(server.dsn(user=MONITOR), deadline="60s")
    await watched.until_seen()

    async def judged_twice() -> bool:
        return all(watched.verdict(name).at > first[name] for name in BLOAT)

    await watched.server.judging.settled()
    first = {name: watched.verdict(name).at for name in BLOAT}
    await until(judged_twice, "all is asked and judged once more")
    for name in (*NAMES, "wal_directory_size", "temp_spill_live"):
        verdict = watched.verdict(name)
        assert verdict.state is not State.ill, verdict.reason
        assert len(verdict.unjudged_by_reason()) <= 1, verdict.unjudged
    [blind] = watched.verdict("table_bloat").unjudged
    assert (blind.reason, watched.verdict("table_bloat").state) == (
        "column statistics may not be read",
        State.unknown,
    )
    assert blind.grant
    said = server.log.read_text(errors="replace")
    assert "permission denied" not in said
    assert "ERROR" not in said.partition("full_of_air")[2]
