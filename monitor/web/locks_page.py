"""Page of locks: current lock waits, recent deadlocks and deadlock risks."""

from alerts.findings.locks import lock_blocker_root
from monitor.views.overview import Overview
from monitor.web.templating import TEMPLATES


def locks_page(overview: Overview, server: str | None = None) -> str:
    return TEMPLATES.get_template("locks.html").render(
        overview=overview, server=server, blocker=lock_blocker_root.finding, now=overview.at
    )
