"""The parser of PostgreSQL, which lives in another process because a statement can crash it."""

from alerts.migrations.statement import Name, Statement
from monitor.migrations.parsing import parsed
from monitor.migrations.script import pieces


def of(script: str) -> list[Statement]:
    return parsed(list(pieces(script)))


def test_what_crashes_the_parser_is_not_known_and_the_rest_is() -> None:
    first, deep, last = of(f"select 1; select {'+'.join(['1'] * 100_000)}; drop table s.t")
    assert first.node == "SelectStmt"
    assert deep.unread == "the parser gave up on it"
    assert (last.node, last.tables) == ("DropStmt", (Name("s", "t"),))


def test_what_is_no_sql_has_a_reason() -> None:
    shell, included, unknown, wrong, variable = of(
        "\\! id\n\\i x.sql\n\\bogus\n\\timing\nalter t;\nselect :x;"
    )
    assert "never run here" in str(shell.unread)
    assert "another file" in str(included.unread)
    assert "\\bogus" in str(unknown.unread)
    assert "syntax error" in str(wrong.unread)
    assert "syntax error" in str(variable.unread)


def test_binary_garbage_and_long_rows() -> None:
    garbage = bytes(range(256)).decode("latin-1").replace("\0", "\ufffd")
    assert all(one.unread or one.node for one in of(garbage))
    [long] = of(f"insert into t values ('{'x' * 300_000}')")
    assert "not parsed" in str(long.unread)


def test_what_must_run_outside_a_transaction() -> None:
    alone = """create index concurrently i on t (a); drop index concurrently i;
        reindex (concurrently) table t; reindex index concurrently i; reindex schema s; vacuum t;
        alter table p detach partition q concurrently; create database d; cluster"""
    assert all(one.is_alone for one in of(alone))
    inside = "create index i on t (a); drop index i; reindex table t; analyze t; cluster t using i"
    assert not any(one.is_alone for one in of(inside))
