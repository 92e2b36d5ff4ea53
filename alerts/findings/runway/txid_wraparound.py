"""The oldest transaction ID of a database is so old that the server will soon refuse writes."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Finding, Outcome, Severity
from alerts.runway.id_space import XIDS
from alerts.runway.id_trends import ASSIGNED_XIDS, OLDEST_AGES
from alerts.runway.wraparound import AgeForecast, judge_ages
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors.databases import databases
from collectors.oldest_relations import oldest_relations
from collectors.progress_vacuum import progress_vacuum
from collectors.settings import settings
from collectors.transaction_ids import transaction_ids
from collectors.xmin_horizon import xmin_horizon


@dataclass(frozen=True, slots=True)
class Limits(AgeForecast):
    """Limits of forecasts; those of ages are autovacuum_freeze_max_age and vacuum_failsafe_age."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    yield from judge_ages(snapshot, XIDS, ASSIGNED_XIDS, limits)


finding = Finding(
    title="Transaction ID wraparound",
    severities=(Severity.warning, Severity.critical),
    reads=(databases, settings),
    consults=(transaction_ids, oldest_relations, progress_vacuum, xmin_horizon),
    history=(ASSIGNED_XIDS, OLDEST_AGES),
    limits=Limits(),
    judge=judge,
    unit="transactions",
    on=Role.primary,
    because=("xmin_horizon_held",),
)
