"""Registration of a review of the indexes of a table, by their layout."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from alerts._base import Finding, FindingKind, Outcome, Reach, Severity
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from collectors._base import AnyCollector, Role
from collectors.index_layout import index_layout

L = TypeVar("L", bound=BaseLimits)


def layout_review(
    title: str,
    limits: L,
    judge: Callable[[Snapshot, L], Iterator[Outcome]],
    *,
    also: tuple[AnyCollector, ...] = (),
    consults: tuple[AnyCollector, ...] = (),
    details: tuple[AnyCollector, ...] = (),
    unit: str = "bytes",
) -> Finding[L]:
    """Return a review of `index_layout`, judged where indexes can be changed.

    `also` are collectors that it reads beside it, and `details` those that tell more of an index.
    """
    return Finding(
        title=title,
        severities=(Severity.info,),
        reads=(index_layout, *also, *details),
        consults=consults,
        details=details,
        limits=limits,
        judge=judge,
        unit=unit,
        scope=Reach.database,
        on=Role.primary,
        kind=FindingKind.review,
    )
