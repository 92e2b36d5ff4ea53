"""One alerting rule, as Prometheus reads it."""

from dataclasses import dataclass
from datetime import timedelta

from alerts._base import Severity
from alerts.units import limit_text

NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Rule:
    """Texts are Go templates: they can say `$labels`, `$value` and ask Prometheus."""

    alert: str
    expr: str
    severity: Severity | None
    """None where each series has its own."""
    summary: str
    description: str
    cure: str
    """What to do now, in one line."""
    runbook: str
    """The name of its page."""
    hold: timedelta = NONE

    def content(self, runbook_base: str) -> dict[str, object]:
        """The entry of a rule file."""
        return {
            "alert": self.alert,
            "expr": self.expr,
            **({"for": limit_text(self.hold)} if self.hold else {}),
            **({"labels": {"severity": str(self.severity)}} if self.severity else {}),
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "cure": self.cure,
                "runbook_url": f"{runbook_base.rstrip('/')}/{self.runbook}",
            },
        }


def alert_name(name: str) -> str:
    """PgvigilIdleInTransaction, of idle_in_transaction."""
    return "Pgvigil" + "".join(word.capitalize() for word in name.split("_"))
