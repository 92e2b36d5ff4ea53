"""Status page: a headline, then the findings, then what is unknown."""

from alerts._base import Severity
from monitor.views import wording
from monitor.views.summary import Summary, counts, is_known, needs_attention
from monitor.web.templating import SCRIPT, STYLE, TEMPLATES

__all__ = ["SCRIPT", "STYLE", "status_page"]

SHOWN = 10
"""Number of subjects shown on a card; the finding's own page shows all."""


LISTED = 200
"""Number of points to review, and of muted subjects, that are listed; more are counted."""
FEW = 12
"""Number of servers up to which those that need no attention are not folded."""


def status_page(picture: Summary, server: str | None = None) -> str:
    """Render the page of all servers, or of the one that was asked for."""
    awake = (Severity.critical, Severity.warning)
    attention = [view for view in picture.servers if needs_attention(view)]
    few = len(picture.servers) <= FEW
    return TEMPLATES.get_template("status.html").render(
        picture=picture,
        overview=picture.overview,
        now=picture.overview.at,
        headline=wording.headline(picture),
        quiet=wording.quiet_counts(picture),
        mood=mood(picture),
        sections=[(s, picture.cards_of(s)) for s in awake if picture.by_severity(s)],
        notes=picture.cards_of(Severity.info),
        servers=picture.servers if few else attention,
        well=[] if few else [view for view in picture.servers if view not in attention],
        counts=counts,
        is_known=is_known,
        server=server,
        shown=SHOWN,
        listed=LISTED,
    )


def mood(picture: Summary) -> str:
    """Return the worst severity, `unknown` or `well`: the colour of the headline."""
    worst = max((card.severity.rank for card in picture.cards), default=-1)
    if worst >= Severity.warning.rank:
        return list(Severity)[worst]
    return "unknown" if picture.unknown or picture.down else "well"
