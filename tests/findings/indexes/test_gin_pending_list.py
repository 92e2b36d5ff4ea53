"""gin_pending_list: long lists, and indexes whose list can't be read."""

from dataclasses import replace

import pytest

from alerts._base import Severity, State
from alerts.findings.indexes.gin_pending_list import finding
from alerts.verdicts.verdict import Verdict
from collectors._base import Absence
from collectors.gin_pending_lists import GinPendingList, gin_pending_lists
from collectors.index_layout import index_layout
from collectors.settings import settings
from tests.findings.indexes.layouts import MIB, layout
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql, connected
from tests.fixtures.session_rows import seen

LIST = GinPendingList("shop", 11, 10, "public", "documents", "words", 8 * MIB, 100, None)
GIN = layout(11, amname="gin")


@pytest.mark.parametrize(
    ("size", "severities"),
    [
        (4 * MIB, []),
        (8 * MIB - 1, []),
        (8 * MIB, [Severity.info]),
        (64 * MIB, [Severity.warning]),
    ],
)
def test_only_a_list_that_was_not_emptied_is_long(size: int, severities: list[Severity]) -> None:
    lists = [replace(LIST, pending_bytes=size)]
    verdict = verdict_of(finding, seen((index_layout, [GIN]), (gin_pending_lists, lists)))
    assert [subject.evidence.severity for subject in verdict.subjects] == severities


def test_without_the_extension_large_indexes_are_unknown() -> None:
    """What has no GIN index needs no extension, and a small index can't have a long list."""
    blind = verdict_of(finding, seen((index_layout, [GIN])))
    assert (blind.state, blind.unjudged[0].subject) == (State.unknown, "public.i11")
    small = replace(GIN, size_bytes=MIB)
    loaded = replace(GIN, size_bytes=0, table_rows=-1, n_tup_ins=10_000)
    assert verdict_of(finding, seen((index_layout, [loaded]))).state is State.unknown
    for rows in ([small], [layout(12)], []):
        assert verdict_of(finding, seen((index_layout, rows))).state is State.healthy


def test_it_says_why_a_list_is_not_read() -> None:
    refused = Absence("permission denied for function pgstatginindex")
    blind = replace(seen((index_layout, [GIN])), absent={gin_pending_lists: refused})
    [unjudged] = verdict_of(finding, blind).unjudged
    assert unjudged.reason.endswith(f"is not read: {refused.reason}")
    assert unjudged.grant is None


def test_without_an_answer_it_is_unknown() -> None:
    blind = replace(seen(), absent={index_layout: Absence("refused")})
    assert verdict_of(finding, blind).state is State.unknown


def test_the_limit_of_the_server_is_changed_where_it_is_set() -> None:
    verdict = verdict_of(finding, seen((index_layout, []), (gin_pending_lists, [LIST])))
    [subject] = verdict.subjects
    assert any("ALTER SYSTEM SET gin_pending_list_limit" in s for s in subject.evidence.cure)


DOCUMENTS = """
    CREATE EXTENSION pgstattuple;
    CREATE TABLE documents (words int[]);
    CREATE INDEX "Words'" ON documents USING gin (words) WITH (gin_pending_list_limit = 100000);
"""
INSERT = "INSERT INTO documents SELECT array_agg(i) FROM generate_series(1, 60000) i"
LIMITS = replace(finding.limits, min_bytes=MIB // 2)


async def judged(database: Database) -> Verdict:
    async with watching(dsn=database.monitor_dsn) as connection:
        snapshot = await look(connection, index_layout, gin_pending_lists, settings)
    return verdict_of(finding, snapshot, limits=LIMITS)


async def test_found_and_cured(database: Database, psql: Psql, paste: Psql) -> None:
    """A locked index is left out, and nothing waits for it."""
    await psql(database.dsn, DOCUMENTS)
    assert (await judged(database)).state is State.healthy
    await psql(database.dsn, INSERT)
    async with connected(database.dsn) as locker:
        await locker.execute("BEGIN; LOCK documents")
        assert (await judged(database)).subjects == ()
        await locker.execute("ROLLBACK")
    [subject] = (await judged(database)).subjects
    assert subject.evidence.subject == 'public."Words\'"'
    await paste(database.dsn, "\n".join((subject.evidence.check, *subject.evidence.cure)))
    healed = await judged(database)
    assert (healed.state, healed.unjudged) == (State.healthy, ())

    await database.execute("ANALYZE documents")
    # As at a provider that does not let its customers call the function.
    await database.execute("REVOKE EXECUTE ON FUNCTION pgstatginindex FROM pg_stat_scan_tables")
    blind = await judged(database)
    assert blind.state is State.unknown
    assert blind.unjudged[0].grant
