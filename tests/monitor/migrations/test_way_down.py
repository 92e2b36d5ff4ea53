"""Way down: what frameworks run only to undo a migration."""

import pytest

from monitor.migrations.way_down import runs_as_one, without_way_down

GOOSE = "-- +goose Up\nALTER 1;\n-- +goose Down\nDROP 1;\nDROP 2;\n"


@pytest.mark.parametrize(
    ("script", "kept", "line"),
    [
        (GOOSE, "-- +goose Up\nALTER 1;\n\n\n\n", 3),
        (
            GOOSE + "-- +goose Up\nALTER 2;",
            "-- +goose Up\nALTER 1;\n\n\n\n-- +goose Up\nALTER 2;",
            3,
        ),
        ("-- migrate:up\nA;\n  -- Migrate:Down\nB;", "-- migrate:up\nA;\n\n", 3),
        ("-- +migrate Up\nA;\n-- +migrate Down notransaction\nB;", "-- +migrate Up\nA;\n\n", 3),
        ("A;\n-- migrate:down\nB;", "A;\n-- migrate:down\nB;", None),
        ("A; -- +goose Down", "A; -- +goose Down", None),
    ],
)
def test_what_is_left_out(script: str, kept: str, line: int | None) -> None:
    """Lines keep their numbers; without a way up such a comment means nothing."""
    assert without_way_down(script) == (kept, line)


@pytest.mark.parametrize(
    ("script", "tool"),
    [
        (GOOSE, "goose"),
        ("-- +goose NO TRANSACTION\n" + GOOSE, None),
        ("-- +migrate Up\nA;", "sql-migrate"),
        ("-- +migrate Up notransaction\nA;", None),
        ("-- migrate:up\nA;\n-- migrate:down transaction:false\nB;", "dbmate"),
        ("-- migrate:up  transaction:false\nA;", None),
        ("A;", None),
    ],
)
def test_files_that_are_one_transaction(script: str, tool: str | None) -> None:
    """Unless they say otherwise."""
    assert runs_as_one(script) == tool
