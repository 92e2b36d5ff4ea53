"""What failed is told without the values that PostgreSQL quotes in its messages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors._catalogue import all_collectors
from collectors.statement_texts import statement_texts
from monitor.clock import Clock
from monitor.own_checks.enrolment import enrol
from monitor.polling.reader import Place, Reader, told
from monitor.postgres.errors import QueryFailure
from monitor.postgres.session import Session
from tests.fixtures.one_look import watching
from tests.fixtures.postgres import Database

CHECK = "/*\nmessage: a\n*/\nselect 'a' as subject, {value} as value"
VALUES = {
    "no_number": "pg_catalog.concat('hun', 'ter2')",
    "too_large": "pg_catalog.repeat('4111', 100)",
}


@pytest.fixture
def enrolled(tmp_path: Path) -> Iterator[None]:
    for name, value in VALUES.items():
        (tmp_path / f"{name}.sql").write_text(CHECK.format(value=value), encoding="utf-8")
    enrol(tmp_path)
    yield
    enrol(None)


@pytest.mark.versions(14, 18)
@pytest.mark.parametrize("name", VALUES)
async def test_a_value_that_a_check_reads_is_not_quoted(
    database: Database, enrolled: None, name: str
) -> None:
    """Neither in the log nor on a page: it may be anything of the application's."""
    check = all_collectors()[f"check_{name}"]
    async with watching(dsn=database.monitor_dsn) as connection:
        session = await Session.of(connection, 10)
        with pytest.raises(QueryFailure) as failed:
            await Reader(Clock()).read(check, Place(session), 10)
    assert failed.value.message.startswith("a value that it reads does not fit (SQLSTATE 22")


def test_other_failures_are_told_as_they_are() -> None:
    """Only those of other encodings get words of ours: PostgreSQL's show some bytes."""
    refused = QueryFailure("permission denied for table x", sqlstate="42501")
    assert told(refused, statement_texts) == refused.message
    foreign = QueryFailure('invalid byte sequence for encoding "UTF8": 0xe9', sqlstate="22021")
    assert "of another database" in told(foreign, statement_texts)
