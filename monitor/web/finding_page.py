"""Page of one finding: its limits, its state on all servers, and its runbook."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alerts._base import AnyFinding
from alerts._catalogue import all_findings
from alerts.prometheus.runbooks import Runbook, runbook
from alerts.verdicts.causes import Folded
from monitor.views.overview import Overview
from monitor.views.summary import Card
from monitor.web.findings import finding_as_plain
from monitor.web.templating import TEMPLATES

if TYPE_CHECKING:
    from monitor.config.reference import SettingReference


SHOWN = 200
"""Number of subjects shown, of all servers together,"""
AT_LEAST = 3
"""but of each server these; JSON has all."""


@dataclass(frozen=True, slots=True)
class PageSubject:
    """The subject of a page: a finding, or a watchdog, which has only a runbook."""

    name: str
    title: str
    finding: AnyFinding | None
    runbook: Runbook | None


def known_finding(name: str, overview: Overview) -> PageSubject | None:
    judged = (view.verdicts[name].finding for view in overview.judged if name in view.verdicts)
    finding = next(judged, None) or all_findings().get(name)
    book = runbook(name)
    title = finding.title if finding else book.title if book else None
    return PageSubject(name, title, finding, book) if title else None


def finding_page(known: PageSubject, overview: Overview) -> str:
    cards = cards_of(known, overview)
    return TEMPLATES.get_template("finding.html").render(
        known=known,
        why=known.finding.why if known.finding else None,
        limits=limits_of(known, overview),
        views=[view for view in overview.judged if known.name in view.verdicts],
        cards=cards,
        shown=max(AT_LEAST, SHOWN // max(1, len(cards))),
        overview=overview,
        now=overview.at,
    )


def cards_of(known: PageSubject, overview: Overview) -> list[Card]:
    """Return its ill subjects on all servers, also those that other pages fold under a cause, or
    only list for a review."""
    seen = ((view, view.verdicts.get(known.name)) for view in overview.judged)
    cards = [
        Card(
            view.name,
            verdict,
            tuple(Folded(verdict, subject) for subject in verdict.subjects),
            known.name in view.old,
        )
        for view, verdict in seen
        if verdict is not None and verdict.subjects
    ]
    return sorted(cards, key=lambda card: -card.severity.rank)


def finding_json(known: PageSubject, overview: Overview) -> dict[str, Any]:
    about = {
        "finding": known.name,
        "title": known.title,
        "limits": {limit.path: limit.default for limit in limits_of(known, overview)},
        "runbook": known.runbook.text if known.runbook else None,
    }
    return about | (finding_as_plain(known.finding, overview) if known.finding else {"servers": []})


def limits_of(known: PageSubject, overview: Overview) -> "list[SettingReference]":
    """Return the configured limits, in the form of the configuration."""
    limits = overview.limits.get(known.name, known.finding and known.finding.limits)
    if limits is None:
        return []
    from pydantic import create_model

    from monitor.config.reference import SettingReference, settings_of

    model = create_model("Limits", limits=(type(limits), limits))
    return [
        SettingReference(one.path.removeprefix("limits."), one.default, one.description)
        for one in settings_of(model)
    ]
