"""Status page: a headline, then the findings, then what is unknown."""

from alerts._base import Severity
from monitor.views import wording
from monitor.views.summary import Summary
from monitor.web.templating import SCRIPT, STYLE, TEMPLATES

__all__ = ["SCRIPT", "STYLE", "status_page"]

SHOWN = 10
"""Number of subjects shown on a card; the finding's own page shows all."""


def status_page(picture: Summary) -> str:
    severities = sorted(Severity, key=lambda severity: -severity.rank)
    return TEMPLATES.get_template("status.html").render(
        picture=picture,
        overview=picture.overview,
        now=picture.overview.at,
        headline=wording.headline(picture),
        quiet=wording.quiet_counts(picture),
        mood=mood(picture),
        sections=[(s, picture.cards_of(s)) for s in severities if picture.cards_of(s)],
        shown=SHOWN,
    )


def mood(picture: Summary) -> str:
    """Return the worst severity, `unknown` or `well`: the colour of the headline."""
    worst = max((card.severity.rank for card in picture.cards), default=-1)
    if worst >= Severity.warning.rank:
        return list(Severity)[worst]
    return "unknown" if picture.unknown or picture.down else "well"
