"""toast_bloat and catalog_bloat on a real server: what table_bloat does not see, and its cure."""

from dataclasses import replace

import pytest

from alerts._base import AnyFinding, Evidence, Severity, State
from alerts.findings.storage import catalog_bloat, toast_bloat
from alerts.snapshot import Snapshot
from alerts.vacuum.horizon import CONSULTS
from alerts.verdicts.verdict import Verdict
from collectors._base import AnyCollector
from collectors._capabilities import COLUMN_STATISTICS
from collectors.column_statistics import column_statistics
from collectors.table_layout import table_layout
from collectors.user_tables import user_tables
from collectors.xmin_horizon import xmin_horizon
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

SMALL = {"min_bytes": 1024**2, "floor_bytes": 1024**2}
LIMITS = {
    toast_bloat.finding: replace(toast_bloat.finding.limits, **SMALL),
    catalog_bloat.finding: replace(catalog_bloat.finding.limits, **SMALL),
}
READS: tuple[AnyCollector, ...] = (
    user_tables,
    table_layout,
    column_statistics,
    xmin_horizon,
    *CONSULTS,
)
TOASTY = """
    CREATE TABLE documents (id int, body text);
    ALTER TABLE documents ALTER body SET STORAGE EXTERNAL;
    INSERT INTO documents SELECT i, repeat('x', 8000) FROM generate_series(1, 800) i;
"""
COMES = "INSERT INTO documents SELECT -i, repeat('x', 8000) FROM generate_series(1, {last}) i;"
CHURN = f"""
    DO $$ BEGIN FOR n IN 1 .. 200 LOOP
        EXECUTE 'CREATE TABLE passing ({", ".join(f"c{n} int" for n in range(100))})';
        DROP TABLE passing;
        COMMIT;
    END LOOP; END $$;
    CREATE TABLE staying (at_the_end int);
"""
GRANT = COLUMN_STATISTICS.grant.replace("{role}", MONITOR)


@pytest.mark.versions(14, 18)
async def test_story(database: Database, psql: Psql, paste: Psql) -> None:
    """Deleted long values, before and after a vacuum, kept by a transaction; and DDL in a loop."""
    await psql(database.dsn, GRANT + TOASTY + "VACUUM (ANALYZE) documents;")
    async with watching(dsn=database.monitor_dsn) as monitor:

        async def verdict(finding: AnyFinding) -> Verdict:
            return verdict_of(finding, await look(monitor, *READS), limits=LIMITS[finding])

        async def found(finding: AnyFinding) -> Evidence:
            async def seen() -> Evidence | None:
                subjects = (await verdict(finding)).subjects
                return subjects[0].evidence if subjects else None

            evidence = await until(seen, f"{finding.name} is ill")
            assert evidence
            return evidence

        assert (await verdict(toast_bloat.finding)).state is State.healthy
        holder = await database.session()
        await holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM documents")
        await psql(database.dsn, "DELETE FROM documents WHERE id % 4 > 0")
        waiting = await found(toast_bloat.finding)
        assert (waiting.severity, waiting.facts["waits_for_vacuum"]) == (Severity.info, True)
        assert f"pid {holder.get_server_pid()}" in waiting.message
        await paste(database.dsn, "\n".join((waiting.check, *waiting.cure)))
        free = await found(toast_bloat.finding)
        assert (free.severity, free.facts["held_by"]) == (Severity.warning, None)
        size = "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = 'documents'"
        before = await database.fetchval(size)
        await paste(database.dsn, "\n".join(free.cure))
        freed = before - await database.fetchval(size)
        assert free.value == pytest.approx(freed, rel=0.05)
        assert (await verdict(toast_bloat.finding)).state is State.healthy

        assert (await verdict(catalog_bloat.finding)).state is State.healthy
        await psql(database.dsn, CHURN)
        await psql(database.dsn, "VACUUM (ANALYZE) pg_catalog.pg_attribute")
        ill = await found(catalog_bloat.finding)
        assert ill.subject == "pg_catalog.pg_attribute"
        steps = [line.removeprefix("-- ") for line in ill.cure]
        rewrite = next(line for line in steps if line.startswith("VACUUM (FULL"))
        await paste(database.dsn, "\n".join((ill.check, *ill.cure, rewrite)))
        assert (await verdict(catalog_bloat.finding)).state is State.healthy


@pytest.mark.versions(14, 18)
async def test_what_was_put_in_since_the_last_vacuum(database: Database, psql: Psql) -> None:
    """Values that came and went since then are no share of those that were there before."""
    limits = LIMITS[toast_bloat.finding]
    await psql(database.dsn, TOASTY + "VACUUM (ANALYZE) documents;")
    await psql(database.dsn, COMES.format(last=400) + "DELETE FROM documents WHERE id < 0;")
    async with watching(dsn=database.monitor_dsn) as monitor:

        async def seen(dead: int) -> Verdict:
            async def is_counted() -> Snapshot | None:
                snapshot = await look(monitor, *READS)
                counted = [row.toast_n_dead_tup or 0 for row in snapshot.rows(user_tables)]
                return snapshot if max(counted, default=0) >= dead else None

            snapshot = await until(is_counted, f"{dead} dead parts are counted")
            assert snapshot
            return verdict_of(toast_bloat.finding, snapshot, limits=limits)

        assert (await seen(400 * 5)).state is State.healthy, "a third of it is dead"
        await psql(database.dsn, "UPDATE documents SET body = repeat('y', 8000);" * 2)
        [subject] = (await seen(2000 * 5)).subjects
        size = await database.fetchval(
            "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = 'documents'"
        )
        assert subject.evidence.facts["size_bytes"] == pytest.approx(size, rel=0.1)
        live = 800 * 5 / 4 * 8192
        assert subject.evidence.value == pytest.approx(size - live, rel=0.1)
