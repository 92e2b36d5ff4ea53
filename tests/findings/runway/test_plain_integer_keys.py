"""sequence_exhaustion, of keys without a sequence: counters near their end, and no random keys."""

from typing import Any

import pytest

from alerts._base import Evidence, Severity, State
from alerts.findings.runway.sequence_exhaustion import finding
from alerts.history.recorder import Recorder
from alerts.runway.key_counters import CLOCK
from alerts.runway.sequence_trends import GIVEN_OUT
from alerts.runway.walls import walls
from alerts.verdicts.verdict import Verdict
from collectors.integer_keys import IntegerKey, integer_keys
from collectors.sequences import sequences
from tests.fixtures.farm import MONITOR
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import evidence_of, look, verdict_of, watching
from tests.fixtures.postgres import Database, Psql
from tests.fixtures.session_rows import seen
from tests.fixtures.widened_key import exchange, filled_in

INT = 2**31 - 1
ANALYZED = 1.79e9
UNREAD: dict[str, Any] = {
    "may_read": False,
    "smallest": None,
    "next_to_largest": None,
    "largest": None,
    "bounds": None,
    "correlation": None,
}


def key(used: float = 0.5, **more: Any) -> IntegerKey:
    """A counter of which all values from 1 on are in the table."""
    last = round(used * INT)
    facts = {
        "datname": "shop",
        "relid": 1,
        "attnum": 1,
        "schemaname": "public",
        "relname": "ledger",
        "attname": "id",
        "column_type": "integer",
        "may_read": True,
        "role": "pgvigil",
        "reltuples": float(last),
        "inserted_rows": 0,
        "smallest": 1,
        "next_to_largest": round(0.99 * last),
        "largest": last,
        "bounds": 101,
        "correlation": 1.0,
        "last_analyze": ANALYZED,
    }
    made: IntegerKey = filled(IntegerKey, **facts | more)
    return made


def judged(*keys: IntegerKey) -> Verdict:
    facts = seen((sequences, []), (integer_keys, list(keys)))
    return verdict_of(finding, facts.with_histories({GIVEN_OUT: {}}))


@pytest.mark.parametrize(
    ("used", "severity"),
    [
        (0.6, None),
        (0.7499, None),
        (0.7501, Severity.warning),
        (0.9001, Severity.critical),
    ],
)
def test_the_level_of_a_counter(used: float, severity: Severity | None) -> None:
    assert judged(key(used)).severity == severity


def test_old_rows_of_a_counter_may_be_gone() -> None:
    kept: dict[str, Any] = {"smallest": round(0.9 * INT), "next_to_largest": round(0.989 * INT)}
    assert judged(key(0.99, reltuples=0.08 * INT, **kept)).severity is Severity.critical


def test_the_type_is_the_limit() -> None:
    small: dict[str, Any] = {"column_type": "smallint", "largest": 30_000, "reltuples": 29_000.0}
    [subject] = judged(key(**small, next_to_largest=29_700)).subjects
    assert "has used 91.6 % of its values" in subject.evidence.message
    assert "2,767 were left" in subject.evidence.message


@pytest.mark.parametrize(
    "facts",
    [
        {"correlation": 0.91},
        {"reltuples": 0.51 * INT},
        {"next_to_largest": round(0.961 * 0.99 * INT)},
        {"bounds": 10},
        {"last_analyze": None},
        {"last_analyze": 0.99 * INT + 1.1 * CLOCK},
        {"last_analyze": 0.99 * INT - 1.1 * CLOCK},
    ],
)
def test_just_a_counter(facts: dict[str, Any]) -> None:
    assert judged(key(0.99, **facts)).severity is Severity.critical


