"""Rights that are missing, and what is blind without them."""

from collectors._capabilities import COLUMN_STATISTICS, EXTENDED_STATISTICS
from collectors.capabilities import Granted
from monitor.polling.capability_report import capability_rows
from monitor.postgres.privileges import Privileges


def missing() -> dict[str, Granted]:
    """What is told where neither right is there."""
    rights = dict.fromkeys((COLUMN_STATISTICS, EXTENDED_STATISTICS), False)
    rows = capability_rows(Privileges("pgvigil", {}), {"shop": Privileges("pgvigil", rights)}, None)
    return {row.capability: row for row in rows}


def test_a_missing_right_blinds_its_readers() -> None:
    row = missing()["column_statistics"]
    assert not row.granted
    assert "table_bloat" in (*row.blinded, *row.partly_blinded)


def test_an_optional_right_blinds_nothing() -> None:
    """So an update of pgvigil raises no alert on servers that were set up before it."""
    row = missing()["extended_statistics"]
    assert not row.granted
    assert (row.blinded, row.partly_blinded) == ((), ())
    assert row.collectors == ("functional_dependencies",)
