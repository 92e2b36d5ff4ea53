"""Grammar of tables: columns of many types and widths, indexes, and how rows were deleted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

LEVELS = (0.0, 0.2, 0.5, 0.8)
NOISE = "(select string_agg(md5(random()::text || i || g), '') from generate_series(1, {}) g)"
DOMAINS = """
    create domain price as numeric(12, 2);
    create domain checked_price as price check (value >= 0);
    create domain code as text check (length(value) < 5000);
    create domain shortname as varchar(40)
"""
Drawn = tuple[str, str]
"""Type of a column, and the expression of its values from the number `i` of the row."""


@dataclass(frozen=True, slots=True)
class Index:
    kind: str
    definition: str
    """After `create index ... on`, with `{}` for the table."""
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A table, before anything was deleted."""

    name: str
    columns: tuple[str, ...]
    values: tuple[str, ...]
    rows: int
    indexes: tuple[Index, ...] = ()
    fillfactor: int = 100
    target: int = 100
    after: str = ""
    """What is done to the full table, with `{}` for its name."""
    clustered: bool = False
    """Whether neighbours are deleted, so that pages are full or empty."""
    is_refilled: bool = False
    """Whether a fourth of the rows was deleted and put in again before."""
    is_counted: bool = True
    """Whether counters were not reset since the table was empty."""


def _uniform(low: int, high: int) -> str:
    return f"repeat('u', {low} + (random() * {high - low})::int)"


def _skewed(middle: int) -> str:
    """A few are much longer than most."""
    spread = f"(-ln(greatest(random(), 1e-9))) * {middle}"
    return f"repeat('s', least(1800, 1 + ({spread})::int))"


def _bimodal(short: int, long: int, share: float) -> str:
    return f"repeat('b', case when random() < {share} then {long} else {short} end)"


def _fixed(random: Random) -> Drawn:
    return random.choice(
        (
            ("int2", "(i % 1000)::int2"),
            ("int", "i"),
            ("bigint", "i"),
            ("bool", "i % 3 = 0"),
            ("float8", "random()"),
            ("timestamptz", "now() - i * interval '1 second'"),
            ("date", "current_date - i % 3000"),
            ("uuid", "gen_random_uuid()"),
            ("interval", "i * interval '1 minute'"),
            ('"char"', "'x'"),
        )
    )


def _number(random: Random) -> Drawn:
    kind = random.choice(("numeric", "price", "checked_price", "numeric(20, 6)"))
    digits = random.randrange(1, 9)
    return kind, f"round((random() * 1e{digits})::numeric, {random.randrange(3)})"


def _text(random: Random) -> Drawn:
    kind = random.choice(("text", "varchar(4000)", "code"))
    low = random.randrange(2, 60)
    value = random.choice(
        (
            _uniform(low, low + random.randrange(5, 200)),
            _skewed(random.randrange(10, 160)),
            _bimodal(low, random.randrange(130, 1200), random.choice((0.05, 0.3, 0.5))),
            "md5(i::text)",
        )
    )
    return kind, value


def _document(random: Random) -> Drawn:
    keys = random.randrange(1, 8)
    filler = _skewed(random.randrange(5, 60))
    pairs = ", ".join(f"'key_{n}', {filler if n % 2 else 'i * ' + str(n + 1)}" for n in range(keys))
    return random.choice(
        (("jsonb", f"jsonb_build_object({pairs})"), ("json", f"json_build_object({pairs})"))
    )


def _array(random: Random) -> Drawn:
    size = f"1 + (random() * {random.randrange(1, 30)})::int"
    return random.choice(
        (
            ("int[]", f"array_fill(i, array[{size}])"),
            ("text[]", f"array_fill('tag'::text, array[{size}])"),
            ("bytea", f"decode(repeat('0a', {size}), 'hex')"),
            ("inet", "'10.0.0.0'::inet + i % 65000"),
        )
    )


def _wide(random: Random) -> Drawn:
    """Does not compress: 32 bytes, some dozens of times."""
    return "text", NOISE.format(f"({random.randrange(20, 50)} + random() * 8)::int")


