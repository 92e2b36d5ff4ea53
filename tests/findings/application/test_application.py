"""An application of 47 tables: as a careful team writes it, nothing is found, however busy it is;
with the mistakes of some years each of them is named."""

import time
from pathlib import Path

import pytest

from alerts._base import Reach
from alerts._catalogue import all_findings
from alerts.history.recorder import Recorder
from alerts.verdicts.verdict import Verdict
from collectors._base import Kind
from collectors._capabilities import COLUMN_STATISTICS
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.until import until

HERE = Path(__file__).parent
JUDGED = [
    finding
    for finding in all_findings().values()
    if finding.of is Kind.postgres and finding.scope is not Reach.server
]
"""Those about databases: the server here is one of the tests."""
COLLECTORS = {one for f in JUDGED for one in (*f.reads, *f.consults) if one.sql}
TRAFFIC = """
    INSERT INTO orders (customer_id, status, total)
    SELECT 1 + i % 4000, 'new', i FROM generate_series(1, 200) i;
    INSERT INTO order_items
    SELECT id, p, 1 + (id + p) % 1000, 1, 500 FROM orders, generate_series(1, 3) p
    WHERE status = 'new' AND NOT EXISTS (SELECT FROM order_items WHERE order_id = orders.id);
    UPDATE orders SET status = 'paid' WHERE status = 'new' AND id % 7 = 0;
    UPDATE stock SET quantity = quantity + 1 WHERE product_id % 50 = 3;
    INSERT INTO jobs (queue, payload) SELECT 'mail', '{}' FROM generate_series(1, 100);
    DELETE FROM jobs WHERE id IN (SELECT id FROM jobs ORDER BY run_at LIMIT 100);
    INSERT INTO audit_log (actor_id, action) SELECT i, 'view' FROM generate_series(1, 100) i;
    SET enable_seqscan = off;
    SELECT count(*) FROM addresses WHERE country_code = 'AB' AND city = 'city 1';
    SELECT count(*) FROM addresses WHERE customer_id = 7;
    RESET enable_seqscan;
    SELECT count(*) FROM order_items WHERE order_id = 7;
"""
"""What the application does in a minute."""

MISTAKES = {
    ("autovacuum_disabled", "public.legacy_import"),
    ("autovacuum_overdue", "public.legacy_import"),
    ("column_types", "public.refunds.amount"),
    ("column_types", "public.refunds.created_at"),
    ("constraint_not_valid", "public.products: priced"),
    ("fk_duplicate", "public.order_items (order_items_order_id_fkey, twice)"),
    ("fk_type_mismatch", "public.returns.order_id"),
    ("fk_without_index", "public.order_items (product_id)"),
    ("fk_without_index", "public.payments (order_id)"),
    ("index_btree_on_array", "public.email_templates_labels"),
    ("index_duplicate", "public.addresses_customer_again"),
    ("index_invalid", "public.broken"),
    ("index_redundant_prefix", "public.addresses_country_code_idx"),
    ("index_redundant_prefix", "public.customers_tenant_id_idx"),
    ("partition_future_missing", "public.audit_log"),
    ("repeating_columns", "public.addresses (phone1 …)"),
    ("security_definer_search_path", "public.who(text)"),
    ("security_public_create", "public"),
    ("sequence_exhaustion", "public.order_events_id_seq"),
    ("stale_statistics", "public.legacy_import"),
    ("status_without_check", "public.orders.status"),
    ("table_without_pk", "public.import_runs"),
    ("table_without_pk", "public.legacy_import"),
    ("trigger_disabled", "public.products: audited"),
    ("unique_ignores_soft_delete", "public.customers_email"),
}


NO_SCRIPT = "select count(*) = 0 from pg_stat_activity where application_name = 'psql'"


class Application:
    """The daemon's memory of it."""

    def __init__(self, database: Database) -> None:
        self.database, self.start = database, time.time()
        self.recorder = Recorder(wants=[kind for one in JUDGED for kind in one.history])

    async def found(self, minute: float) -> set[tuple[str, str]]:
        async with watching(dsn=self.database.monitor_dsn) as session:
            at = self.start + 60 * minute
            snapshot = await look(session, *COLLECTORS, at=at, recorder=self.recorder)
        return of([verdict_of(finding, snapshot) for finding in JUDGED])


async def analyze(database: Database) -> None:
    """As autovacuum does in the minutes that pass only here.

    A session reports what it has changed when it ends: an ANALYZE before that would leave the
    changes counted as new.
    """
    await until(lambda: database.fetchval(NO_SCRIPT), "what was changed is reported")
    await database.execute("ANALYZE")


def of(verdicts: list[Verdict]) -> set[tuple[str, str]]:
    return {(v.finding.name, s.evidence.subject) for v in verdicts for s in v.subjects}


@pytest.mark.versions(18)
async def test_the_careful_one_is_well_and_the_sick_one_is_known(
    database: Database, psql: Psql
) -> None:
    """An hour of traffic and forty days bring up nothing; afterwards nothing else than the list."""
    await database.execute(COLUMN_STATISTICS.grant.replace("{role}", MONITOR))
    await psql(database.dsn, (HERE / "application.sql").read_text())
    await database.execute(f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {MONITOR}")
    await analyze(database)
    careful = Application(database)
    for minute in (0, 5, 10, 15, 65):
        assert await careful.found(minute) == set()
        await psql(database.dsn, TRAFFIC)
        await analyze(database)
    assert await careful.found(40 * 1440) == set()
    await psql(database.dsn, (HERE / "mistakes.sql").read_text())
    await analyze(database)
    await psql(database.dsn, "DELETE FROM legacy_import WHERE id % 2 = 0")
    await psql(database.dsn, TRAFFIC)
    sick = await Application(database).found(0)
    assert sick == MISTAKES
