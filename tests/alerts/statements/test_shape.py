"""Shapes of statements: what is certain is right, and what is not is left out."""

import postgast
import pytest

from alerts.statements.conditions import Wrapped
from alerts.statements.shape import StatementShape, shape_of


def shape(text: str) -> StatementShape:
    found = shape_of(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("select * from orders", ["orders"]),
        ('SELECT * FROM shop."Or""ders" AS o WHERE o.id = $1', ['shop.Or"ders']),
        ("select a from only t where b", ["t"]),
        ("select * from a, b x, s.c where a.x = b.x", ["a", "b", "s.c"]),
        (
            "select * from a join b on a.x = b.x left join c using (y) where a.z = $1",
            ["a", "b", "c"],
        ),
        ("select * from a join b on left(a.x, 2) = b.y order by 1", ["a", "b"]),
        ("select extract(year from a.at), a.b is distinct from c from a", ["a"]),
        ("select trim(both from a) from t limit $1 offset $2", ["t"]),
        ("update t set a = $1 where b = $2", ["t"]),
        ("update only s.t as x set a = $1", ["s.t"]),
        ("delete from t using u where t.a = u.a", ["t"]),
        ("select * from t for update", ["t"]),
        ("select /* a, b */ count(*) from t -- , x", ["t"]),
    ],
)
def test_tables(text: str, tables: list[str]) -> None:
    assert [".".join(filter(None, table)) for table in shape(text).tables] == tables


@pytest.mark.parametrize(
    ("text", "aliases", "is_alone"),
    [
        ("select * from t where a = $1", ("t",), True),
        ('select * from s.t as "X" where a = $1', ("X",), True),
        ("select * from a * x, only b y join c on true", ("x", "y", "c"), False),
        ("select * from t for update", ("t",), True),
        ("update t x set a = b is distinct from $1 where c", ("x",), True),
        ("update t as x set a = extract(year from b)", ("x",), True),
        ("update t set a = u.b from u where t.c = u.c", ("t",), False),
        ("delete from t where a = $1", ("t",), True),
        ("delete from t x using u where x.a = u.a", ("x",), False),
    ],
)
def test_aliases(text: str, aliases: tuple[str, ...], is_alone: bool) -> None:
    assert (shape(text).aliases, shape(text).is_alone) == (aliases, is_alone)


def test_the_table_before_a_column() -> None:
    found = shape("select * from a.t, b.t, c.t as x")
    assert found.table_of("x") == ("c", "t")
    assert found.table_of("t") is None  # it may be either of them
    assert found.table_of("y") is None


@pytest.mark.parametrize(
    "text",
    [
        "with x as (select 1) select * from x",
        "select * from (select * from t) x",
        "select * from t where a in (select b from u)",
        "select 1 from a union select 2 from b",
        "select * from f($1)",
        "select * from s.f($1) x",
        "select * from t tablesample system (1)",
        "select * from t where a = 'cut of",
        "select * from t where a = e'\\'",
        "select 1",
        "insert into t values ($1)",
        "copy t to stdout",
        "create table t ()",
        "",
    ],
)
def test_what_is_not_plain_has_none(text: str) -> None:
    assert shape_of(text) is None


def test_filters() -> None:
    found = shape('select * from t x where x.a = $1 and b >= $2 and "C" = $3 and d = x.e limit $4')
    assert (found.is_filtered, found.equal, found.has_offset) == (True, ("a", "C"), False)
    assert shape("select * from t where a = $1 or b = $2").equal == ()
    assert shape("select * from t where (b = $2 or c = $3) and not d = $4 and a = $1").equal == (
        "a",
    )
    assert shape("select * from t where (a = $1 and (b is not null))").equal == ("a",)
    assert shape("select * from t where a = $1 and b = $2 or c = $3 and d = $4").equal == ()
    assert shape("select * from t where case when a then b and c = $1 else d end").equal == ()
    assert shape("select * from t where a + b = $1").equal == ()
    assert shape("select * from t where a::double precision = $1 and b = $2").equal == ("b",)
    assert shape("select * from t where a = $1::timestamp with time zone").equal == ("a",)
    assert shape("select * from t order by a fetch first $1 rows with ties").tables
    assert shape("select * from t where a = $1 + b").equal == ()
    assert not shape("select a from t order by a offset $1").is_filtered
    assert shape("select a from t order by a offset $1").has_offset
    assert not shape('select a, "offset" from t order by f(offset_)').has_offset


