"""What findings about statements share: what they read, and the evidence about a statement."""

from collections.abc import Mapping
from datetime import timedelta

from alerts._base import Evidence, Severity
from alerts.history.kind import AnyHistory
from alerts.statements.history import STATEMENTS
from alerts.statements.load import Fact, Load, Ran
from alerts.statements.texts import STATEMENT_TEXTS
from collectors._base import AnyCollector
from collectors.extensions import extensions
from collectors.settings import settings
from collectors.statement_texts import statement_texts

HOUR = timedelta(hours=1)
CONSULTS: tuple[AnyCollector, ...] = (statement_texts, settings, extensions)
HISTORY: tuple[AnyHistory, ...] = (STATEMENTS, STATEMENT_TEXTS)


def told(
    load: Load,
    ran: Ran,
    value: float,
    message: str,
    facts: Mapping[str, Fact],
    cure: tuple[str, ...],
    severity: Severity = Severity.info,
) -> Evidence:
    """Return the evidence about one statement."""
    return Evidence(
        subject=ran.subject,
        severity=severity,
        value=value,
        message=message,
        facts={**ran.facts(), **facts},
        cure=cure,
        check=load.check(ran),
        key=ran.identity,
        database=ran.database,
    )
