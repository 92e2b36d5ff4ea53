"""The log of a walk that can't begin: one line for a reason, until the databases are known."""

from typing import Any

from structlog.testing import capture_logs

from monitor.clock import Clock
from monitor.polling.database_walk import DatabaseWalk
from monitor.reading import ReadFailure


class Unlisted:
    """Databases that can't be listed, each time for the next of these reasons."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = list(reasons)

    async def discover(self, standing: Any, deadline: float) -> None:
        raise ReadFailure(self.reasons.pop(0))


class NoProbe:
    async def probe_if_due(self, standing: Any) -> None:
        """Ask nothing."""


class NoRunner:
    deadline = 1.0


async def test_a_reason_is_logged_once() -> None:
    """A lock on pg_database may last for an hour, and there is a walk every few seconds."""
    reasons = ("a lock", "a lock", "no answer", "no answer", "a lock")
    databases: Any = Unlisted(*reasons)
    runner: Any = NoRunner()
    probe: Any = NoProbe()
    rest: Any = None
    walk = DatabaseWalk(
        server="db1",
        clock=Clock(),
        roaming=rest,
        databases=databases,
        privileges=rest,
        runner=runner,
        agenda=rest,
        pacing=rest,
        round_log=rest,
        upkeep=rest,
        probe=probe,
    )
    with capture_logs() as lines:
        for _ in reasons:
            await walk.walk(rest, None)
    assert [line["reason"] for line in lines] == ["a lock", "no answer", "a lock"]