@pytest.mark.parametrize(
    ("condition", "wrapped"),
    [
        ("lower(email) = $1", Wrapped("lower", "email", False, True)),
        ("lower(t.email) like $1", Wrapped("lower", "email", False, True, True, "t")),
        (
            'upper("T"."Mail"::text) = upper($1)',
            Wrapped("upper", "Mail", False, True, qualifier="T"),
        ),
        ("lower(trim(email)) = $1", Wrapped("lower", "email", False, False)),
        ("$1 = pg_catalog.lower(email)", Wrapped("lower", "email", False, True)),
        ("lower(email) not in ($1, $2) and date(at) < $3", Wrapped("date", "at", False, True)),
        ("c is not null and date(at) between $1 and $2", Wrapped("date", "at", False, True)),
        ("((d is null or d > $1) and date(at) = $2)", Wrapped("date", "at", False, True)),
        ("cast(t.at as date) = $1", Wrapped("date", "at", True, True, qualifier="t")),
        ("(at at time zone $1)::date >= $2", Wrapped("date", "at", True, True)),
        ("date_trunc($1, at at time zone $2) = $3", Wrapped("date_trunc", "at", False, False)),
        ("substring(code from $1 for $2) = $3", Wrapped("substring", "code", False, False)),
        ("a::text = $1", Wrapped("text", "a", True, True)),
        ('t."A"::text = $1', Wrapped("text", "A", True, True, qualifier="t")),
        ('upper("Name") in ($1, $2)', Wrapped("upper", "Name", False, True)),
        ("date_trunc($1, created_at) = $2", Wrapped("date_trunc", "created_at", False, False)),
        ("extract(year from t.at) = $1", Wrapped("extract", "at", False, False, False, "t")),
        ("created_at::date = $1", Wrapped("date", "created_at", True, True)),
        ("coalesce(a, $1) > $2", Wrapped("coalesce", "a", False, False)),
        ("a::double precision = $1", Wrapped("float8", "a", True, True)),
        ("abs(a::double precision) > $1", Wrapped("abs", "a", False, False)),
        ("(t.a)::pg_catalog.int8 = $1", Wrapped("int8", "a", True, True, qualifier="t")),
        ("at::timestamp with time zone >= $1", Wrapped("timestamptz", "at", True, True)),
        ("at::time(0) without time zone in ($1)", Wrapped("time", "at", True, True)),
        (
            "a::character varying(9) like $1 and b::numeric(5, 2) = $2",
            Wrapped("numeric", "b", True, True),
        ),
        ("cast(a as double precision) = $1", Wrapped("float8", "a", True, True)),
    ],
)
def test_columns_inside_of_functions(condition: str, wrapped: Wrapped) -> None:
    assert shape(f"select * from t where b = $9 and {condition} order by 1").wrapped == (wrapped,)


def test_conditions_may_be_deep() -> None:
    for text in ("(" * 5000 + "a = $1" + ")" * 5000, "f(" * 5000 + "a" + ")" * 5000 + " = $1"):
        assert shape(f"select * from t where {text}").equal == ()


@pytest.mark.parametrize(
    "condition",
    [
        "a = lower($1)",
        "a in ($1, $2)",
        "(a = $1)",
        "a = any ($1)",
        "f(a, b) = $1",
        "f(g(a), b) = $1",
        "a::text like $1",
        "lower(a) <> $1",
        "not (lower(a) = $1)",
        "(lower(a) = $1 or b = $2)",
        "case when c and lower(a) = $1 then d end",
        "f(now()) = $1",
        "a = $1::date",
        "now() > a",
        "lower(a) = $1 or b = $2",
    ],
)
def test_what_an_index_can_serve(condition: str) -> None:
    assert shape(f"select * from t where {condition}").wrapped == ()


def test_the_tables_are_those_of_the_parser() -> None:
    """PostgreSQL's own parser names the same."""
    for text in (
        "select a.x, b.y from a join s.b on a.i = b.i cross join c where a.x = 1 group by 1, 2",
        "select * from a natural join b, c left outer join d on true where d.x is null",
        "update t set a = b.c where t.id = 5",
        'select "t".* from "T" "t" where "t"."X" = 1 fetch first 3 rows only',
    ):
        parsed = {name.replace('"', "") for name in postgast.extract_tables(postgast.parse(text))}
        named = [".".join(filter(None, table)) for table in shape(text).tables]
        assert set(named) == parsed
