"""Reviews as JSON: every point with its evidence."""

import json
from typing import Any

from alerts.verdicts.evidence_json import as_json as evidence_json
from monitor.reports.baseline import Compared
from monitor.views.overview import Overview
from monitor.views.points import Point, may_be_young, not_judged, points
from monitor.views.unfinished import unfinished_reviews


def as_json(overview: Overview, against: Compared | None = None) -> str:
    """Return the list with all evidence; `new` is absent without a baseline."""
    known = set(map(id, against.known)) if against else set()
    found = points(overview) if against is None else [*against.new, *against.known]
    plain: dict[str, Any] = {
        "at": overview.at,
        "unreachable": {view.name: view.unreachable for view in overview.servers if not view.up},
        "unfinished": [view.name for view in unfinished_reviews(overview)],
        "points": [
            _plain(point) | ({} if against is None else {"new": id(point) not in known})
            for point in found
        ],
        "may_be_young": [
            {"server": view.name, "finding": verdict.finding.name, **evidence_json(evidence)}
            for view, verdict, _, evidence in may_be_young(overview)
        ],
        "not_judged": [
            {"server": view.name, "finding": verdict.finding.name, "reasons": [*reasons]}
            for view, verdict in not_judged(overview)
            if (reasons := verdict.unjudged_by_reason())
        ],
    }
    if against is not None:
        plain["gone"] = [
            {
                "finding": one.finding,
                "subject": one.subject,
                "server": one.server,
                "database": one.database,
            }
            for one in against.gone
        ]
        plain["no_longer_judged"] = list(against.blind)
    return json.dumps(plain, indent=2) + "\n"


def _plain(point: Point) -> dict[str, Any]:
    return {
        "server": point.server,
        "finding": point.finding.name,
        "chapter": point.finding.chapter,
        "title": point.finding.title,
        "gain": point.gain.value,
        "effort": point.effort.value,
        "since": point.since,
        **evidence_json(point.evidence),
    }
