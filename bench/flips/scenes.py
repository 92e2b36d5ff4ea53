"""Scenes: twelve ways to flip a plan, and what only looks like one, each with its statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

CALLS = 25
"""Executions of a statement in each window."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A statement in a schema of its own, and what is done to it."""

    name: str
    title: str
    setup: str
    statement: str
    """With `$1` for the parameter."""
    usual: str
    """The parameter as an SQL expression of `n`, the number of the call."""
    act: Sequence[str] = ()
    undo: Sequence[str] = ()
    later: str = ""
    """The parameter after the act; empty: the same."""
    causes: frozenset[str] = frozenset()
    """What is named rightly; empty: nothing may be told."""
    before_each: str = ""
    """What the session of the statement executes first."""
    then_each: str = ""
    """The same after the act."""
    settings: bool = False
    """Whether the act changes a setting of the whole server, which may flip other plans too."""
    restart: bool = False
    rival: str = ""
    """A statement of another session, which holds what it locks while this one is executed."""
    busy: bool = False
    """Whether other sessions use all CPUs at that time."""

    @property
    def is_flip(self) -> bool:
        return bool(self.causes)


def _orders(schema: str, rows: int, each: int, pad: int) -> str:
    """A table of which each customer has some rows, scattered over it, and an index."""
    return (
        f"create schema {schema};"
        f" create table {schema}.{schema}t (id int primary key, customer int, note text);"
        f" insert into {schema}.{schema}t select n, n % {rows // each}, repeat('x', {pad})"
        f" from generate_series(1, {rows}) n;"
        f" create index t_customer on {schema}.{schema}t (customer);"
    )


