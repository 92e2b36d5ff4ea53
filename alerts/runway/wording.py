"""Words for forecasts: always a range, or that there is none yet."""

from alerts.runway.rate import Eta
from alerts.units import duration_text


def eta_text(found: Eta | None) -> str:
    """Return the range for the middle of a sentence; empty where no end is in sight."""
    if found is None:
        return ""
    if found.late is None:
        return f", at the highest pace so far in {duration_text(found.early)}"
    early, late = duration_text(found.early), duration_text(found.late)
    return f", in about {late}" if early == late else f", in {early} to {late}"
