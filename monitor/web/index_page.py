"""Index of all findings as a page."""

from monitor.views.index import chapters, watchdogs
from monitor.views.overview import Overview
from monitor.web.templating import TEMPLATES


def index_page(overview: Overview, server: str | None = None) -> str:
    return TEMPLATES.get_template("index.html").render(
        chapters=chapters(overview),
        watchdogs=watchdogs(),
        overview=overview,
        server=server,
        now=overview.at,
    )
