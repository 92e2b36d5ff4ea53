"""Plans of auto_explain in records of the log, in its JSON format."""

import json
import re
from dataclasses import dataclass, field

from alerts.plans.nodes import nodes
from collectors.logged_plans import LoggedPlan
from monitor.server_log.records import Record, query_id_of

MOST = 100
"""Statements whose plan is kept; the one that was logged longest ago goes first."""
A_VISIT = 50
"""Plans that are read in one visit, as reading them takes time."""
# The words around the number are translated.
BEGINS = re.compile(r"[^{\n]{0,80}?([0-9]{1,12}\.[0-9]{1,6}) ms[^{\n]{0,40}\n?\s*(?=\{)")
Key = tuple[str, str, int]


@dataclass(slots=True)
class PlanTally:
    """The newest plan of each statement."""

    known: dict[Key, LoggedPlan] = field(default_factory=dict)
    left: int = A_VISIT

    def begin(self) -> None:
        """Begin a visit."""
        self.left = A_VISIT

    def add(self, record: Record, at: float) -> None:
        """Keep the plan of a record, if it has one."""
        if self.left <= 0 or record.sqlstate != "00000":
            return
        plan = plan_of(record, at)
        if plan is None:
            return
        self.left -= 1
        key = plan.usename, plan.datname, plan.query_id
        self.known.pop(key, None)
        self.known[key] = plan
        while len(self.known) > MOST:
            del self.known[next(iter(self.known))]

    def rows(self) -> tuple[LoggedPlan, ...]:
        return tuple(self.known.values())


def plan_of(record: Record, at: float) -> LoggedPlan | None:
    """Return the plan that a record has; None where it has none, or it is hostile."""
    begins = BEGINS.match(record.message)
    if not (begins and record.user and record.database and record.query_id):
        return None
    try:
        told = json.loads(record.message[begins.end() :])
        found = nodes(told["Plan"])
        query_id = _query_id(told) or record.query_id
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    seconds = float(begins[1]) / 1000
    return LoggedPlan(record.user, record.database, query_id, at, seconds, found)


def _query_id(told: dict[str, object]) -> int | None:
    """Return the id of the planned statement, where the plan has it.

    The record has that of the statement which the client sent, and this may be one in a function.
    """
    return query_id_of(told.get("Query Identifier"))
