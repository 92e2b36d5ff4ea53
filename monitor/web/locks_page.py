"""Page of locks: current lock waits, recent deadlocks and deadlock risks."""

from monitor.views.overview import Overview
from monitor.web.templating import TEMPLATES


def locks_page(overview: Overview) -> str:
    return TEMPLATES.get_template("locks.html").render(overview=overview, now=overview.at)
