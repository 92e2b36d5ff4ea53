"""Memory for migrate-check, as JSON: hours of the week, index builds, volumes."""

from typing import Any

from alerts.migrations.week_facts import as_json, week_facts
from monitor.views.overview import Overview, ServerView
from monitor.web.findings import iso


def migrations_json(overview: Overview, database: str | None) -> dict[str, Any]:
    """Return it of each server; of one database, or of all that are watched."""
    return {
        "at": iso(overview.at),
        "servers": [_server(view, database) for view in overview.servers],
    }


def _server(view: ServerView, database: str | None) -> dict[str, Any]:
    role = view.node.role
    told: dict[str, Any] = {
        "server": view.name,
        "system_identifier": view.node.system_identifier,
        "role": role.value if role else None,
    }
    if view.snapshot is None:
        return told
    if database is not None:
        return told | {"database": database, "facts": as_json(week_facts(view.snapshot, database))}
    return told | {
        "databases": {name: as_json(week_facts(view.snapshot, name)) for name in view.databases}
    }
