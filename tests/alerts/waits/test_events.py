"""The table of wait events: its names exist, and each says what to do."""

import re

import pytest

from alerts.waits.doing import NO_WAIT
from alerts.waits.events import OF_TYPE, TABLE, Trouble, meaning
from tests.fixtures.postgres import Database

NAMED = [(row.type, name) for row in TABLE for name in row.names]
OF_EXTENSIONS = {"pg_stat_statements"}
SINCE = {
    "PgStatsData": 15,
    "PgStatsHash": 15,
    "PgStatsDSA": 15,
    "VacuumTruncate": 15,
    "SpinDelay": 16,
    "applytransaction": 16,
    "MultixactCreation": 17,
    "WALSummarizer": 17,
    "AioIoCompletion": 18,
    "AioIoUringExecution": 18,
    "AioIoUringSubmit": 18,
}
"""Names that the versions before these do not have."""


def test_no_event_has_two_rows() -> None:
    lowered = [(kind, name.lower()) for kind, name in NAMED]
    assert len(set(lowered)) == len(lowered)


@pytest.mark.parametrize("event", [("LWLock", "Something"), ("Custom", "x")], ids=str)
def test_what_has_no_row_is_explained_by_its_type(event: tuple[str, str]) -> None:
    """Extensions name wait events of their own."""
    known = meaning(event)
    assert known.means
    assert "manual" in known.advice


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.names[0])
def test_each_row_is_a_sentence(row) -> None:  # type: ignore[no-untyped-def]
    """`sessions` + what they do, and what to do against it."""
    assert re.fullmatch(r"[a-z][^.]+", row.means)
    assert re.fullmatch(r"[A-Zp].+\.", row.advice, re.DOTALL)


def test_case_changed_in_17() -> None:
    assert meaning(("IO", "WALSync")) is meaning(("IO", "WalSync"))
    assert meaning(NO_WAIT).trouble is Trouble.none


async def test_names_are_those_of_the_server(database: Database) -> None:
    """As pg_wait_events has them; before 17 they are only in the program itself."""
    version = int(await database.fetchval("show server_version_num")) // 10000
    named = [(kind, name) for kind, name in NAMED if (kind, name) != NO_WAIT]
    named = [(k, n) for k, n in named if n not in OF_EXTENSIONS and SINCE.get(n, 14) <= version]
    if version < 17:
        program = database.server.binaries.program("postgres").read_bytes().lower()
        assert [name for _, name in named if name.lower().encode() + b"\0" not in program] == []
        return
    rows = await database.fetch("select type, lower(name) as name from pg_wait_events")
    known = {(row["type"], row["name"]) for row in rows}
    assert [one for one in named if (one[0], one[1].lower()) not in known] == []
    assert {kind for kind, _ in known} - {"Activity"} <= OF_TYPE.keys()
