"""Noise: hundreds of statements of an application, drawn, and executed in the server itself.

A procedure executes them by dynamic SQL, so that a window of two minutes takes a tenth of a second;
pg_stat_statements counts statements inside procedures like those of clients. What is inserted is
deleted within the hour, so that the tables of one day are as large as those of the next.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

TABLES = 12
SHAPES = (
    "select {cs} from {t} where id = $1",
    "select {cs} from {t} where a = $1",
    "select {cs} from {t} where a = $1 order by id limit {k}",
    "select {ms} from {t} where a = $1",
    "select {ms} from {t} where a between $1 and $1 + {k}",
    "select b, {ms} from {t} where a < $1 % 20 group by b",
    "select {xs} from {t} x join {u} y on y.id = x.b where x.a = $1",
    "select {xs} from {t} x where x.a = $1 and exists (select from {u} y where y.a = x.a)",
    "select {ms} from {t} where b = $1 % 100 and c > {k}",
    "update {t} set c = c + {k} where id = $1 returning {cs}",
    "insert into {t} (a, b, c, d) values ($1, $1 % 100, {k}, 'new') returning {cs}",
    "delete from {t} where id = $1 and c > 1000000 + {k} returning {cs}",
)
HOURLY = 30
"""Windows after which what was inserted is deleted."""
PROCEDURE = """
    create procedure noise.run(first int, times int, shift float8) language plpgsql as $$
    declare
        one record;
        chosen int;
        size constant int = (select count(*) from noise.statements);
    begin
        for n in first .. first + times - 1 loop
            -- The first statements are executed most often, the last ones rarely.
            chosen = 1 + floor(size * power(random(), 2.2));
            select * into one from noise.statements where id = chosen;
            -- With another shift, all of them get other parameters.
            execute one.text using 1 + floor(one.range * power(random(), shift * one.skew))::int;
            if n % 200 = 0 then
                commit;
            end if;
        end loop;
    end $$
"""

PLANS = """
    create function noise.plan(statement text, parameter int) returns text language plpgsql as $$
    declare
        line text;
        plan text = '';
    begin
        for line in execute 'explain (costs off) ' || replace(statement, '$1', parameter::text) loop
            plan = plan || line;
        end loop;
        return plan;
    end $$
"""
PLANNED = """
    select s.text, left(md5(string_agg(noise.plan(s.text, 1 + (s.range * part)::int), '')), 8)
    from noise.statements s, unnest(array[0.02, 0.1, 0.3, 0.7]) part
    group by s.text
"""
"""How each statement is executed, for four parameters."""
DUE = """
    select format('vacuum %s', relid::regclass)
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where schemaname = 'noise' and (
        s.n_dead_tup > 50 + 0.2 * c.reltuples
        or s.n_ins_since_vacuum > 1000 + 0.2 * c.reltuples
    )
    union all
    select format('analyze %s', relid::regclass)
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where schemaname = 'noise' and s.n_mod_since_analyze > 50 + 0.1 * c.reltuples
"""
"""What autovacuum would do, by its defaults; itself, it goes by the real clock."""


@dataclass(frozen=True, slots=True)
class Mood:
    """What a time is like in which no plan is made bad."""

    title: str
    weight: int
    """How often it is drawn."""
    shift: Sequence[float] = (1.0,)
    """Drawn one of these: other than 1, all statements get other parameters."""
    busy: bool = False
    restart: bool = False
    statements: Sequence[str] = ()


MOODS = (
    Mood("as usual", 10),
    Mood("all statements get other parameters", 3, shift=(0.25, 0.5, 2.0, 4.0)),
    Mood("all CPUs are busy", 2, busy=True),
    Mood("all tables are analysed and vacuumed", 1, statements=("vacuum analyze",)),
    Mood("a restart with cold buffers", 1, restart=True),
)


def setup(random: Random, count: int) -> Iterator[str]:
    """Yield the statements that make tables of different sizes, and the list of statements."""
    yield "create schema noise"
    for number in range(TABLES):
        rows = int(10 ** random.uniform(2.3, 3.8))
        yield (
            f"create table noise.t{number} (id serial primary key, a int, b int, c int, d text);"
            f" insert into noise.t{number} (a, b, c, d) select n % {max(5, rows // 20)}, n % 100,"
            f" n % 7, repeat('x', {random.randrange(20, 200)}) from generate_series(1, {rows}) n;"
            f" create index on noise.t{number} (a)"
        )
    yield ("create table noise.statements (id int primary key, text text, range int, skew float8)")
    for number in range(1, count + 1):
        t, u = (f"noise.t{random.randrange(TABLES)}" for _ in "ab")
        text = random.choice(SHAPES).format(t=t, u=u, k=random.randrange(3, 40), **_lists(number))
        values, skew = int(10 ** random.uniform(1.3, 3.5)), random.uniform(0.5, 3)
        yield (
            f"insert into noise.statements values ({number}, $text${text}$text$, {values}, {skew})"
        )
    yield PROCEDURE
    yield PLANS


def archived() -> Iterator[str]:
    """Yield the statements that delete what was inserted."""
    yield from (f"delete from noise.t{number} where d = 'new'" for number in range(TABLES))


def alike(text: str) -> str:
    """Return what a statement and its text in pg_stat_statements have in common."""
    return re.sub(r"\$?\b\d+\b", "?", text)


def _lists(number: int) -> dict[str, str]:
    """Return lists of columns that no other number has: only they make it another statement."""
    columns = ["abcd"[number // 4**place % 4] for place in range(6)]
    return {
        "cs": ", ".join(columns),
        "ms": ", ".join(f"max({column})" for column in columns),
        "xs": ", ".join(f"x.{column}" for column in columns),
    }


def moods(random: Random) -> Iterator[tuple[Mood, float]]:
    """Draw moods without end, each with its shift."""
    while True:
        [mood] = random.choices(MOODS, [mood.weight for mood in MOODS])
        yield mood, random.choice(mood.shift)
