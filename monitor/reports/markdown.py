"""Report as Markdown, for a ticket or a chat; names are escaped."""

import re
from collections.abc import Iterable, Iterator

from alerts.verdicts.causes import Folded
from monitor.reports.escape import safe
from monitor.views import wording
from monitor.views.overview import Overview
from monitor.views.summary import Blind, Card, Summary

SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def markdown(overview: Overview) -> str:
    """Return the report, the most severe findings first."""
    picture = Summary(overview)
    lines = [f"# pgvigil: {wording.headline(picture)}", "", f"As of {wording.clock(overview.at)}."]
    for card in picture.cards:
        lines += _card(card, overview.at)
    lines += _blind("Unknown", picture.unknown)
    if picture.unread:
        lines += ["", "## Not read", ""]
        lines += [f"- {prose(view.name)}: {prose(one.sentence)}" for view, one in picture.unread]
        lines += ["", block(grants), ""] if (grants := _grants(picture)) else []
    lines += _blind("Learning", picture.learning)
    if picture.muted:
        lines += ["", "## Muted", ""]
        lines += [
            f"- {prose(view.name)}: {verdict.finding.title}: {code(subject.evidence.subject)}:"
            f" {prose(subject.muted or '')}"
            for view, verdict, subject in picture.muted
        ]
    if reviews := wording.review_count(picture):
        lines += ["", f"{reviews}: `pgvigil review` lists them."]
    if quiet := wording.quiet_counts(picture):
        lines += ["", f"{quiet[0].upper()}{quiet[1:]}."]
    return "\n".join(lines) + "\n"


def _grants(picture: Summary) -> list[str]:
    return [one.grant for _, one in picture.unread if one.grant]


def prose(text: str) -> str:
    """Escape a text so that it has no meaning in Markdown."""
    return SPECIAL.sub(r"\\\1", safe(text))


def code(text: str) -> str:
    """Format a name as inline code; the fence is longer than any run of backticks in it."""
    return _fenced(safe(text), 1, "`", " ")


def block(statements: Iterable[str]) -> str:
    """Format statements as a code block, line breaks kept."""
    text = "\n".join(safe(line) for line in "\n".join(statements).split("\n"))
    return _fenced(text, 3, "`", "\n", "sql")


def _fenced(text: str, least: int, mark: str, space: str, language: str = "") -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = mark * max(least, longest + 1)
    padding = space if least > 1 or "`" in text else ""
    return f"{fence}{language}{padding}{text}{padding}{fence}"


def _card(card: Card, now: float) -> Iterator[str]:
    title = card.verdict.finding.title
    yield from ("", f"## {card.severity.capitalize()}: {title} on {prose(card.server)}")
    for case in card.cases:
        yield from _case(card, case, now)


def _case(card: Card, case: Folded, now: float) -> Iterator[str]:
    server, evidence = card.server, case.subject.evidence
    mark = wording.mark(case.subject, now)
    since = wording.clock(case.subject.since)
    yield from ("", f"{prose(evidence.message)} Since {since}{mark and f' ({mark})'}.", "")
    yield f"- subject: {code(evidence.subject)}"
    if evidence.severity is not card.severity:
        yield f"- severity: {evidence.severity}"
    for label, text in wording.facts(evidence.facts):
        yield f"- {prose(label)}: {prose(text)}"
    if evidence.cure:
        where = f", in database {code(evidence.database)}" if evidence.database else ""
        yield from ("", f"Cure, on {code(server)}{where}:", "", block(evidence.cure))
    if evidence.check:
        yield from ("", "Check:", "", block([evidence.check]))
    if case.consequences:
        yield from ("", "It explains:", "")
    for other in case.consequences:
        below = other.subject.evidence
        yield f"- {below.severity}: {other.verdict.finding.title}: {prose(below.message)}"


def _blind(title: str, items: list[Blind]) -> Iterator[str]:
    if items:
        yield from ("", f"## {title}", "")
    for one in items:
        names = ", ".join(code(verdict.finding.name) for verdict in one.verdicts)
        where = f" {one.where}" if one.where else ""
        yield f"- {prose(one.server)}: {prose(one.reason + where)} ({names})"
        if one.grant:
            yield from ("", block([one.grant]), "")
