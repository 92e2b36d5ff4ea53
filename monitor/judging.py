"""Judges the findings of one server whenever something they read is new, or has become too old."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog

from alerts._base import Finding, Severity, State
from alerts._catalogue import all_findings
from alerts.casebook import Casebook
from alerts.memory import Memory
from alerts.mutes import Mutes
from alerts.snapshot import Snapshot
from alerts.verdict import Verdict
from collectors._base import Collector
from monitor.plan import Plan

log = structlog.get_logger("pgvigil")


@dataclass(slots=True)
class Judging:
    """The verdicts on one server, by finding."""

    plan: Plan
    casebook: Casebook
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan, memory: Memory) -> "Judging":
        return cls(plan, Casebook(memory, plan.patience))

    def judge(self, fresh: Iterable[Collector[Any]], snapshot: Snapshot, mutes: Mutes) -> bool:
        """Decide anew whatever reads one of these, at first all. Says if a state changed."""
        news, before = set(fresh), self.states()
        for name, finding in all_findings().items():
            if name not in self.verdicts or news & reads_of(finding):
                limits = self.plan.limits.get(name, finding.limits)
                self.verdicts[name] = self.casebook.decide(finding, snapshot, limits, mutes)
        self._log_defects(snapshot.node.server)
        return self.states() != before

    def states(self) -> dict[str, tuple[State, Severity | None]]:
        return {name: (v.state, v.severity) for name, v in self.verdicts.items()}

    def _log_defects(self, server: str) -> None:
        for finding, defect in self.casebook.defects:
            log.error("judge broke", server=server, finding=finding.name, exc_info=defect)
        self.casebook.defects.clear()


def reads_of(finding: Finding[Any]) -> set[Collector[Any]]:
    return {*finding.reads, *finding.consults}
