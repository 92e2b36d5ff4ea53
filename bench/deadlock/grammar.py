"""Workloads, drawn with a seed: each one that can deadlock, and its honest twin.

A twin is the same code with the order kept: the same tables, statements, driver, plan mode, pauses
and clients. Contention is drawn as the time after which a deadlock is to be expected; the number of
rows follows from it. Nothing in here knows what the daemon looks for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import exp, log, sqrt
from random import Random

from bench.deadlock.script import Draw, Script, Statement, steps


class Fault(StrEnum):
    """What a workload does wrong, as the table of results groups it."""

    tables = "tables in opposite order"
    circle = "tables in a circle"
    rows = "rows in no order, their key granted"
    indexes = "one table by two indexes, its key granted"
    row_texts = "rows in no order, keys in the text"
    advisory = "advisory locks in no order"
    advisory_row = "an advisory lock and a row, both ways"
    foreign_key = "a child inserted, its parent locked, both ways"
    ddl = "a migration against the order of the code"
    row_parameters = "rows in no order, keys as parameters"
    upgrade = "a shared row lock, then an update"


KNOWABLE = frozenset(set(Fault) - {Fault.row_parameters, Fault.upgrade, Fault.ddl})
"""Those of which locks can tell before the first deadlock; of the others at most statements can."""


class Driver(StrEnum):
    asyncpg = "asyncpg"
    psycopg = "psycopg"
    pgbench = "pgbench"


class Plans(StrEnum):
    """How statements reach the server, and how long their plans live."""

    simple = "simple"
    """Values are part of the text."""
    extended = "extended"
    """Values are parameters; the server caches plans after five executions."""
    generic = "generic"
    """Values are parameters, and the first plan serves all."""


class Twin(StrEnum):
    none = "none"
    ordered = "in order"
    gated = "behind a gate"
    apart = "rows apart"


@dataclass(frozen=True, slots=True)
class Spec:
    """One workload: everything that was drawn."""

    number: int
    fault: Fault
    driver: Driver
    plans: Plans
    wrapper: str
    """How a transaction is written: statements, a function, a procedure, a DO block."""
    verbs: tuple[str, ...]
    """How the rows of each table are locked."""
    tables: int
    rows: int
    padded: bool
    """Whether tables have a thousand rows more than are used."""
    analyzed: bool
    shuffled: bool
    """Loaded in random order."""
    uuids: bool
    think: float
    """Seconds between statements."""
    rest: float
    """Seconds between transactions."""
    clients: int
    extras: tuple[str, ...]
    """What transactions do besides."""
    length: int
    """Rows or keys in one transaction, where it is about those of one kind."""
    by_rank: bool
    twin: Twin = Twin.none

    @property
    def name(self) -> str:
        return f"{self.number:03} {self.fault}{'' if self.twin is Twin.none else ' – honest'}"

    @property
    def is_honest(self) -> bool:
        return self.twin is not Twin.none

    @property
    def style(self) -> str:
        """For people, what was drawn."""
        words = [self.driver, self.plans, self.wrapper, *sorted(set(self.verbs)), *self.extras]
        words += [f"{self.rows} rows", f"{self.think * 1000:.0f} ms", f"{self.clients} clients"]
        if self.is_honest:
            words.append(self.twin)
        return ", ".join(words)


@dataclass(frozen=True, slots=True)
class Workload:
    """A drawn workload, written out."""

    spec: Spec
    scripts: tuple[Script, ...]
    """Kinds of transactions; each client does one of them, over and over."""
    apart: frozenset[int] = frozenset()
    """Scripts that use rows of their own."""
    order: frozenset[tuple[str, str]] = field(default_factory=frozenset, repr=False)
    """Each pair of things that some transaction locks one after the other."""

    def is_right(self, subject: str) -> bool:
        """Whether a warning about this subject is true of this workload."""
        if self.spec.is_honest:
            return False
        if ", " in subject:
            return self.spec.fault in (*ROWS, Fault.upgrade)
        parts = subject.replace(" → ", " and ").split(" and ")
        around = zip(parts, [*parts[1:], parts[0]], strict=True)
        backwards = zip(parts, [parts[-1], *parts[:-1]], strict=True)
        return any(
            all((_kind(one), _kind(other)) in self.order for one, other in way)
            for way in (tuple(around), tuple(backwards))
        )


def _kind(name: str) -> str:
    return "advisory" if name.startswith("advisory") else name.removeprefix("public.")


def drawn(seed: int, count: int, drivers: Sequence[Driver]) -> Iterator[Workload]:
    """That many workloads, each followed by its honest twin."""
    for number in range(1, count + 1):
        dice = Random(f"{seed}/{number}")
        spec = _spec(dice, number, drivers)
        yield written(spec)
        twins = [Twin.ordered] * 6 + [Twin.gated, Twin.apart]
        twin = dice.choice(twins) if spec.fault in SEVERAL else Twin.ordered
        yield written(replace(spec, twin=twin))


SEVERAL = (Fault.tables, Fault.circle, Fault.advisory_row, Fault.foreign_key, Fault.ddl)
"""Faults of several scripts that contradict each other: these can be gated, or kept apart."""
SHARES = {
    Fault.tables: 8,
    Fault.circle: 2,
    Fault.rows: 5,
    Fault.indexes: 2,
    Fault.row_texts: 2,
    Fault.advisory: 4,
    Fault.advisory_row: 2,
    Fault.foreign_key: 1,
    Fault.ddl: 1,
    Fault.row_parameters: 1,
    Fault.upgrade: 1,
}
ROWS = (Fault.rows, Fault.indexes, Fault.row_texts, Fault.row_parameters)
KEYS_GRANTED = (Fault.rows, Fault.indexes)
PLAIN_VERBS = ("update", "update", "lock")
TEXT_VERBS = ("update", "update", "update", "lock", "upsert", "with")
"""Statements that name their key in a condition, or in ON CONFLICT."""
ROW_VERBS = ("update", "update", "update", "lock", "upsert", "with", "function")
VERBS = ("update", "update", "update", "lock", "upsert", "with", "trigger", "function")
EXTRAS = ("own row", "head again", "new row", "new row there", "reads", "skips locked")


def _spec(dice: Random, number: int, drivers: Sequence[Driver]) -> Spec:
    fault = dice.choices(list(SHARES), list(SHARES.values()))[0]
    driver = dice.choice(drivers)
    plans = Plans.simple if fault is Fault.row_texts else dice.choice(list(Plans))
    if fault is Fault.row_parameters:
        plans = dice.choice((Plans.extended, Plans.generic))
    wrappers = ["statements"] * 5 + ["function", "function", "procedure"]
    if driver is Driver.asyncpg and plans is Plans.simple:
        wrappers.append("do block")
    plain = fault in (Fault.row_texts, Fault.upgrade)
    tables = {Fault.tables: dice.randint(2, 5), Fault.circle: dice.randint(3, 4)}.get(fault, 2)
    clients = dice.choice((4, 6, 8))
    think = round(exp(dice.uniform(log(0.005), log(0.12))), 3)
    expected = exp(dice.uniform(log(10.0), log(60.0)))
    rows, rest = _contention(dice, fault, clients, think, expected)
    return Spec(
        number=number,
        fault=fault,
        driver=driver,
        plans=plans,
        wrapper="statements" if plain else dice.choice(wrappers),
        verbs=tuple(dice.choice(_verbs(fault)) for _ in range(tables)),
        tables=tables,
        rows=rows,
        padded=dice.random() < 0.5,
        analyzed=dice.random() < 0.75,
        shuffled=dice.random() < 0.3,
        uuids=fault is Fault.row_texts and driver is not Driver.pgbench and dice.random() < 0.3,
        think=think,
        rest=rest,
        clients=clients,
        extras=tuple(
            extra
            for extra in EXTRAS
            # Reading is an order too where a migration locks the whole table.
            if dice.random() < 0.18 and (fault is not Fault.ddl or extra != "reads")
        ),
        length=3 if fault is Fault.indexes else dice.choice((2, 2, 3)),
        by_rank=dice.random() < 0.3 and (driver is not Driver.pgbench or fault is Fault.indexes),
    )


def _verbs(fault: Fault) -> tuple[str, ...]:
    if fault is Fault.row_texts:
        return TEXT_VERBS
    return ROW_VERBS if fault in ROWS else PLAIN_VERBS if fault is Fault.upgrade else VERBS


def _contention(
    dice: Random, fault: Fault, clients: int, think: float, expected: float
) -> tuple[int, float]:
    """How many rows, and seconds between transactions, make deadlocks about that rare: reckoned
    from a few runs, and of no great exactness."""
    if fault is Fault.indexes:  # it takes a third transaction, which holds a row of both
        return dice.randint(5, 12), sqrt(expected * think) * clients / 20
    of_one_kind = fault in (*ROWS, Fault.advisory)
    if of_one_kind and dice.random() < 0.4:
        few = dice.randint(4, 10)
        return few, 1.3 * sqrt(expected * think) * clients / few
    if fault is Fault.ddl:
        return dice.randint(4, 100), sqrt(expected * 2 * think) * clients * 0.8
    if fault in SEVERAL and dice.random() < 0.15:
        return 1, sqrt(expected * 2 * think) * clients * 0.8
    rows = sqrt(0.35 * (clients / 2) ** 2 * expected / think)
    if fault is Fault.circle:
        rows = (0.05 * (clients / 3) ** 3 * expected / think) ** (1 / 3) * 1.5
    if of_one_kind:
        rows *= 1.2
    return max(4, min(600, round(rows))), 0.0


# From what was drawn to statements.


def written(spec: Spec) -> Workload:
    """The scripts of this workload."""
    scripts = tuple(_scripts(spec))
    if spec.twin is Twin.gated:
        gate = Statement("select pg_advisory_xact_lock(4711)")
        scripts = tuple(replace(s, statements=(gate, *s.statements)) for s in scripts)
    apart = frozenset({len(scripts) - 1}) if spec.twin is Twin.apart else frozenset()
    return Workload(spec, scripts, apart, frozenset(steps(scripts)))


def _scripts(spec: Spec) -> Iterator[Script]:
    match spec.fault:
        case Fault.tables | Fault.circle:
            for number, path in enumerate(_paths(spec)):
                body = [_locking(spec, table, f"r{table}") for table in path]
                yield _script(spec, body, number)
        case Fault.rows | Fault.row_texts | Fault.row_parameters:
            names = [f"r{n}" for n in range(spec.length)]
            body = [_locking(spec, 0, name) for name in names]
            if "head again" in spec.extras:
                body.append(_locking(spec, 0, names[0]))
            yield replace(
                _script(replace(spec, extras=_without(spec.extras, "head again")), body),
                sort=tuple(names) if spec.is_honest else (),
                by_rank=spec.by_rank,
            )
        case Fault.indexes:
            column = "rank" if spec.is_honest and spec.by_rank else "id"
            against = column if spec.is_honest else "rank"
            for number, index in enumerate((column, against)):
                yield _script(spec, [_sorted_batch(spec, index)], number)
        case Fault.advisory:
            names = [f"r{n}" for n in range(spec.length)]
            body = [_advisory(name) for name in names]
            yield replace(_script(spec, body), sort=tuple(names) if spec.is_honest else ())
        case Fault.advisory_row:
            lock, row = _advisory("r0"), _locking(spec, 0, "r1")
            kept = spec.twin is Twin.ordered
            yield _script(spec, [lock, row])
            yield _script(spec, [lock, row] if kept else [row, lock], 1)
        case Fault.foreign_key:
            child = Statement("insert into child_a (parent) values ({r0})", ("r0",), ("t_a",))
            parent = Statement("select from t_a where id = {r0} for update", ("r0",), ("t_a",))
            other = _locking(spec, 1, "r1")
            kept = spec.twin is Twin.ordered
            yield _script(spec, [child, other])
            yield _script(spec, [parent, other] if kept else [other, parent], 1)
        case Fault.ddl:
            first, second = _locking(spec, 0, "r0"), _locking(spec, 1, "r1")
            migration = [_migration(number) for number in (0, 1)]
            kept = spec.twin is Twin.ordered
            yield _script(spec, [first, second])
            yield _script(spec, migration if kept else migration[::-1], 1)
        case Fault.upgrade:
            share = Statement("select v from t_a where id = {r0} for share", ("r0",), ("t_a",))
            if spec.is_honest:
                share = Statement(share.text.replace("share", "update"), share.names, share.touches)
            change = Statement("update t_a set v = v + 1 where id = {r0}", ("r0",), ("t_a",))
            yield _script(spec, [share, change])


def _without(extras: tuple[str, ...], extra: str) -> tuple[str, ...]:
    return tuple(one for one in extras if one != extra)


def _paths(spec: Spec) -> Iterator[list[int]]:
    """In which order each kind of transaction takes the tables; honest ones by their number."""
    everything = list(range(spec.tables))
    pairs: list[tuple[int, ...]]
    if spec.fault is Fault.circle:
        pairs = [(n, (n + 1) % spec.tables) for n in everything]
    else:
        dice = Random(f"paths/{spec.number}/{spec.think}")
        one, other = sorted(dice.sample(everything, 2))
        pairs = [
            tuple(n for n in everything if n in (one, other) or dice.random() < 0.4),
            (other, one),
        ]
    for pair in pairs:
        yield sorted(pair) if spec.twin is Twin.ordered else list(pair)


def _locking(spec: Spec, table: int, name: str) -> Statement:
    """A statement that locks one row of that table, the way that was drawn for the table."""
    return locking(spec.verbs[table], f"t_{'abcde'[table]}", name, spec.uuids)


def locking(verb: str, table: str, name: str, uuids: bool = False) -> Statement:
    where = f"ref = {{{name}:text}}" if uuids else f"id = {{{name}}}"
    change = f"update {table} set v = v + 1 where {where}"
    text = {
        "update": change,
        "lock": f"select v from {table} where {where} for update",
        "upsert": f"insert into {table} (id, v) values ({{{name}}}, 1)"
        f" on conflict (id) do update set v = {table}.v + 1",
        "with": f"with changed as ({change} returning v) select sum(v) from changed",
        "trigger": f"insert into event_{table} (row) values ({{{name}}})",
        "function": f"select touch_{table}({{{name}}})",
    }[verb]
    return Statement(text, (name,), (table,))


def _migration(table: int) -> Statement:
    """A change of a table that keeps others from writing it until the end of the transaction."""
    name = f"t_{'abcde'[table]}"
    return Statement(f"alter table {name} alter column v set default 0", (), (name,))


def _sorted_batch(spec: Spec, column: str) -> Statement:
    """A statement that locks its rows in the order of an index."""
    names = tuple(f"r{n}" for n in range(spec.length))
    marks = ", ".join(f"{{{name}}}" for name in names)
    text = f"select v from t_a where id in ({marks}) order by {column} for update"
    return Statement(text, names, ("t_a",))


def _advisory(name: str) -> Statement:
    return Statement(f"select pg_advisory_xact_lock({{{name}}})", (name,), ("advisory",))


def _script(spec: Spec, body: list[Statement], number: int = 0) -> Script:
    """With what it does besides: every other kind of transaction begins with it, or ends."""
    statements = list(body)
    extras = {
        "own row": Statement("update heartbeat set v = v + 1 where id = {own}", ("own",)),
        "head again": body[0],
        "new row": Statement("insert into log (what) values ('done')"),
        "new row there": Statement("insert into t_a (v) values (0)"),
        "reads": Statement("select count(*) from t_b"),
        "skips locked": Statement(
            "select id from queue order by id limit 1 for update skip locked"
        ),
    }
    for extra in spec.extras:
        last = extra == "head again" or number % 2 == 1
        statements.insert(len(statements) if last else 0, extras[extra])
    used = dict.fromkeys(name for one in statements for name in one.names)
    draws = tuple((name, Draw.own if name == "own" else Draw.row) for name in used)
    return Script(tuple(statements), draws)
