"""Ways: twelve ways to flip a plan."""

from collections.abc import Callable
from random import Random

from bench.flips.scene import (
    FLIPPED,
    SETTING,
    SPREAD,
    Scene,
    Sizes,
    of_customer,
    orders,
)


def index_dropped(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "an index is dropped",
        orders(s, sizes, sizes.each),
        of_customer(s),
        sizes.key,
        [f"drop index {s}.t_customer"],
        [f"create index t_customer on {s}.{s}t (customer)"],
        causes=frozenset({"index dropped"}),
    )


def index_invalid(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "an index becomes invalid",
        orders(s, sizes, sizes.each),
        of_customer(s),
        sizes.key,
        [f"update pg_index set indisvalid = false where indexrelid = '{s}.t_customer'::regclass"],
        [f"reindex index {s}.t_customer"],
        causes=frozenset({"index invalid"}),
    )


def stale_statistics(s: str, sizes: Sizes) -> Scene:
    """The planner expects no row of the new day, and filters the whole day for a rare kind."""
    return Scene(
        s,
        "statistics are stale after a load",
        f"create schema {s}; create table {s}.{s}t (day int, kind int, note text);"
        f" create function {s}.load(day int, size int) returns void language sql as $$"
        f" insert into {s}.{s}t select day, case when n <= 4 and day in (1, 21) then 7"
        f" else 100 + n % 50 end, repeat('x', {4 * sizes.pad}) from generate_series(1, size) n $$;"
        f" select {s}.load(day, {sizes.day}) from generate_series(1, 20) day;"
        f" create index on {s}.{s}t (day); create index on {s}.{s}t (kind);",
        f"select note from {s}.{s}t where day = $1 and kind = 7",
        "1",
        [f"select {s}.load(21, {6 * sizes.day})"],
        [f"analyze {s}.{s}t"],
        later="21",
        causes=frozenset({"stale statistics"}),
    )


def distinct_values(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "the number of distinct values is wrong",
        orders(s, sizes, 2),
        of_customer(s),
        sizes.key,
        [f"alter table {s}.{s}t alter customer set (n_distinct = 2)", f"analyze {s}.{s}t"],
        [f"alter table {s}.{s}t alter customer reset (n_distinct)", f"analyze {s}.{s}t"],
        causes=FLIPPED,
    )


def rewritten(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "rows lie apart after a rewrite",
        f"create schema {s}; create table {s}.{s}t (at int, note text);"
        f" insert into {s}.{s}t select n, repeat('x', {2 * sizes.pad})"
        f" from generate_series(1, {sizes.rows}) n;"
        f" create index on {s}.{s}t (at);",
        f"select note from {s}.{s}t where at between $1 and $1 + {sizes.span}",
        sizes.key,
        [
            f"create table {s}.copy as select * from {s}.{s}t order by random()",
            f"truncate {s}.{s}t",
            f"insert into {s}.{s}t select * from {s}.copy",
            f"drop table {s}.copy",
            f"analyze {s}.{s}t",
        ],
        [f"cluster {s}.{s}t using {s}t_at_idx", f"analyze {s}.{s}t"],
        causes=SPREAD | {"table rewritten", "new statistics"},
    )


def generic_plan(s: str, sizes: Sizes) -> Scene:
    prepared = f"prepare {s}(int) as select id from {s}.{s}t where state = $1 order by id limit 20"
    return Scene(
        s,
        "a generic plan instead of custom ones",
        f"create schema {s};"
        f" create table {s}.{s}t (id int primary key, state int, note text);"
        f" insert into {s}.{s}t select n, case when n > {sizes.rows - 15} then 2 else n % 2 end,"
        f" repeat('x', {sizes.pad}) from generate_series(1, {sizes.rows}) n;"
        f" create index on {s}.{s}t (state);",
        f"execute {s}",
        "2",
        before_each=f"set plan_cache_mode = force_custom_plan; {prepared}",
        then_each=f"set plan_cache_mode = force_generic_plan; {prepared}",
        causes=FLIPPED,
    )