@pytest.mark.parametrize(
    "random",
    [
        {"correlation": 0.89},
        {"correlation": -1.0},
        {"correlation": None},
        {"smallest": -INT, "reltuples": 4e9},
        {"reltuples": 0.48 * INT},  # random keys, or codes, that were loaded in order
        {"next_to_largest": round(0.959 * 0.99 * INT)},  # 2147483647 for "unknown"
        {"bounds": 9},
        {"bounds": None},
        {"last_analyze": 0.99 * INT + 0.9 * CLOCK},  # seconds of the clock
        {"last_analyze": 0.99 * INT - 0.9 * CLOCK},
        {"reltuples": None},
    ],
)
def test_what_only_looks_high_is_no_wall(random: dict[str, Any]) -> None:
    assert judged(key(0.99, **random)).state is State.healthy
    assert judged(key(0.99)).severity is Severity.critical


def test_keys_of_one_table_are_judged_each_by_itself() -> None:
    low = key(0.3, attnum=2, attname="page")
    [subject] = judged(key(0.99), low).subjects
    assert subject.evidence.subject == "public.ledger.id"
    small = key(**UNREAD | {"column_type": "smallint", "attname": "code", "reltuples": 10_000.0})
    [line] = judged(
        small, key(0.3, reltuples=3e7), key(**UNREAD | {"reltuples": 10_000.0})
    ).unjudged
    assert line.count == 1
    assert line.grant == "GRANT SELECT (code) ON public.ledger TO pgvigil;"


def test_a_counter_is_a_wall_and_random_keys_are_none() -> None:
    random = key(0.99, relid=2, relname="hashed", correlation=0.02)
    [wall] = walls(seen((integer_keys, [key(0.8), random])))
    assert wall.name == "key public.ledger.id in shop"
    assert round(wall.share, 2) == 0.8


def test_unread_keys_of_large_tables_are_unknown_with_one_line() -> None:
    short = key(**UNREAD | {"reltuples": 0.0099 * INT})
    assert judged(short).state is State.healthy
    two = [key(**UNREAD | {"relid": n, "relname": f"t{n}", "reltuples": 3e7}) for n in (2, 3)]
    verdict = judged(short, *two)
    assert verdict.state is State.unknown
    [line] = verdict.unjudged
    assert line.count == 2
    assert line.grant == (
        "GRANT SELECT (id) ON public.t2 TO pgvigil; GRANT SELECT (id) ON public.t3 TO pgvigil;"
    )
    churned = key(**UNREAD | {"reltuples": 250.0, "inserted_rows": 30_000_000})
    assert judged(churned).state is State.unknown


def test_a_large_table_never_analysed_is_unknown() -> None:
    never = key(**UNREAD | {"may_read": True, "reltuples": None, "inserted_rows": 30_000_000})
    [line] = judged(never).unjudged
    assert line.grant is None
    assert "ANALYZE" in line.reason


SETUP = f"""
    CREATE TABLE "led ger" (id int PRIMARY KEY, note text);
    INSERT INTO "led ger" SELECT 2130002000 - n, 'x' FROM generate_series(3000, 0, -1) n;
    CREATE DOMAIN number AS smallint;
    CREATE TABLE small (id number UNIQUE NOT NULL);
    INSERT INTO small SELECT n FROM generate_series(1, 27000) n;
    CREATE TABLE hashed (id int PRIMARY KEY);
    INSERT INTO hashed SELECT DISTINCT hashint4(n) FROM generate_series(1, 3000) n;
    CREATE TABLE owned (id serial PRIMARY KEY);
    CREATE TABLE identified (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
    CREATE TABLE part (id int PRIMARY KEY REFERENCES "led ger");
    CREATE TABLE hidden (id int PRIMARY KEY);
    INSERT INTO part SELECT id FROM "led ger" ORDER BY id;
    INSERT INTO hidden SELECT id FROM "led ger" ORDER BY id;
    GRANT SELECT (id) ON "led ger", small, hashed, owned, identified, part TO {MONITOR};
    GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {MONITOR};
    ANALYZE "led ger", small, hashed, part, hidden;
"""
PARTED = "DROP TABLE part;"


async def evidence(database: Database) -> dict[str, Evidence]:
    async with watching(dsn=database.monitor_dsn) as connection:
        snapshot = await look(connection, *finding.reads, recorder=Recorder(finding.history))
    named = {row.relname for row in snapshot.rows(integer_keys)}
    assert named - {"led ger"} == {"small", "hashed", "hidden"}
    return evidence_of(verdict_of(finding, snapshot))


