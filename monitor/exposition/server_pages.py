"""Pages of one server in the metric store, for as long as that server is watched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from collectors._base import AnyCollector
from monitor.exposition.store import Store
from monitor.polling.sink import Served


@dataclass(slots=True)
class ServerPages:
    """Pages of one monitor in the store.

    A round may end, and a long answer may still be rendered, after a reload has removed the
    server or started another monitor of the same name: its pages are closed then.
    """

    store: Store
    server: str
    bounds: Mapping[str, int]
    """By collector, how many of its rows may have series of their own."""
    is_open: bool = True

    def put(
        self,
        collector: AnyCollector,
        database: str | None,
        rows: Sequence[Any],
        whole: bool = True,
    ) -> Served:
        """Replace the metrics of a collector, unless the pages are closed."""
        return self.store.put(
            self.server, collector, database, rows, self.bounds, whole, lambda: self.is_open
        )

    def drop(self, collector: AnyCollector | None = None, database: str | None = None) -> None:
        """Remove the metrics of a collector, or of one of its databases."""
        if self.is_open:
            self.store.drop(self.server, collector, database)

    def close(self) -> None:
        """Remove all metrics, and let nothing come back."""
        self.is_open = False  # first, because a renderer in another thread asks under the lock
        self.store.drop(self.server)
