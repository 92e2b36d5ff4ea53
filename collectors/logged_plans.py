"""Plans in the server's log, which auto_explain has written; the daemon reads and supplies them.

They are plans of executions that were slow, so values were known to the planner. No value is kept.
"""

from dataclasses import dataclass

from collectors._base import Collector, Lane
from collectors.plans import PlanNode


@dataclass(frozen=True, slots=True)
class LoggedPlan:
    """The plan of the newest logged execution of one statement."""

    usename: str
    datname: str
    query_id: int
    at: float
    """When it was read, in unix seconds."""
    seconds: float
    """That the execution took."""
    nodes: tuple[PlanNode, ...]
    """Without schemas, unless auto_explain.log_verbose is on."""


logged_plans: Collector[LoggedPlan] = Collector(
    row=LoggedPlan,
    lane=Lane.normal,
    key=("usename", "datname", "query_id"),
)
