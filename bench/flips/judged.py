"""Judged: the daemon's own history and judge of query_regression, and what they have told."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts._base import Evidence
from alerts.findings.queries.query_regression import COSTS, Limits, finding
from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.mutes import Mutes
from alerts.verdicts.tracker import Timing, VerdictTracker
from collectors._base import Answer, AnyCollector, Role
from collectors.index_layout import index_layout
from collectors.role_settings import role_settings
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables

ASKED: tuple[AnyCollector, ...] = (
    settings,
    role_settings,
    user_tables,
    user_indexes,
    index_layout,
    stat_statements,
    statement_texts,
)
WINDOW = 120.0
"""Seconds of the quickened clock between two looks."""
DAY = 86_400.0


@dataclass
class Judged:
    """One server, as the daemon sees it."""

    version: int
    """Such as 180000."""
    limits: Limits
    system: str = "bench"
    told: Counter[int] = field(default_factory=Counter)
    """By query id, how often it became ill."""
    ill: dict[int, Evidence] = field(default_factory=dict)
    recorder: Recorder = field(default_factory=lambda: Recorder(wants=finding.history))
    tracker: VerdictTracker = field(default_factory=lambda: VerdictTracker(timing=Timing()))

    def learn(self, collector: AnyCollector, answer: Answer[Any]) -> None:
        self.recorder.record(collector, answer)
        self.recorder.catch_up()

    def judge(self, answers: Mapping[AnyCollector, Any], at: float) -> Snapshot:
        """Judge what was learned, and return what was judged."""
        node = ServerIdentity("bench", Role.primary, self.version, self.system, self.system)
        snapshot = Snapshot(node, at, answers, histories=self.recorder.views(at))
        verdict = self.tracker.decide(finding, snapshot, self.limits, Mutes())
        for _, defect in (*self.tracker.defects, *self.recorder.defects):
            raise defect
        now = {int(str(s.evidence.facts["query_id"])): s.evidence for s in verdict.subjects}
        self.told.update(now.keys() - self.ill.keys())
        self.ill = now
        return snapshot


def since(snapshot: Snapshot, query_id: int) -> float:
    """Return when a statement that is told of became dearer."""
    changes = snapshot.of(COSTS).changes
    found = (change.since for key, change in changes.items() if key[2] == query_id)
    return min(found, default=snapshot.at)
