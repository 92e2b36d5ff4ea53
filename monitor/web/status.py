"""The status page: one line that says it all, then who is ill, then what is not known."""

from alerts._base import Severity
from monitor.views import wording
from monitor.views.summary import Summary
from monitor.web.templating import SCRIPT, STYLE, TEMPLATES

__all__ = ["SCRIPT", "STYLE", "status_page"]

SHOWN = 10
"""So many subjects of one card are shown; the finding's own page has them all."""


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
    """What the colour of the page's first line says again."""
    worst = max((card.severity.rank for card in picture.cards), default=-1)
    if worst >= Severity.warning.rank:
        return list(Severity)[worst]
    return "unknown" if picture.unknown or picture.down else "well"