KINDS: tuple[tuple[Callable[[Random], Drawn], int], ...] = (
    (_fixed, 6),
    (_number, 2),
    (_text, 4),
    (_document, 1),
    (_array, 1),
)
BYTES = 6 * 1024**2
"""Of the full table, about."""


def drawn(seed: int, count: int, target: int | None = None) -> Iterator[Shape]:
    """Draw tables with a seed; one in eight has a statistics target of 1."""
    random = Random(seed)
    for number in range(count):
        width = random.choice((3, 5, 8, 14, 30, 120))
        own = target or random.choice((100, 100, 100, 100, 100, 100, 1000, 1))
        yield _shape(random, f"{number + 1}: {width} columns", width, own)


def _shape(random: Random, name: str, width: int, target: int) -> Shape:
    columns, values = ["id int"], ["i"]
    for n in range(1, width):
        kind = random.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
        if n == 1 and random.random() < 0.15:
            kind = _wide
        type_, value = kind(random)
        if random.random() < 0.3:
            value = (
                f"case when random() >= {random.choice((0.02, 0.3, 0.7, 0.97))} then {value} end"
            )
        columns.append(f"c{n} {type_}")
        values.append(value)
    after = f"alter table {{}} drop c{random.randrange(1, width)}" if random.random() < 0.15 else ""
    rows = max(4000, min(80_000, round(BYTES / (30 + 25 * width))))
    return Shape(
        name,
        tuple(columns),
        tuple(values),
        rows,
        fillfactor=random.choice((100, 100, 100, 70, 90)),
        target=target,
        after=after,
        clustered=random.random() < 0.3,
        is_refilled=random.random() < 0.3,
        is_counted=random.random() < 0.5,
    )


def drawn_indexes(seed: int, count: int) -> Iterator[Shape]:
    """Draw tables of a few columns, each with six indexes; rows come in no order."""
    random = Random(seed)
    for number in range(count):
        rows = random.randrange(40_000, 120_000)
        few, many = random.choice((20, 200, 2000)), random.choice((rows // 10, rows // 3, rows))
        text = random.choice((_uniform(5, 60), _skewed(30), _bimodal(8, 90, 0.2), "md5(i::text)"))
        nulls = random.choice((0.0, 0.1, 0.9))
        columns = (
            ("id bigint", "i"),
            ("few int", f"(random() * {few})::int"),
            ("many int", f"(random() * {many})::int"),
            ("skew int", f"(random() ^ 4 * {many})::int"),
            ("note text", text),
            ("amount price", f"round((random() * {many})::numeric, 2)"),
            ("at timestamptz", "now() - random() * interval '1000 days'"),
            ("token uuid", "gen_random_uuid()"),
            ("maybe bigint", f"case when random() >= {nulls} then (random() * {many})::int end"),
            ("city int", f"(i * 7919) % {many // 20 + 50}"),
            ("country int", f"(i * 7919) % {many // 20 + 50} / 30"),
        )
        chosen = random.sample(INDEXES, 6)
        yield Shape(
            f"{number + 1}: {few} and {many} keys",
            tuple(column for column, _ in columns),
            tuple(value for _, value in columns),
            rows,
            tuple(chosen),
            fillfactor=100,
            clustered=random.random() < 0.3,
            is_refilled=random.random() < 0.3,
            is_counted=random.random() < 0.5,
        )


INDEXES = [
    Index("primary key", "{} (id)", unique=True),
    Index("few keys", "{} (few)"),
    Index("many keys", "{} (many)"),
    Index("skewed keys", "{} (skew)"),
    Index("text", "{} (note)"),
    Index("numeric", "{} (amount)"),
    Index("time", "{} (at)"),
    Index("uuid", "{} (token)", unique=True),
    Index("nulls", "{} (maybe)"),
    Index("two columns", "{} (few, at)"),
    Index("two columns with duplicates", "{} (few, many)"),
    Index("two correlated columns", "{} (country, city)"),
    Index("expression", "{} (lower(note))"),
    Index("partial", "{} (at) where few < 5"),
    Index("partial, not null", "{} (maybe) where maybe is not null"),
    Index("included column", "{} (many) include (at)"),
    Index("fill factor 70", "{} (note) with (fillfactor = 70)"),
    Index("without deduplication", "{} (few) with (deduplicate_items = off)"),
]