def flips(random: Random) -> list[Scene]:
    """Draw the sizes; the ways are always the same."""
    rows, each = random.randrange(30_000, 60_000), random.randrange(4, 12)
    pad, key = random.randrange(80, 160), f"(n * {random.choice((7, 11, 13, 17))}) % 1000"
    day = random.randrange(400, 700)
    span = random.randrange(300, 600)
    statement = "select id, note from {0}.{0}t where customer = $1"
    prepared = "prepare f6(int) as select id from f6.f6t where state = $1 order by id limit 20"
    looked = frozenset({"statistics", "sequential scan", "index scans"})
    spread = frozenset({"more blocks for the same rows"})
    setting = frozenset({"setting changed"})
    return [
        Scene(
            "f1",
            "an index is dropped",
            _orders("f1", rows, each, pad),
            statement.format("f1"),
            key,
            ["drop index f1.t_customer"],
            ["create index t_customer on f1.f1t (customer)"],
            causes=frozenset({"index dropped"}),
        ),
        Scene(
            "f2",
            "an index becomes invalid",
            _orders("f2", rows, each, pad),
            statement.format("f2"),
            key,
            ["update pg_index set indisvalid = false where indexrelid = 'f2.t_customer'::regclass"],
            ["reindex index f2.t_customer"],
            causes=frozenset({"index invalid"}),
        ),
        Scene(
            "f3",
            "statistics are stale after a load",
            "create schema f3; create table f3.f3t (day int, kind int, note text);"
            " create function f3.load(day int, size int) returns void language sql as $$"
            " insert into f3.f3t select day, case when n <= 4 and day in (1, 21) then 7"
            f" else 100 + n % 50 end, repeat('x', {4 * pad}) from generate_series(1, size) n $$;"
            f" select f3.load(day, {day}) from generate_series(1, 20) day;"
            " create index on f3.f3t (day); create index on f3.f3t (kind);",
            "select note from f3.f3t where day = $1 and kind = 7",
            "1",
            [f"select f3.load(21, {6 * day})"],
            ["analyze f3.f3t"],
            later="21",
            causes=frozenset({"statistics"}),
        ),
        Scene(
            "f4",
            "the number of distinct values is wrong",
            _orders("f4", rows, 2, pad),
            statement.format("f4"),
            key,
            ["alter table f4.f4t alter customer set (n_distinct = 2)", "analyze f4.f4t"],
            ["alter table f4.f4t alter customer reset (n_distinct)", "analyze f4.f4t"],
            causes=looked,
        ),
        Scene(
            "f5",
            "rows lie apart after a rewrite",
            "create schema f5; create table f5.f5t (at int, note text);"
            f" insert into f5.f5t select n, repeat('x', {2 * pad})"
            f" from generate_series(1, {rows}) n;"
            " create index on f5.f5t (at);",
            f"select note from f5.f5t where at between $1 and $1 + {span}",
            key,
            [
                "create table f5.copy as select * from f5.f5t order by random()",
                "truncate f5.f5t",
                "insert into f5.f5t select * from f5.copy",
                "drop table f5.copy",
                "analyze f5.f5t",
            ],
            ["cluster f5.f5t using f5t_at_idx", "analyze f5.f5t"],
            causes=looked | spread,
        ),
        Scene(
            "f6",
            "a generic plan instead of custom ones",
            "create schema f6; create table f6.f6t (id int primary key, state int, note text);"
            f" insert into f6.f6t select n, case when n > {rows - 15} then 2 else n % 2 end,"
            f" repeat('x', {pad}) from generate_series(1, {rows}) n;"
            " create index on f6.f6t (state);",
            "execute f6",
            "2",
            before_each=f"set plan_cache_mode = force_custom_plan; {prepared}",
            then_each=f"set plan_cache_mode = force_generic_plan; {prepared}",
            causes=looked,
        ),
        Scene(
            "f7",
            "random_page_cost is raised",
            _orders("f7", rows, 60, pad),
            statement.format("f7"),
            f"n % {rows // 60}",
            ["alter system set random_page_cost = 300", "select pg_reload_conf()"],
            ["alter system reset random_page_cost", "select pg_reload_conf()"],
            causes=setting,
            settings=True,
        ),
        Scene(
            "f8",
            "work_mem is lowered",
            "create schema f8; create table f8.f8t (note text);"
            f" insert into f8.f8t select md5(n::text) from generate_series(1, {rows // 3}) n;",
            "select count(*) from (select distinct note from f8.f8t where note <> $1 offset 0) t",
            "n::text",
            ["alter system set work_mem = '64kB'", "select pg_reload_conf()"],
            ["alter system reset work_mem", "select pg_reload_conf()"],
            causes=setting | {"spill"},
            settings=True,
        ),
        Scene(
            "f9",
            "dead rows fill a table",
            "create schema f9; create table f9.f9t (id int, kind int, note text);"
            f" insert into f9.f9t select n, n % 50, repeat('x', {2 * pad})"
            f" from generate_series(1, {rows // 6}) n;",
            "select id from f9.f9t where kind = $1",
            "n % 50",
            ["update f9.f9t set note = note || 'y'"] * 8,
            ["vacuum full f9.f9t", "analyze f9.f9t"],
            causes=spread | {"statistics"},
        ),
        Scene(
            "f10",
            "the visibility map is lost",
            "create schema f10; create table f10.f10t (a int, b int, c int);"
            f" insert into f10.f10t select (n * 7919) % {rows}, n, 0"
            f" from generate_series(1, {rows}) n;"
            " create index t_ab on f10.f10t (a, b);",
            f"select b from f10.f10t where a between $1 and $1 + {span}",
            key,
            ["update f10.f10t set c = 1"],
            ["vacuum analyze f10.f10t"],
            causes=spread | {"statistics"},
        ),
        Scene(
            "f11",
            "columns that depend on each other",
            "create schema f11; create table f11.f11t (id int, a int, b int, c int, note text);"
            f" insert into f11.f11t"
            f" select n, n % 100, n % 100, 100 + n / 100 % 50, repeat('x', {pad})"
            f" from generate_series(1, {rows}) n;"
            " update f11.f11t set c = 7 where a = 5 and id < 500; create index on f11.f11t (a, b);"
            " create index on f11.f11t (c);"
            " create statistics f11.ab (dependencies) on a, b from f11.f11t;",
            "select note from f11.f11t where a = $1 and b = $1 and c = 7",
            "5",
            ["drop statistics f11.ab", "analyze f11.f11t"],
            [
                "create statistics f11.ab (dependencies) on a, b from f11.f11t",
                "analyze f11.f11t",
            ],
            causes=looked,
        ),
        Scene(
            "f12",
            "partitions are not pruned",
            "create schema f12; create table f12.f12t (day int, id int) partition by range (day);"
            " do $$ begin for n in 0..29 loop execute format('create table f12.p%s partition of"
            " f12.f12t for values from (%s) to (%s)', n, n * 100, n * 100 + 100); end loop; end $$;"
            " insert into f12.f12t select n % 3000, n from generate_series(1, 60000) n;"
            " create index on f12.f12t (id);",
            "select id from f12.f12t where day = $1",
            "n * 90",
            ["alter system set enable_partition_pruning = off", "select pg_reload_conf()"],
            ["alter system reset enable_partition_pruning", "select pg_reload_conf()"],
            causes=setting,
            settings=True,
        ),
    ]