async def test_found_and_cured(database: Database, psql: Psql) -> None:
    """Integer and a domain of smallint; not hashes, nor keys that another key limits."""
    await database.execute(SETUP)
    found = await evidence(database)
    assert {name: one.severity for name, one in found.items()} == {
        'public."led ger".id': Severity.critical,
        "public.small.id": Severity.warning,
    }
    ill = found['public."led ger".id']
    assert "at the last ANALYZE it held 2,130,002,000" in ill.message
    await psql(database.dsn, ill.check)
    expand = filled_in(ill.cure)
    assert len(expand) == 7
    assert not any("SEQUENCE" in line for line in ill.cure)
    await psql(database.dsn, "\n".join(expand))
    await psql(database.dsn, exchange('public."led ger"', '"led ger_pkey"', PARTED))
    assert (await evidence(database)).keys() == {"public.small.id"}


OTHERS = f"""
    CREATE TABLE wide (id bigint PRIMARY KEY);
    CREATE TABLE searched (id int NOT NULL);
    CREATE INDEX ON searched (id);
    CREATE TABLE pairs (id int, n int, PRIMARY KEY (id, n));
    CREATE TABLE live (id int NOT NULL);
    CREATE UNIQUE INDEX ON live (id) WHERE id > 9;
    CREATE TABLE failed (id int NOT NULL);
    CREATE UNIQUE INDEX failed_id ON failed (id);
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'failed_id'::regclass;
    CREATE TABLE computed (n int, id int GENERATED ALWAYS AS (n + 1) STORED UNIQUE);
    CREATE SEQUENCE by_hand;
    CREATE TABLE counted (id int DEFAULT nextval('by_hand') PRIMARY KEY);
    CREATE TABLE owner (id int PRIMARY KEY);
    CREATE SEQUENCE owned OWNED BY owner.id;

    CREATE TABLE narrow (id int PRIMARY KEY REFERENCES wide);
    CREATE TABLE mixed (id int PRIMARY KEY, line serial, of int REFERENCES narrow);
    CREATE TABLE secured (id int PRIMARY KEY);
    ALTER TABLE secured ENABLE ROW LEVEL SECURITY;
    CREATE TABLE fresh (id int PRIMARY KEY);
    CREATE TABLE whole (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE piece PARTITION OF whole DEFAULT;
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE TABLE child () INHERITS (parent);
    CREATE SCHEMA other;
    CREATE TABLE other.mixed (id int PRIMARY KEY);
    INSERT INTO whole SELECT generate_series(1, 500);
    INSERT INTO parent SELECT generate_series(1, 500);
    INSERT INTO child SELECT generate_series(501, 900);
    INSERT INTO mixed SELECT generate_series(1, 500), 7;
    INSERT INTO other.mixed SELECT generate_series(1, 500);
    INSERT INTO secured SELECT generate_series(1, 500);
    GRANT USAGE ON SCHEMA other TO {MONITOR};
    GRANT SELECT ON ALL TABLES IN SCHEMA public, other TO {MONITOR};
    ANALYZE whole, parent, mixed, other.mixed, secured;
"""


@pytest.mark.versions(14, 18)
async def test_which_keys_are_asked_for(database: Database) -> None:
    """Each once, with its own statistics; none that a sequence, another key or no key fills."""
    await database.execute(OTHERS)
    async with watching(dsn=database.monitor_dsn) as connection:
        rows = (await look(connection, integer_keys)).rows(integer_keys)
    largest = {f"{row.schemaname}.{row.relname}.{row.attname}": row.largest for row in rows}
    assert len(rows) == len(largest)
    assert largest == {
        "public.narrow.id": None,
        "public.mixed.id": 500,
        "public.secured.id": None,
        "public.fresh.id": None,
        "public.whole.id": 500,
        "public.parent.id": 500,
        "other.mixed.id": 500,
    }
    known = {row.relname: row for row in rows}
    assert not known["secured"].may_read
    assert known["fresh"].may_read
    assert known["fresh"].reltuples is None
