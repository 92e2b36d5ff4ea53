"""Certificates that expire: limits and wording."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Severity
from alerts.limits import FIXED, BaseLimits
from alerts.units import Duration, duration_text, moment_text


@dataclass(frozen=True, slots=True)
class ExpiryLimits(BaseLimits):
    warning: Annotated[Duration, FIXED] = timedelta(days=21)
    """Time before it expires; automatic renewal has replaced it by then."""
    critical: Annotated[Duration, FIXED] = timedelta(days=3)
    """Time from which it is critical."""


def severity(left: float, limits: ExpiryLimits) -> Severity | None:
    if left < limits.critical.total_seconds():
        return Severity.critical
    return Severity.warning if left < limits.warning.total_seconds() else None


def when(left: float, expires: float) -> str:
    """Return a clause: expires in 2 days (2026-…)."""
    if left <= 0:
        return f"expired {duration_text(abs(left))} ago ({moment_text(expires)})"
    return f"expires in {duration_text(left)} ({moment_text(expires)})"
