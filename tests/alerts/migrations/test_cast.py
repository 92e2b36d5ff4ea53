"""Changes of a column's type: which of them rows may refuse."""

import pytest

from alerts.migrations.cast import cut_to, may_refuse
from alerts.migrations.statement import Statement
from monitor.migrations.parsing import tree


@pytest.mark.parametrize(
    ("source", "change", "refused"),
    [
        ("int4", "bigint", False),
        ("int8", "int", True),
        ("int4", "numeric(12,2)", False),
        ("int4", "numeric(11,2)", True),
        ("numeric(10,2)", "numeric(12,2)", False),
        ("numeric(10,2)", "numeric(10,3)", True),
        ("numeric(4,2)", "numeric(3,1)", True),
        ("numeric(4,2)", "numeric(4,1)", False),
        ("numeric", "numeric(10,2)", True),
        ("numeric", "int", True),
        ("float4", "float8", False),
        ("float8", "real", True),
        ("varchar(10)", "varchar(20)", False),
        ("varchar(20)", "varchar(10)", True),
        ("varchar(20)", "varchar(10) USING b::varchar(10)", False),
        ("text", "varchar(10)", True),
        ("varchar", "text", False),
        ("bpchar(8)", "varchar(8)", False),
        ("mood", "text USING b::text", False),
        ("text", 'app."Mood" USING b::app."Mood"', True),
        ("mood", 'app."Mood" USING b::text::app."Mood"', True),
        ("text", "int USING b::int", True),
        ("json", "jsonb USING b::jsonb", True),
        ("jsonb", "json", False),
        ("timestamp", "timestamptz", False),
        ("timestamptz", "timestamp(3)", False),
        ("timestamptz", "date", False),
        ("text", "timestamptz USING b::timestamptz", True),
        ("timestamp", "timestamptz USING b AT TIME ZONE 'UTC'", False),
        ("text", "date USING to_date(b, 'YYYYMMDD')", True),
        ("text", "text USING c::text", True),
        ("_int4", "bigint[]", False),
        ("_text", "int[] USING b::int[]", True),
        ("int4", "int[] USING ARRAY[b]", True),
        ("email", "email", False),
        (None, "bigint", True),
        ("odd(type", "bigint", True),
    ],
)
def test_which_rows_a_new_type_may_refuse(source: str | None, change: str, refused: bool) -> None:
    sql = f"ALTER TABLE a ALTER COLUMN b TYPE {change}"
    [action] = Statement(1, 1, sql, "AlterTableStmt", tree(sql)).actions
    assert may_refuse(action, source) is refused


@pytest.mark.parametrize(
    ("source", "change", "limit"),
    [
        ("text", "varchar(10) USING b::varchar(10)", 10),
        ("varchar(20)", "char(10) USING b::char(10)", 10),
        ("varchar(9)", "varchar(10) USING b::varchar(10)", None),
        ("text", "varchar(10)", None),
        ("text", "varchar(10) USING b::varchar", None),
        ("text", "text USING b::varchar(4)::varchar(3)", 3),
        ("int4", "varchar(11) USING b::varchar(11)", None),
        ("int4", "varchar(10) USING b::varchar(10)", 10),
        ("json", "varchar(10) USING b::varchar(10)", 10),
        ("text", "varchar(10) USING left(b, 10)", None),
        ("_text", "varchar(10)[] USING b::varchar(10)[]", 10),
    ],
)
def test_what_an_explicit_cast_cuts(source: str, change: str, limit: int | None) -> None:
    """Without an error, as SQL wants it."""
    sql = f"ALTER TABLE a ALTER COLUMN b TYPE {change}"
    [action] = Statement(1, 1, sql, "AlterTableStmt", tree(sql)).actions
    assert cut_to(action, source) == limit
