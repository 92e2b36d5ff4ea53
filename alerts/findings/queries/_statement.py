"""Shared parts of findings about statements: their registration, and evidence on a statement."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from alerts._base import Evidence, Finding, FindingKind, Outcome, Reach, Severity
from alerts.history.kind import AnyHistory
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.statements.history import STATEMENTS
from alerts.statements.load import Fact, Load, Ran
from alerts.statements.texts import STATEMENT_TEXTS
from collectors._base import AnyCollector, Role
from collectors.extensions import extensions
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts

HOUR = timedelta(hours=1)
CONSULTS: tuple[AnyCollector, ...] = (statement_texts, settings, extensions)
BY_TEXT: tuple[AnyCollector, ...] = (stat_statements, statement_texts)
"""What is read by those that see nothing in a statement without its text."""
MOST = 2
"""Statements that are named of those that are most of the load of a volume."""
HISTORY: tuple[AnyHistory, ...] = (STATEMENTS, STATEMENT_TEXTS)
L = TypeVar("L", bound=BaseLimits)


def statement_review(
    title: str,
    limits: L,
    judge: Callable[[Snapshot, L], Iterator[Outcome]],
    *,
    unit: str,
    severities: tuple[Severity, ...] = (Severity.info,),
    reads: tuple[AnyCollector, ...] = (stat_statements,),
    consults: tuple[AnyCollector, ...] = CONSULTS,
    history: tuple[AnyHistory, ...] = HISTORY,
    scope: Reach = Reach.database,
    on: Role | None = None,
) -> Finding[L]:
    """Return a review of statements, with what `Load` and `told` read by default."""
    return Finding(
        title=title,
        severities=severities,
        reads=reads,
        consults=tuple(one for one in consults if one not in reads),
        history=history,
        limits=limits,
        judge=judge,
        unit=unit,
        scope=scope,
        on=on,
        kind=FindingKind.review,
    )


class HeavyLimits(Protocol):
    """Limits of what one statement may read or write alone."""

    @property
    def min_bytes(self) -> int: ...
    @property
    def min_share(self) -> float: ...
    @property
    def min_calls(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Heavy:
    """A statement that is much of what all statements read or write."""

    ran: Ran
    octets: float
    share: float


def heaviest(load: Load, counter: str, limits: HeavyLimits, size: int = 1) -> Iterator[Heavy]:
    """Yield the statements that are most of what all did of one thing, which is of that size."""
    total = load.uses.total(counter)
    for ran in load.top(counter, MOST):
        count = getattr(ran.use, counter)
        is_much = count * size >= limits.min_bytes and count >= limits.min_share * total > 0
        if ran.is_query and is_much and ran.use.calls >= limits.min_calls:
            yield Heavy(ran, count * size, count / total)


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