def page_cost(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "random_page_cost is raised",
        orders(s, sizes, 60),
        of_customer(s),
        f"n % {sizes.rows // 60}",
        ["alter system set random_page_cost = 300", "select pg_reload_conf()"],
        ["alter system reset random_page_cost", "select pg_reload_conf()"],
        causes=SETTING,
        settings=True,
    )


def work_mem(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "work_mem is lowered",
        f"create schema {s}; create table {s}.{s}t (note text);"
        f" insert into {s}.{s}t select md5(n::text) from generate_series(1, {sizes.rows // 3}) n;",
        f"select count(*) from (select distinct note from {s}.{s}t where note <> $1 offset 0) t",
        "n::text",
        ["alter system set work_mem = '64kB'", "select pg_reload_conf()"],
        ["alter system reset work_mem", "select pg_reload_conf()"],
        causes=SETTING | {"spill"},
        settings=True,
    )


def dead_rows(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "dead rows fill a table",
        f"create schema {s}; create table {s}.{s}t (id int, kind int, note text);"
        f" insert into {s}.{s}t select n, n % 50, repeat('x', {2 * sizes.pad})"
        f" from generate_series(1, {sizes.rows // 6}) n;",
        f"select id from {s}.{s}t where kind = $1",
        "n % 50",
        [f"update {s}.{s}t set note = note || 'y'"] * 8,
        [f"vacuum full {s}.{s}t", f"analyze {s}.{s}t"],
        causes=SPREAD,
    )


def visibility(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "the visibility map is lost",
        f"create schema {s}; create table {s}.{s}t (a int, b int, c int);"
        f" insert into {s}.{s}t select (n * 7919) % {sizes.rows}, n, 0"
        f" from generate_series(1, {sizes.rows}) n;"
        f" create index t_ab on {s}.{s}t (a, b);",
        f"select b from {s}.{s}t where a between $1 and $1 + {sizes.span}",
        sizes.key,
        [f"update {s}.{s}t set c = 1"],
        [f"vacuum analyze {s}.{s}t"],
        causes=SPREAD,
    )


def dependent_columns(s: str, sizes: Sizes) -> Scene:
    """Two frequent values that hardly ever meet: without statistics of both, a walk by id."""
    statistics = f"create statistics {s}.ab (mcv) on a, b from {s}.{s}t"
    return Scene(
        s,
        "columns that depend on each other",
        f"create schema {s}; create table {s}.{s}t (id int primary key, a int, b int, note text);"
        f" insert into {s}.{s}t select n, n % 10,"
        f" case when n % 10 = 3 and n > {sizes.rows - 200} then 4 else n % 10 end,"
        f" repeat('x', {sizes.pad}) from generate_series(1, {sizes.rows}) n;"
        f" create index on {s}.{s}t (a, b); {statistics};",
        f"select id from {s}.{s}t where a = 3 and b = $1 order by id limit 10",
        "4",
        [f"drop statistics {s}.ab", f"analyze {s}.{s}t"],
        [statistics, f"analyze {s}.{s}t"],
        causes=FLIPPED,
    )


def unpruned(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "partitions are not pruned",
        f"create schema {s}; create table {s}.{s}t (day int, id int) partition by range (day);"
        f" do $$ begin for n in 0..29 loop execute format('create table {s}.p%s partition of"
        f" {s}.{s}t for values from (%s) to (%s)', n, n * 100, n * 100 + 100); end loop; end $$;"
        f" insert into {s}.{s}t select n % 3000, n from generate_series(1, 60000) n;"
        f" create index on {s}.{s}t (id);",
        f"select id from {s}.{s}t where day = $1",
        "n * 90",
        ["alter system set enable_partition_pruning = off", "select pg_reload_conf()"],
        ["alter system reset enable_partition_pruning", "select pg_reload_conf()"],
        causes=SETTING,
        settings=True,
    )


WAYS: tuple[Callable[[str, Sizes], Scene], ...] = (
    index_dropped,
    index_invalid,
    stale_statistics,
    distinct_values,
    rewritten,
    generic_plan,
    page_cost,
    work_mem,
    dead_rows,
    visibility,
    dependent_columns,
    unpruned,
)


def flips(random: Random) -> list[Scene]:
    sizes = Sizes.drawn(random)
    return [way(f"f{number}", sizes) for number, way in enumerate(WAYS, 1)]
