"""The oldest multixact ID of a database is so old that row locks will soon be refused."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Finding, Outcome, Severity
from alerts.limits import BaseLimits
from alerts.runway.id_space import MXIDS
from alerts.runway.wraparound import judge_ages
from alerts.snapshot import Snapshot
from alerts.vacuum.horizon import CONSULTS
from collectors._base import Role
from collectors.databases import databases
from collectors.oldest_relations import oldest_relations
from collectors.progress_vacuum import progress_vacuum
from collectors.settings import settings
from collectors.xmin_horizon import xmin_horizon


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: the limits are autovacuum_multixact_freeze_max_age and
    vacuum_multixact_failsafe_age."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    yield from judge_ages(snapshot, MXIDS)


finding = Finding(
    title="Multixact ID wraparound",
    severities=(Severity.warning, Severity.critical),
    reads=(databases, settings),
    consults=(oldest_relations, progress_vacuum, xmin_horizon, *CONSULTS),
    limits=Limits(),
    judge=judge,
    unit="multixacts",
    on=Role.primary,
)
