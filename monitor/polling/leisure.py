"""Leisure: what of the fast lane may be asked at the pace of the normal one for now.

Each question of each second costs the server and us as much as many others. The position of a
server that nothing follows need not be known to the second.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from alerts.snapshot import Snapshot
from collectors._base import AnyCollector, Lane
from collectors._catalogue import of_server
from monitor.polling.answers import Answers
from monitor.polling.pacing import Pacing


@dataclass(slots=True)
class Leisure:
    """Leisure of one server."""

    answers: Answers
    pacing: Pacing
    peers: Callable[[], Sequence[Snapshot]]

    def take(self) -> None:
        """Tell the pacing what the newest answers allow."""
        newest = self.answers.newest
        spared = [c for c in of_server(Lane.fast) if c.haste and c.haste.is_shut(newest)]
        found = frozenset[AnyCollector](spared if spared and not self.peers() else ())
        self.pacing.asks_at_leisure(found)
