"""Findings that read the texts of statements, by rows made by hand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, State
from alerts.findings.queries import (
    query_full_scan_large,
    query_function_on_column,
    query_large_offset,
    query_n_plus_one,
    query_soft_delete_unfiltered,
    read_offload_candidate,
)
from alerts.history.recorder import Recorder
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from collectors._base import Answer, Role
from collectors.index_layout import IndexLayout, index_layout
from collectors.plans import PlanNode, StatementPlan, plans
from collectors.settings import settings
from collectors.soft_delete_columns import SoftDeleteColumn, soft_delete_columns
from collectors.stat_statements import Statement, stat_statements
from collectors.statement_texts import StatementText, statement_texts
from collectors.user_tables import UserTable, user_tables
from tests.findings.queries.loads import did
from tests.findings.settings.setting_rows import setting
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen
from tests.fixtures.statement_rows import statement

SCAN, WRAPPED = query_full_scan_large.finding, query_function_on_column.finding
OFFSET, LOOP = query_large_offset.finding, query_n_plus_one.finding
DELETED, OFFLOAD = query_soft_delete_unfiltered.finding, read_offload_candidate.finding
PAGES = 4000


def table(scans: int, name: str = "orders", **given: Any) -> UserTable:
    facts = {
        "datname": "shop",
        "relid": 5,
        "schemaname": "public",
        "relname": name,
        "relkind": "r",
        "relpages": PAGES,
        "reltuples": 100_000.0,
        "n_live_tup": 100_000,
        "seq_scan": scans,
        "seq_tup_read": scans * 100_000,
        "idx_tup_fetch": 0,
        "reloptions": [],
    }
    made: UserTable = filled(UserTable, **facts | given)
    return made


def scanned(
    finding: AnyFinding,
    text: str,
    scans: int = 100,
    *tables: UserTable,
    planned: Sequence[StatementPlan] = (),
    kinds: Mapping[str, str] | None = None,
    **given: Any,
) -> Verdict:
    layout = filled(
        IndexLayout,
        datname="shop",
        relid=5,
        relname="orders",
        columns=json.dumps([[name, kind, False, 0, True] for name, kind in (kinds or {}).items()]),
    )
    use = {"calls": 100, "seconds": 50.0, "rows": 500, "shared_blocks_hit": 100 * PAGES}
    rows = [statement(7, **{**use, **given}), statement(8, 100, seconds=150.0)]
    snapshot = did(
        finding,
        *rows,
        texts={7: text},
        earlier=[(user_tables, [table(0), *(replace(t, seq_tup_read=0) for t in tables)])],
        also=[
            (user_tables, [table(scans), *tables]),
            (plans, planned),
            (index_layout, [layout]),
        ],
    )
    return verdict_of(finding, snapshot)


def plan_of(*kinds: str) -> StatementPlan:
    """A plan of the statement 7 with these nodes, all of them on its table."""
    row = statement(7, 1)
    nodes = (PlanNode(n, kind, 9, 8, 0.0, 9.0, "public", "orders") for n, kind in enumerate(kinds))
    return StatementPlan(row.userid, row.dbid, 7, "shop", AT, nodes=tuple(nodes))


PLAIN = "select * from orders where state = $1 and at > $2"


def test_a_whole_table_each_time() -> None:
    [subject] = scanned(SCAN, PLAIN).subjects
    assert subject.evidence.facts["table"] == "public.orders"
    assert subject.evidence.facts["filter_columns"] == "state"
    assert scanned(WRAPPED, PLAIN).state is State.healthy


@pytest.mark.parametrize(
    ("text", "given"),
    [
        (PLAIN, {"shared_blocks_hit": 50 * PAGES}),  # half of it
        (PLAIN, {"rows": 1_000_000}),  # many of its rows
        (PLAIN, {"calls": 10, "shared_blocks_hit": 10 * PAGES}),  # a report
        (PLAIN, {"seconds": 1.0}),  # of no weight
        ("select count(*) from orders", {}),  # all rows are meant
        ("select * from other where state = $1", {}),
        ("select * from s.orders where state = $1", {}),
        ("select * from orders o join b on o.id = b.id where o.state = $1", {}),
        ("select * from orders where id in (select id from b)", {}),
    ],
)
def test_no_whole_table(text: str, given: dict[str, Any]) -> None:
    assert scanned(SCAN, text, **given).state is State.healthy


def test_scans_of_the_table_must_agree() -> None:
    """A statement that reads as many blocks by an index."""
    assert scanned(SCAN, PLAIN, 70).state is State.healthy


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ({}, State.ill),
        ({"relpages": PAGES // 25, "reltuples": 4_000.0}, State.ill),  # not analyzed since
        ({"relpages": 2 * PAGES, "reltuples": 200_000.0, "n_live_tup": 200_000}, State.healthy),
    ],
    ids=["analyzed", "not analyzed", "half of it"],
)
def test_a_table_that_has_grown(now: dict[str, Any], state: State) -> None:
    """It had a twenty-fifth of its size for most of the hour."""
    small = {"relpages": PAGES // 25, "reltuples": 4_000.0, "n_live_tup": 4_000}
    then, blocks = statement(7, 2000, seconds=20.0, rows=10_000), 2000 * PAGES // 25
    then = replace(then, shared_blocks_hit=blocks)
    new = replace(then, calls=2100, seconds=70.0, shared_blocks_hit=blocks + 100 * PAGES)
    recorder = Recorder(wants=SCAN.history)
    looks = (
        (AT - 3600, replace(then, calls=0, seconds=0.0, rows=0, shared_blocks_hit=0), 0),
        (AT - 1200, then, 2000),
        (AT - 600, then, 2000),
        (AT, new, 2100),
    )
    recorder.record(statement_texts, Answer((StatementText(7, PLAIN, False),), AT - 3600))
    for at, row, scans in looks:
        own = table(scans, **(now if at == AT else small))
        recorder.record(stat_statements, Answer((row,), at))
        recorder.record(user_tables, Answer((own,), at))
        recorder.catch_up()
    known = seen((stat_statements, [new]), (statement_texts, []), (user_tables, [own]))
    assert verdict_of(SCAN, known.with_histories(recorder.views(AT))).state is state


def test_its_plan_must_agree_where_it_is_known() -> None:
    """Another statement may scan the table as often."""
    assert scanned(SCAN, PLAIN, planned=[plan_of("Limit", "Seq Scan")]).state is State.ill
    assert scanned(SCAN, PLAIN, planned=[plan_of("Index Scan")]).state is State.healthy
    unplanned = replace(plan_of(), reason="its text is cut off")
    assert scanned(SCAN, PLAIN, planned=[unplanned]).state is State.ill


def test_a_name_that_stands_for_two_tables() -> None:
    other = table(100, schemaname="archive", relid=6)
    assert scanned(SCAN, PLAIN, 100, other).state is State.healthy


@pytest.mark.parametrize(
    ("condition", "cure"),
    [
        (
            "lower(email) = $1",
            "CREATE INDEX CONCURRENTLY ON public.orders (pg_catalog.lower(email))",
        ),
        ("at::date = $1", "two ends of the time"),
        ("date_trunc($2, at) = $1", "two ends of the time"),
        ("shape(email) = $1", "change the value instead"),
        ("lower(email) like $1", "text_pattern_ops"),
    ],
)
def test_a_function_around_a_column(condition: str, cure: str) -> None:
    text = f"select * from orders where {condition}"
    [subject] = scanned(WRAPPED, text).subjects
    assert cure in " ".join(subject.evidence.cure)
    assert scanned(SCAN, text).state is State.healthy
    assert scanned(WRAPPED, text, shared_blocks_hit=900).state is State.healthy


@pytest.mark.parametrize(
    "text",
    [
        "select o.id from orders o join customers c on c.id = o.customer where lower(o.email) = $1",
        "select orders.id from customers, orders where orders.at::date = $1",
        "select o.id from public.orders as o left join c on c.id = o.c where upper(o.email) = $1",
    ],
)
def test_a_function_around_a_column_of_a_joined_table(text: str) -> None:
    assert scanned(WRAPPED, text).subjects[0].evidence.facts["table"] == "public.orders"
    assert scanned(SCAN, text).state is State.healthy
    assert scanned(WRAPPED, text, 70).state is State.healthy  # the other table is read


@pytest.mark.parametrize(
    "text",
    [
        "update orders set a = b.c from b where orders.id = b.x and lower(orders.email) = $1",
        "update public.orders as o set a = $1 where lower(o.email) = $2",
        "delete from only orders o using b where o.id = b.x and lower(o.email) = $1",
        "select id from orders where lower(orders.email) = $1",
        'select "O".id from orders * "O" where lower("O".email) = $1',
    ],
)
def test_a_function_around_a_column_with_its_table(text: str) -> None:
    assert scanned(WRAPPED, text).subjects[0].evidence.facts["table"] == "public.orders"


def test_columns_of_another_table_are_not_told_of_the_scanned_one() -> None:
    text = "update orders set a = b.c from b where orders.id = b.x and b.state = $1"
    [subject] = scanned(SCAN, text).subjects
    assert subject.evidence.facts["filter_columns"] is None
    assert "It compares" not in " ".join(subject.evidence.cure)


def test_tables_of_one_name_are_two() -> None:
    """The one whose column is wrapped is in another schema, and not known."""
    text = "select 1 from public.orders o, s.orders p where p.id = o.id and lower({}.email) = $1"
    assert scanned(WRAPPED, text.format("o")).state is State.ill
    assert scanned(WRAPPED, text.format("p")).state is State.healthy


@pytest.mark.parametrize(
    "text",
    [
        "select o.id from orders o join customers c on c.id = o.customer where lower(c.email) = $1",
        "select o.id from orders o join customers c on c.id = o.customer where lower(email) = $1",
        "select o.id from orders o join orders p on p.id = o.id where p.at = $1",
        "select o.id from s.orders o join customers c on c.id = o.c where lower(o.email) = $1",
        "select o.id from s.orders o join orders p on p.id = o.id where lower(o.email) = $1",
        "update orders set a = $1 from b where orders.id = b.x and lower(b.email) = $2",
        "update orders o set a = $1 from b where o.id = b.x and lower(email) = $2",
        "delete from orders using b where orders.id = b.x and lower(b.email) = $1",
        "delete from orders o using b, c where o.id = b.x and lower(c.email) = $1",
    ],
)
def test_a_function_whose_table_is_another_or_not_certain(text: str) -> None:
    assert scanned(WRAPPED, text).state is State.healthy


@pytest.mark.parametrize(
    ("condition", "kinds", "is_told"),
    [
        ("code::text = $1", {"code": "text"}, False),
        ("code::text = $1", {"code": "varchar"}, False),
        ("code::varchar = $1", {"code": "text"}, False),
        ("number::text = $1", {"number": "int4"}, True),
        ("id::text = $1", {"id": "uuid"}, True),
        ("code::text = $1", {}, False),  # its type is not known
        ("number::bigint = $1", {"number": "int8"}, False),
        ("number::int = $1", {"number": "text"}, True),
        ("cast(number as double precision) = $1", {"number": "float8"}, False),
        ("number::float > $1", {"number": "float8"}, False),
        ("number::float > $1", {"number": "float4"}, True),
        ("number::real > $1", {"number": "float4"}, False),
        ("number::real > $1", {"number": "float8"}, True),
        ("number::decimal = $1", {"number": "numeric"}, False),
        ("cast(number as dec) = $1", {"number": "numeric"}, False),
        ("number::decimal = $1", {"number": "int4"}, True),
        ("number::double precision = $1", {"number": "numeric"}, True),
        ("number::double precision = $1", {"number": "float8"}, False),
        ("at::timestamp with time zone > $1", {"at": "timestamp"}, True),
        ("at::timestamp with time zone > $1", {"at": "timestamptz"}, False),
        ("at::timestamp(3) without time zone > $1", {"at": "timestamptz"}, True),
        ("code::character varying(20) = $1", {"code": "text"}, False),
        ("number::bigint = $1", {}, False),
        ("at::date = $1", {}, True),
        ("at::date = $1", {"at": "date"}, False),
        ("code::text = $1 and at::date = $2", {"code": "text"}, True),
    ],
)
def test_a_cast_to_the_type_of_the_column(
    condition: str, kinds: Mapping[str, str], is_told: bool
) -> None:
    """It changes nothing: the index of the column serves it, and another one would."""
    text = f"select * from orders where {condition}"
    assert bool(scanned(WRAPPED, text, kinds=kinds).subjects) is is_told
    assert bool(scanned(SCAN, text, kinds=kinds).subjects) is not is_told


def test_a_function_is_told_of_a_smaller_table() -> None:
    """Twenty thousand rows of a login by lower(email)."""

    def of(
        pages: int, finding: AnyFinding = WRAPPED, condition: str = "lower(email) = $1"
    ) -> State:
        text, own = f"select id from orders where {condition}", table(100, relpages=pages)
        given: dict[str, Any] = {"calls": 100, "seconds": 50.0, "rows": 100}
        rows = [
            statement(7, shared_blocks_hit=100 * pages, **given),
            statement(8, 100, seconds=150.0),
        ]
        snapshot = did(
            finding,
            *rows,
            texts={7: text},
            earlier=[(user_tables, [table(0, relpages=pages)])],
            also=[(user_tables, [own])],
        )
        return verdict_of(finding, snapshot).state

    assert (of(170), of(90)) == (State.ill, State.healthy)
    assert of(170, SCAN, "email = $1") is State.healthy


def paged(text: str, *planned: StatementPlan, **given: Any) -> Verdict:
    use = {"calls": 500, "seconds": 50.0, "rows": 10_000, "shared_blocks_hit": 1_000_000}
    rows = [statement(7, **{**use, **given}), statement(8, 100, seconds=150.0)]
    return verdict_of(OFFSET, did(OFFSET, *rows, texts={7: text}, also=[(plans, planned)]))


def test_skipped_rows() -> None:
    text = "select * from orders order by at limit $1 offset $2"
    assert paged(text).state is State.ill
    assert paged("select * from orders order by at limit $1").state is State.healthy
    assert paged(text, seconds=5.0).state is State.healthy  # first pages alone
    assert paged(text, rows=100_000).state is State.healthy  # large pages
    assert paged(text, calls=40, seconds=4.0).state is State.healthy
    assert paged(text, plan_of("Limit", "Index Scan")).state is State.ill
    assert paged(text, plan_of("Limit", "Sort", "Seq Scan")).state is State.healthy


LIVE = "deleted_at is null"
READS = {
    1: f"select * from users where team = $1 and {LIVE}",
    2: f"select * from users where name = $1 and {LIVE}",
    3: f"select * from users u where u.id = $1 and u.{LIVE}",
    7: "select * from users where city = $1",
}


def deleted(
    filtered: int = 3000,
    texts: Mapping[int, str] = READS,
    other: int = 0,
    other_rows: int = 10,
    filtered_rows: int = 10,
    **given: Any,
) -> Verdict:
    use = {"calls": 200, "rows": 2000, "seconds": 1.0}
    each = filtered // 3
    rows = [statement(n, each, rows=each * filtered_rows) for n in (1, 2, 3)]
    columns = [
        SoftDeleteColumn(
            "shop", 5, "public", "users", 3, "deleted_at", "timestamptz", False, 1 << 20, 1e5
        )
    ]
    snapshot = did(
        DELETED,
        *rows,
        statement(7, **{**use, **given}),
        statement(8, other, rows=other * other_rows),
        texts=texts,
        also=[(soft_delete_columns, columns)],
    )
    return verdict_of(DELETED, snapshot)


def test_deleted_rows_that_are_read() -> None:
    [subject] = deleted().subjects
    assert subject.evidence.subject == "query 7 of app"
    assert subject.evidence.facts["column"] == "deleted_at"


def test_reads_by_key_and_the_statement_itself_are_no_custom() -> None:
    by_key = {**READS, 8: "select name from users where id = $1"}
    assert deleted(texts=by_key, other=90_000, other_rows=1).state is State.ill
    assert deleted(300).state is State.ill


KEYED = {n: f"select * from users where id = $1 and a = ${n} and {LIVE}" for n in (1, 2, 3)}
TWO_LISTS = {7: "select * from users where city = $1", 8: "select * from users where team = $1"}


def test_those_that_filter_by_key_or_one_row_are_no_custom() -> None:
    """Both sides of the share are lists."""
    twice: dict[str, Any] = {"calls": 5000, "rows": 50_000, "other": 5000}
    assert deleted(300_000, {**KEYED, **TWO_LISTS}, **twice).state is State.healthy
    assert deleted(300_000, {**READS, **TWO_LISTS}, filtered_rows=1, **twice).state is State.healthy
    assert deleted(300_000, {**READS, **TWO_LISTS}, **twice).state is State.ill
    [subject] = deleted(2400, {**READS, 8: KEYED[1]}, other=90_000, other_rows=1).subjects
    assert subject.evidence.facts["filtered_share"] == 1
    assert "4 other statements" in subject.evidence.message


@pytest.mark.parametrize(
    "condition",
    [
        "id > $1 order by id limit $2",  # the next page
        "city = $1 and id <= $2 order by id desc limit $3",
        "city = $1 and $2 < users.id limit $3",
        "id between $1 and $2",
        "id <> $1",
        "id not in ($1, $2)",
        "city = $1 order by id = $2 desc",
        "city = $1 order by id > 3",
        "(city, id) > ($1, $2) limit $3",
    ],
)
def test_lists_that_go_along_the_key(condition: str) -> None:
    text = f"select * from users where {condition}"
    assert deleted(texts={**READS, 7: text}).state is State.ill


@pytest.mark.parametrize(
    "verdict",
    [
        deleted(150),  # no custom: it is executed more often
        deleted(texts={**READS, 8: READS[7] + " and a = $2"}, other=900),
        deleted(rows=150),  # one row by its key
        deleted(calls=50),  # rarely
        deleted(texts={**READS, 2: "select * from users where name = $1"}),  # only two filter
        deleted(texts={**READS, 7: "update users set city = $1"}),
        deleted(texts={**READS, 7: "select * from teams where city = $1"}),
    ],
)
def test_what_is_meant(verdict: Verdict) -> None:
    assert not any(s.evidence.subject == "query 7 of app" for s in verdict.subjects)


EVERY = "users.id, users.city, users.name, users.team, users.deleted_at"
ORM = f"select {EVERY} from users where users.city = $1"


@pytest.mark.parametrize(
    "text",
    [
        ORM,
        'select "u0"."id", "u0"."city", "u0"."name", "u0"."deleted_at" as "deleted_at4"'
        ' from "public"."users" as "u0" where "u0"."city" = $1',
        "select u.name, t.label from users u join teams t on t.id = u.team where t.label = $1",
        "select u.name from teams t, users u where t.id = u.team and t.deleted_at is null",
        "with x as (select name from users where city = $1) select * from x limit $2",
        "select label from teams where exists (select from users where users.team = teams.id)",
        "select count(*), city from (select * from users where age > $1) x group by city",
    ],
)
def test_deleted_rows_behind_lists_and_joins(text: str) -> None:
    [subject] = deleted(texts={**READS, 7: text}).subjects
    assert subject.evidence.subject == "query 7 of app"


@pytest.mark.parametrize(
    "text",
    [
        f"{ORM} and users.deleted_at is null",
        "select name, deleted_at from users where city = $1",  # it shows which ones are deleted
        f"select {EVERY}, deleted_at is null as live from users where city = $1",
        f"select {EVERY}, case when deleted_at is null then $2 end from users where city = $1",
        "select count(*) filter (where u.deleted_at is null) from users u group by u.city",
        f"select {EVERY} from users where city = $1 order by deleted_at",
        f"select {EVERY} from users where users.id in ($1, $2, $3)",  # rows that others refer to
        "select * from users where id = any ($1)",
        "select * from users where not ($1 = users.id or id in ($2, $3)) and city = $4",
        "select o.at, u.name from orders o join users u on u.id = o.user_id where o.at > $1",
        "select u.name from users u join live_users l using (id) where l.deleted_at is null",
        "with x as (select * from users where deleted_at is null) select * from x, users",
        "with gone as (delete from carts returning user_id) select * from users, gone",
        "insert into archive select * from users where city = $1",
        "select * from users where city = 'cut of",
    ],
)
def test_deleted_rows_that_may_be_meant(text: str) -> None:
    assert deleted(texts={**READS, 7: text}).state is State.healthy


def test_statements_that_join_are_part_of_the_custom() -> None:
    """Each names the column of the table itself, and not that of another one."""
    joins = {
        1: f"select u.name from users u join teams t on t.id = u.team where u.{LIVE}",
        2: f"select {EVERY} from users where users.{LIVE} and city = $1",
        3: f"with x as (select * from users where {LIVE}) select * from x",
    }
    assert deleted(texts={**READS, **joins}).state is State.ill
    others = {1: f"select u.name from users u join teams t on t.id = u.team where t.{LIVE}"}
    assert deleted(texts={**READS, **others}).state is State.healthy  # only two filter


PAIR = {
    1: "select * from order_items where order_id = $1",
    2: "select * from orders where customer = $1 order by at",
}


def looped(
    inner: int = 600,
    outer: int = 600,
    texts: Mapping[int, str] = PAIR,
    late: int = 0,
    indexed: str | None = None,
    elsewhere: Sequence[int] = (0,) * 12,
    varies: Sequence[int] = (0,) * 12,
) -> Verdict:
    """Twelve windows in which the first is executed and the second returns rows so often; in the
    last ones the rows come in another order. An index of `orders` may have a column, the first may
    be executed elsewhere too, and both may vary."""

    def rows(number: int) -> list[Statement]:
        shifted = late if 3 < number < 12 else 0
        moved = sum(varies[:number])
        calls = inner * number + moved + sum(elsewhere[:number])
        shifted += moved
        return [
            statement(1, calls, rows=calls),
            statement(2, 20 * number, rows=outer * number + shifted),
            statement(3, 900 * number),
        ]

    recorder = Recorder(wants=LOOP.history)
    known = [StatementText(number, text, False) for number, text in texts.items()]
    recorder.record(statement_texts, Answer(tuple(known), AT))
    recorder.catch_up()
    for number in range(13):
        answer = Answer(tuple(rows(number)), AT - 3600 + 300 * number)
        recorder.record(stat_statements, answer)
        recorder.catch_up()
    layout = filled(
        IndexLayout,
        datname="shop",
        schemaname="public",
        relname="orders",
        columns=json.dumps([[indexed, "int4", False, 0, True]]),
    )
    snapshot = seen(
        (stat_statements, rows(12)),
        (statement_texts, known),
        (index_layout, [layout] if indexed else []),
    )
    return verdict_of(LOOP, snapshot.with_histories(recorder.views(AT)))


def test_once_for_each_row() -> None:
    [subject] = looped().subjects
    assert subject.evidence.facts["outer_statement"] == PAIR[2]
    assert subject.evidence.value == 30
    by_key = {
        1: "select name from customers where id = $1",
        2: "select id, customer_id from orders where at > $1",
    }
    assert looped(texts=by_key).state is State.ill


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        (
            'select "shop_customer"."id", "shop_customer"."name" from "shop_customer"'
            ' where "shop_customer"."id" = $1 limit $2',
            'select "shop_order"."id", "shop_order"."customer_id" from "shop_order"'
            ' where ("shop_order"."at" > $1 and not "shop_order"."closed")',
        ),
        (
            "select c.id, a.city from customer c left join address a on a.id = c.address_id"
            " where c.id = $1",
            "select o.id, o.customer_id from crm.orders o where o.at > $1",
        ),
        (
            "select * from shop.boxes where order_id = $1::uuid and (a = $2 or b = $3)",
            "select * from shop.orders where at > $1",
        ),
        (
            "select * from items where box_id = $1 and sent_at is not null",
            "select * from boxes order by at limit $1",
        ),
        (
            "select * from customers where uuid = $1",
            "select id, customer_uuid from orders where at > $1",
        ),
        (
            "select plate from vehicles where id_vehicle = $1",
            "select d.at, d.id_vehicle from drives d where d.at > $1",
        ),
        ("select * from items where uuid_order = $1", "select * from orders where at > $1"),
        (
            "select name from customers where id = $1",
            "with late as (select * from orders where due < $1) select late.customer_id from late",
        ),
        (
            "select * from items where order_id = $1",
            "select * from (select * from orders where due < $1) late order by late.due",
        ),
    ],
    ids=[
        *("prefix", "join", "alternatives", "plural"),
        *("uuid", "id before", "uuid before", "with", "inner query"),
    ],
)
def test_spellings_of_a_loop(inner: str, outer: str) -> None:
    assert looped(texts={1: inner, 2: outer}).state is State.ill


@pytest.mark.parametrize(
    "verdict",
    [
        looped(inner=640),  # not as often
        looped(inner=200, outer=200),  # seldom
        looped(inner=600, outer=60),
        looped(texts={**PAIR, 2: "select * from carts where customer = $1"}),  # unrelated
        looped(texts={**PAIR, 1: "select * from order_items where price > $1"}),  # no key
        looped(texts={**PAIR, 1: "update order_items set a = 1 where order_id = $1"}),
        looped(texts={2: PAIR[2]}),  # its text is not known
        looped(late=300),  # as often within the hour, and at other times
    ],
)
def test_no_loop(verdict: Verdict) -> None:
    assert verdict.state is State.healthy


BY_KEY = {1: "select name from customers where id = $1", 2: "select * from orders where at > $1"}


def test_a_list_of_all_columns() -> None:
    """Which ones these are is known of those that an index has."""
    assert looped(texts=BY_KEY, indexed="customer_id").state is State.ill
    assert looped(texts=BY_KEY, indexed="at").state is State.healthy
    assert looped(texts=BY_KEY).state is State.healthy
    named = {**BY_KEY, 2: "select id, at from orders where at > $1"}
    assert looped(texts=named, indexed="customer_id").state is State.healthy


UPS_AND_DOWNS = (300, -200, 150, 400, -350, 0, 250, -100, 350, -250, 100, 200)
STEADY = (400, 405, 396, 402, 399, 401, 400, 398, 403, 400, 397, 404)


def test_a_loop_around_a_statement_that_is_used_elsewhere_too() -> None:
    """Each row more is an execution more."""
    assert looped(elsewhere=STEADY, varies=UPS_AND_DOWNS).state is State.ill
    assert looped(elsewhere=STEADY).state is State.healthy  # nothing moves
    assert looped(elsewhere=UPS_AND_DOWNS, late=0).state is State.healthy
    half = tuple(value // 2 for value in UPS_AND_DOWNS)
    assert looped(elsewhere=half, varies=UPS_AND_DOWNS).state is State.healthy
    carts = {**PAIR, 2: "select * from carts where customer = $1"}
    assert looped(elsewhere=STEADY, varies=UPS_AND_DOWNS, texts=carts).state is State.healthy
    most = (6000,) * 12
    assert looped(elsewhere=most, varies=UPS_AND_DOWNS).state is State.healthy


def load(role: Role, server: str, seconds: float, delay: str = "0", **given: Any) -> Snapshot:
    late = setting("recovery_min_apply_delay", delay, vartype="integer", unit="ms")
    rows = [statement(7, 1000, seconds=seconds, **given), statement(8, 10, seconds=100.0)]
    texts = {7: "select * from orders", 8: "update t set a = $1"}
    snapshot = did(OFFLOAD, *rows, texts=texts, also=[(settings, [late])])
    return replace(snapshot, node=replace(snapshot.node, role=role, server=server))


def offload(seconds: float, other: float | None, delay: str = "0", **given: Any) -> Verdict:
    primary = load(Role.primary, "db1", seconds, **given)
    blind = seen(role=Role.standby)
    peers = [blind if other is None else load(Role.standby, "db2", other, delay)]
    return verdict_of(OFFLOAD, replace(primary, peers=tuple(peers)))


def test_reads_beside_an_idle_standby() -> None:
    [subject] = offload(9000, 10).subjects
    assert (subject.evidence.subject, subject.evidence.value) == ("db2", 2.5)
    assert offload(9000, 5000).state is State.healthy  # the standby works too
    assert offload(3000, 10).state is State.healthy  # not much to read
    assert offload(9000, 10, wal_records=5000).state is State.healthy  # it writes
    assert offload(9000, 10, delay="3600000").state is State.healthy  # it shows what was
    assert offload(9000, None).state is State.unknown
    assert offload(3000, None).state is State.healthy
