"""The page of locks: who waits for whom now, the last deadlocks, and those in the making."""

from monitor.views.overview import Overview
from monitor.web.templating import TEMPLATES


def locks_page(overview: Overview) -> str:
    return TEMPLATES.get_template("locks.html").render(overview=overview, now=overview.at)
