"""Plans beside what their statements did, and what keeps plans from being read."""

from collections import Counter
from collections.abc import Iterator, Mapping

from alerts._base import Unjudged
from alerts.plans.known import all_plans
from alerts.snapshot import Snapshot
from alerts.statements.load import Load, Ran
from alerts.statements.uses import Key
from collectors._base import AnyCollector
from collectors.logged_plans import logged_plans
from collectors.plans import StatementPlan, plans

PLANS: tuple[AnyCollector, ...] = (plans, logged_plans)
"""What is consulted for plans."""


def denied(snapshot: Snapshot) -> Iterator[Unjudged]:
    """Yield which plans a right would show; what can't be planned at all is said on the page."""
    if not snapshot.has(plans) and snapshot.has(logged_plans) and snapshot.rows(logged_plans):
        return
    rows = (row for row in snapshot.rows(plans) if row.is_denied)
    reasons = Counter((row.reason or "", row.datname, row.grant) for row in rows)
    for (reason, database, grant), count in reasons.items():
        yield Unjudged(reason, database, grant=grant, count=count)


def planned(
    snapshot: Snapshot, load: Load, calls: int, share: float
) -> Iterator[tuple[StatementPlan, Ran]]:
    """Yield the plans of statements that were executed that often, for that share of the time."""
    for plan in all_plans(snapshot, load):
        key = plan.userid, plan.dbid, plan.query_id
        if plan.nodes and key in load.uses:
            ran = load.ran(key, load.uses[key])
            if ran.use.calls >= calls and ran.share >= share:
                yield plan, ran


def known_plans(snapshot: Snapshot, load: Load) -> Mapping[Key, StatementPlan]:
    """Return the plans by statement."""
    return {(one.userid, one.dbid, one.query_id): one for one in all_plans(snapshot, load)}