def controls(random: Random) -> list[Scene]:
    """What makes a statement dearer, or seems to, with the same plan."""
    rows, pad = random.randrange(30_000, 60_000), random.randrange(80, 160)
    skewed = (
        "create schema {0}; create table {0}.{0}t (id int primary key, customer int, note text);"
        " insert into {0}.{0}t select n, case when n % 10 = 0 then 1 else n end,"
        f" repeat('x', {pad}) from generate_series(1, {rows}) n;"
        " create index on {0}.{0}t (customer);"
    )
    return [
        Scene(
            "c1",
            "other parameters with more rows",
            skewed.format("c1"),
            "select note from c1.c1t where customer = $1",
            "n * 11 + 2",
            later="1",
        ),
        Scene(
            "c2",
            "other parameters of a count",
            skewed.format("c2"),
            "select count(note) from c2.c2t where customer = $1",
            "n * 11 + 2",
            later="1",
        ),
        Scene(
            "c3",
            "waiting for a row lock",
            _orders("c3", rows, 5, pad),
            "update c3.c3t set note = note where id = $1",
            "n",
            rival="update c3.c3t set note = note where id = 20",
        ),
        Scene(
            "c4",
            "a restart with cold buffers",
            _orders("c4", rows, 50, pad),
            "select note from c4.c4t where customer = $1",
            "n",
            restart=True,
        ),
        Scene(
            "c5",
            "a load that doubles a table twice",
            "create schema c5; create table c5.c5t (id int, kind int, note text);"
            f" insert into c5.c5t select n, n % 10, repeat('x', {pad})"
            f" from generate_series(1, {rows // 8}) n;",
            "select count(note) from c5.c5t where kind < $1",
            "5",
            [*["insert into c5.c5t select * from c5.c5t"] * 2, "analyze c5.c5t"],
        ),
        Scene(
            "c6",
            "all CPUs are busy",
            _orders("c6", rows, 20, pad),
            "select count(note) from c6.c6t where customer between $1 and $1 + 5",
            "n",
            busy=True,
        ),
        Scene(
            "c7",
            "an unused index is dropped",
            _orders("c7", rows, 5, pad) + " create index t_note on c7.c7t (id, customer);",
            "select id, note from c7.c7t where customer = $1",
            "n * 3",
            ["drop index c7.t_note"],
        ),
        Scene(
            "c8",
            "a dropped index that another one replaces",
            _orders("c8", rows, 5, pad) + " create index t_both on c8.c8t (customer, id);",
            "select id, note from c8.c8t where customer = $1",
            "n * 3",
            ["drop index c8.t_customer"],
        ),
    ]
