"""pgvigil runway: every wall in one table, and which one more writes reach first."""

import json
from pathlib import Path

import pytest

from alerts.history.samples import DAY
from alerts.runway.rate import Eta, Rate
from alerts.runway.walls import Wall, first_of
from monitor.cli import main
from tests.fixtures.postgres import Database

XIDS = Wall("transaction IDs", 1e9, 2e9, Rate(100, 100, 200, 30 * DAY))
SLOTS = Wall("connection slots", 50, 100, Rate(1e-5, 1e-5, 1e-5, 30 * DAY), by_writes=False)


def test_more_writes_reach_another_wall_first() -> None:
    """Connections don't grow with writes."""
    both = [XIDS, SLOTS]
    assert first_of(both, 1) == (XIDS, Eta(5e6, 1e7))
    assert first_of(both, 10) == (XIDS, Eta(5e5, 1e6))
    fuller = Wall("connection slots", 99, 100, SLOTS.rate, by_writes=False)
    assert first_of([XIDS, fuller], 1) == (fuller, fuller.eta(10))


def test_nothing_in_sight_is_said() -> None:
    assert first_of([Wall("a", 1, 2, None), Wall("b", 1, 1e12, XIDS.rate)], 10) is None


@pytest.mark.versions(18)
def test_the_table_of_a_server(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shares are known at once; paces need the daemon's state file."""
    assert main(["runway", database.monitor_dsn]) == 0
    shown = capsys.readouterr().out
    assert "with 10× writes" in shown
    assert "connection slots" in shown
    assert "transaction IDs, if " in shown
    assert "come from a state file" in shown
    assert main(["runway", database.monitor_dsn, "--format", "json", "--writes", "3"]) == 0
    [server] = json.loads(capsys.readouterr().out)
    assert server["writes"] == 3
    assert {"connection slots"} <= {wall["name"] for wall in server["walls"]}
    assert main(["runway", "postgresql://nobody@127.0.0.1:1/x"]) == 2
    assert "does not answer: Connection refused" in capsys.readouterr().out
