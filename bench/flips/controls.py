"""Controls: what makes a statement dearer, or seems to, with the same plan."""

from collections.abc import Callable
from random import Random

from bench.flips.scene import Scene, Sizes, of_customer, orders


def _skewed(s: str, sizes: Sizes, share: int, each: int = 1) -> str:
    """A table whose customer 1 has one of that number of rows, and every other one a few."""
    return (
        f"create schema {s};"
        f" create table {s}.{s}t (id int primary key, customer int, note text);"
        f" insert into {s}.{s}t select n, case when n % {share} = 0 then 1 else n / {each} end,"
        f" repeat('x', {sizes.pad}) from generate_series(1, {sizes.rows}) n;"
        f" create index on {s}.{s}t (customer);"
    )


def more_rows(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "other parameters with more rows",
        _skewed(s, sizes, 10),
        f"select note from {s}.{s}t where customer = $1",
        "n * 11 + 2",
        later="1",
    )


def larger_count(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "other parameters of a count",
        _skewed(s, sizes, 10),
        f"select count(note) from {s}.{s}t where customer = $1",
        "n * 11 + 2",
        later="1",
    )


def first_rows(s: str, sizes: Sizes) -> Scene:
    """Each customer has more rows than are returned."""
    return Scene(
        s,
        "other parameters of the first rows",
        _skewed(s, sizes, 40, each=20),
        f"select id from {s}.{s}t where customer = $1 order by note, id limit 10",
        "n * 11 + 2",
        later="1",
    )


def row_lock(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "waiting for a row lock",
        orders(s, sizes, 5),
        f"update {s}.{s}t set note = note where id = $1",
        "n",
        rival=f"update {s}.{s}t set note = note where id = 20",
    )


def cold_buffers(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "a restart with cold buffers",
        orders(s, sizes, 50),
        f"select note from {s}.{s}t where customer = $1",
        "n",
        restart=True,
    )


def growth(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "a load that doubles a table twice",
        f"create schema {s}; create table {s}.{s}t (id int, kind int, note text);"
        f" insert into {s}.{s}t select n, n % 10, repeat('x', {sizes.pad})"
        f" from generate_series(1, {sizes.rows // 8}) n;",
        f"select count(note) from {s}.{s}t where kind < $1",
        "5",
        [*[f"insert into {s}.{s}t select * from {s}.{s}t"] * 2, f"analyze {s}.{s}t"],
    )


def growth_before_analyze(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "the same, not analysed yet",
        f"create schema {s}; create table {s}.{s}t (id int, kind int, note text);"
        f" insert into {s}.{s}t select n, n % 10, repeat('x', {sizes.pad})"
        f" from generate_series(1, {sizes.rows // 8}) n;",
        f"select count(note) from {s}.{s}t where kind < $1",
        "5",
        [f"insert into {s}.{s}t select * from {s}.{s}t"] * 2,
    )


def cpu_busy(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "all CPUs are busy",
        orders(s, sizes, 20),
        f"select count(note) from {s}.{s}t where customer between $1 and $1 + 5",
        "n",
        busy=True,
    )


def unused_dropped(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "an unused index is dropped",
        orders(s, sizes, 5) + f" create index t_note on {s}.{s}t (id, customer);",
        of_customer(s),
        "n * 3",
        [f"drop index {s}.t_note"],
    )


def replaced(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "a dropped index that another one replaces",
        orders(s, sizes, 5) + f" create index t_both on {s}.{s}t (customer, id);",
        of_customer(s),
        "n * 3",
        [f"drop index {s}.t_customer"],
    )


def same_order(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "a rewrite in the same order",
        orders(s, sizes, 5),
        of_customer(s),
        "n * 3",
        [f"vacuum full {s}.{s}t"],
    )


def reset(s: str, sizes: Sizes) -> Scene:
    return Scene(
        s,
        "the statistics of all statements are reset",
        orders(s, sizes, 5),
        of_customer(s),
        "n * 3",
        ["select pg_stat_statements_reset()"],
    )


CONTROLS: tuple[Callable[[str, Sizes], Scene], ...] = (
    more_rows,
    larger_count,
    first_rows,
    row_lock,
    cold_buffers,
    growth,
    growth_before_analyze,
    cpu_busy,
    unused_dropped,
    replaced,
    same_order,
    reset,
)


def controls(random: Random) -> list[Scene]:
    sizes = Sizes.drawn(random)
    return [made(f"c{number}", sizes) for number, made in enumerate(CONTROLS, 1)]
