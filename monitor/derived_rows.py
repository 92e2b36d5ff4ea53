"""Derived rows: what a snapshot of one server tells beyond its own rows, published as facts."""

from collections.abc import Set
from dataclasses import dataclass

from alerts.replication.measure import lag_of
from alerts.snapshot import Snapshot
from alerts.statements.labels import labels
from collectors._base import AnyCollector
from collectors.standby_lag import standby_lag
from collectors.stat_statements import stat_statements
from collectors.statement_labels import statement_labels
from collectors.wal_position import wal_position
from monitor.config.watch_plan import WatchPlan
from monitor.sources.outlet import Outlet

REPORT = 5.0
"""Seconds between two reports of an unchanged lag."""


@dataclass(frozen=True, slots=True)
class DerivedRows:
    """Derives what reads something fresh."""

    plan: WatchPlan
    outlet: Outlet

    def derive(self, fresh: Set[AnyCollector], snapshot: Snapshot) -> None:
        if wal_position in fresh:
            self._lag(snapshot)
        if self.plan.statement_texts and stat_statements in fresh:
            self._labels(snapshot)

    def _lag(self, snapshot: Snapshot) -> None:
        """What has changed is reported at once, the same again only when it is due."""
        lag, known = lag_of(snapshot), self.outlet.answers.newest.get(standby_lag)
        is_news = known is None or known.rows[0] != lag or snapshot.at - known.at >= REPORT
        if lag and is_news:
            self.outlet.derive(standby_lag, (lag,))

    def _labels(self, snapshot: Snapshot) -> None:
        """Put the texts of the statements with series into the metrics."""
        if snapshot.has(stat_statements):
            most = self.plan.bounds.get(stat_statements.name)
            self.outlet.derive(statement_labels, tuple(labels(snapshot, most)))
