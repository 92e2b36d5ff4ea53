"""Page of statements: which took the time of each server, with their texts."""

from dataclasses import asdict
from typing import Any

from monitor.views.overview import Overview, ServerView
from monitor.views.statements import StatementTable, statement_table
from monitor.web.findings import dumps, iso
from monitor.web.templating import TEMPLATES

NOT_YET = StatementTable("not queried yet")


def statements_page(overview: Overview, server: str | None = None) -> str:
    return TEMPLATES.get_template("statements.html").render(
        overview=overview, server=server, table=table_of, now=overview.at
    )


def statements_json(overview: Overview) -> str:
    """Return the same as JSON."""
    servers = [{"server": view.name, **_plain(table_of(view))} for view in overview.servers]
    return dumps({"at": iso(overview.at), "servers": servers})


def table_of(view: ServerView) -> StatementTable:
    return NOT_YET if view.snapshot is None else statement_table(view.snapshot)


def _plain(table: StatementTable) -> dict[str, Any]:
    return asdict(table)
