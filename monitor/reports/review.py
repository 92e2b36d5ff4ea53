"""Reviews as a list to work through: the most gain first, then the least effort."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from alerts.plural import plural
from alerts.verdicts.verdict import Verdict
from monitor.reports.baseline import Accepted, Compared
from monitor.reports.escape import safe
from monitor.views.overview import Overview
from monitor.views.points import EFFORTS, Point, may_be_young, not_judged, points
from monitor.views.unfinished import AGAIN, unfinished_reviews
from monitor.views.wording import silence

YOUNG = "Perhaps a step of work that goes on; the state_file of a daemon tells their age:"
SUBJECTS = 10
"""Number of subjects listed of each finding, less those of a baseline; JSON has all."""
DATABASES = 3
"""Number of databases named with the reason why a finding was not judged there."""


def as_text(overview: Overview, against: Compared | None = None) -> str:
    """Return the list; one sentence where there is nothing to review, or nothing is known."""
    lines = [*headline(overview, against), *_numbered(shown(overview, against))]
    if against is not None:
        lines += [
            *_titled("No longer found; remove from the baseline:", map(gone_name, against.gone))
        ]
        lines += _titled("Not judged, but judged by the baseline:", against.blind)
    lines += _titled(YOUNG, young_ones(overview))
    lines += _titled("Not judged:", unknown_reasons(overview))
    return "\n".join(lines) + "\n"


def headline(overview: Overview, against: Compared | None) -> Iterator[str]:
    """Yield what is not complete, and last a sentence about the whole."""
    for view in overview.servers:
        if not view.up:
            yield safe(f"{view.name} does not answer: {silence(view.snapshot, view.unreachable)}")
    for view in unfinished_reviews(overview):
        yield safe(f"{view.name}: {AGAIN}.")
    if overview.servers and not any(view.up for view in overview.servers):
        yield "Nothing is known."
        return
    where = "" if all(view.up for view in overview.servers) else " where a server answers"
    blind = len(
        {(view.name, verdict.finding.name) for view, verdict in not_judged(overview) if view.up}
    )
    part = f"; {plural(blind, 'finding')} not judged, see below" if blind else ""
    if against is None:
        found = points(overview)
        yield f"{plural(len(found), 'point') if found else 'Nothing'} to review{where}{part}."
    else:
        accepted = f"{plural(len(against.known), 'point')} of the baseline"
        new = plural(len(against.new), "new point") if against.new else "Nothing new"
        yield f"{new}{where}; {accepted}{part}."


def shown(overview: Overview, against: Compared | None) -> list[Point]:
    return points(overview) if against is None else list(against.new)


def grouped(found: list[Point]) -> Iterator[tuple[Point, list[Point]]]:
    for _, group in groupby(found, key=lambda point: point.order[:4]):
        together = list(group)
        yield together[0], together


def heading(first: Point) -> str:
    return f"{first.finding.title} on {first.server} ({first.finding.name})"


def worth(first: Point) -> str:
    return f"gain {first.gain}; effort: {EFFORTS[first.effort]}"


def _numbered(found: list[Point]) -> Iterator[str]:
    for number, (first, together) in enumerate(grouped(found), 1):
        yield from ("", safe(f"{number}. {heading(first)}"), f"   {worth(first)}")
        for cure, same in by_cure(together[:SUBJECTS]):
            yield from (safe(f"   - {point.evidence.message}") for point in same)
            yield from (f"       {line}" for one in cure for line in map(safe, one.split("\n")))
        if len(together) > SUBJECTS:
            yield f"   and {len(together) - SUBJECTS} more: --format json has all"


def by_cure(found: list[Point]) -> Iterator[tuple[tuple[str, ...], list[Point]]]:
    """Yield points whose cure is the same text together with it."""
    groups: dict[tuple[str | None, tuple[str, ...]], list[Point]] = {}
    for point in found:
        groups.setdefault((point.evidence.database, point.evidence.cure), []).append(point)
    for (database, cure), same in groups.items():
        where = (f"-- in the database {database}",) if database and cure else ()
        yield (*where, *cure), same


def _titled(title: str, lines: Iterable[str]) -> list[str]:
    listed = [safe(f"  {line}") for line in lines]
    return ["", title, *listed] if listed else []


def gone_name(one: Accepted) -> str:
    where = " ".join(filter(None, (one.server, one.database)))
    return f"{one.finding}: {one.subject}" + (f" ({where})" if where else "")


def young_ones(overview: Overview) -> Iterator[str]:
    """What is seen and may have begun just now, a line each."""
    for view, verdict, why, evidence in may_be_young(overview):
        yield f"{view.name}: {verdict.finding.name}: {evidence.subject}: {why}"


def unknown_reasons(overview: Overview) -> Iterator[str]:
    """Yield what was not judged and why; of a server that does not answer the headline says it."""
    for view, verdict in not_judged(overview):
        if not view.up:
            continue
        for reason, count in verdict.unjudged_by_reason().items():
            more = f" ({count} objects)" if count > 1 else ""
            yield f"{view.name}: {verdict.finding.name}: {reason}{_where(verdict, reason)}{more}"


def _where(verdict: Verdict, reason: str) -> str:
    """Return the databases that a reason is about, where it is not about all of them."""
    found = {one.database for one in verdict.unjudged if one.reason == reason}
    databases = sorted(name for name in found if name)
    if None in found or not databases:
        return ""
    more = len(databases) - DATABASES
    rest = f" and {more:,} more" if more > 0 else ""
    return f", in {', '.join(map(safe, databases[:DATABASES]))}{rest}"
