"""What an UPDATE or DELETE changes, as far as its tokens tell."""

import pytest

from alerts.statements.changes import TableChange, change_of, changes, is_in_schema, tables_by_name
from alerts.statements.shape import TableName
from alerts.statements.texts import KnownText, StatementTexts
from collectors.user_tables import UserTable
from tests.fixtures.lock_rows import filled


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("delete from t where created_at < $1", "created_at"),
        ("DELETE FROM ONLY t AS x WHERE x.created_at <= $1 AND kept = $2", "created_at"),
        ('delete from t where "Logged" < now() - interval $1', "Logged"),
        ("delete from t where seen < $1::timestamptz", "seen"),
        (
            "delete from t where ctid in (select ctid from t where day < current_date limit $1)",
            "day",
        ),
        ("delete from t where id < $1", None),
        ("delete from t where id < $1 and at = now()", None),
        ("delete from t where created_at > $1", None),
        ("delete from t where created_at <> $1", None),
        ("delete from t where created_at = $1", None),
        ("delete from t", None),
        ("delete from t where $1 < created_at", None),
    ],
)
def test_deletes(text: str, before: str | None) -> None:
    assert change_of(text) == TableChange("delete", TableName(None, "t"), before)


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("update t set v = $1 where id between $2 and $3", TableName(None, "t")),
        ('update only "S;".t set v = $1', TableName("S;", "t")),
        ('UPDATE public."T" x SET v = 1', TableName("public", "T")),
        ("/* job */ update T set v = $1", TableName(None, "t")),
    ],
)
def test_updates(text: str, table: TableName) -> None:
    assert change_of(text) == TableChange("update", table, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "select 1",
        "delete t",
        "update",
        "delete from",
        "update public.",
        "update $1 set v = 1",
        "insert into t values (1)",
        "update t set v = 'not closed",
    ],
)
def test_what_can_not_be_told(text: str) -> None:
    assert change_of(text) is None


def test_only_statements_of_that_kind_whose_text_is_whole() -> None:
    def known(text: str, is_cut: bool = False) -> KnownText:
        return KnownText(text, is_cut, text)

    texts = StatementTexts(
        {
            1: known(" Update t set v = 1"),
            2: known("update t set v = 1", is_cut=True),
            3: known("delete from t"),
            4: known("update"),
        }
    )
    assert set(changes(texts, "update")) == {1}
    assert set(changes(texts, "delete")) == {3}


def test_a_name_that_several_schemas_have_is_none() -> None:
    def table(schema: str, name: str, datname: str = "shop") -> UserTable:
        row: UserTable = filled(UserTable, datname=datname, schemaname=schema, relname=name)
        return row

    one = table("public", "t")
    found = tables_by_name([one, table("a", "u"), table("b", "u"), table("c", "t", "other")])
    assert found["shop", "t"] == one
    assert found["shop", "u"] is None
    for schema, expected in ((None, True), ("public", True), ("a", False)):
        assert is_in_schema(TableChange("update", TableName(schema, "t"), None), one) is expected
