"""Report for a terminal, and the exit status of a monitoring plugin."""

from rich.console import Console
from rich.text import Text

from alerts._base import Severity, State
from alerts.units import duration_text
from alerts.verdicts.causes import Folded
from monitor.reports.escape import safe
from monitor.reports.markdown import markdown
from monitor.views import wording
from monitor.views.overview import Overview, ServerView, TargetView
from monitor.views.pool_table import ServerSide
from monitor.views.summary import Blind, Card, Summary
from monitor.web.findings import as_plain, dumps

__all__ = ["as_json", "exit_status", "line", "markdown", "text"]

STYLES = {
    Severity.critical: "bold red",
    Severity.warning: "bold yellow",
    Severity.info: "bold cyan",
}
CRITICAL, WARNING, UNKNOWN = 2, 1, 3
SHOWN = 10
"""Number of subjects printed for each finding; JSON has all."""


def as_json(overview: Overview) -> str:
    """Return JSON in the format of `/findings`."""
    return dumps(as_plain(overview))


def exit_status(overview: Overview) -> int:
    """Return the status of a monitoring plugin: 2 critical, 1 warning, 3 unknown, 0 healthy.

    What is not read although no finding needs it is worth a warning.
    """
    picture = Summary(overview)
    if picture.by_severity(Severity.critical):
        return CRITICAL
    if picture.by_severity(Severity.warning) or picture.unread:
        return WARNING
    return UNKNOWN if picture.by_state(State.unknown) or picture.down else 0


def line(overview: Overview) -> str:
    """Return the first line of the report."""
    return safe(wording.headline(Summary(overview)))


def text(overview: Overview, console: Console) -> None:
    """Print the report, the most severe findings first; styled only on a terminal."""
    picture = Summary(overview)
    Report(console, picture).print()


class Report:
    """Printer of a summary. Names are escaped by `safe`, and never parsed as rich's markup."""

    def __init__(self, console: Console, picture: Summary) -> None:
        self.console = console
        self.picture = picture

    def print(self) -> None:
        overview = self.picture.overview
        self._line(wording.headline(self.picture), style="bold")
        for view in overview.servers:
            self._line(_server(view), indent=2)
        for pooler in overview.poolers:
            self._line(_pooler(pooler), indent=2)
        for line in (line for notice in overview.notices for line in notice.splitlines()):
            self._line(line, indent=2, style="italic")
        for card in self.picture.cards:
            self._card(card)
        self._blind("Unknown", self.picture.unknown)
        self._unread()
        self._blind("Learning", self.picture.learning)
        self._muted()
        self._line("")
        quiet = wording.quiet_counts(self.picture)
        reviews = wording.review_count(self.picture)
        to_review = f"{reviews}: `pgvigil review` lists them" if reviews else ""
        hint = "`pgvigil explain FINDING` prints a runbook" if self.picture.cards else ""
        self._line("; ".join(part for part in (quiet, to_review, hint) if part), style="dim")

    def _card(self, card: Card) -> None:
        self._heading(
            card.severity.upper(),
            f"{card.verdict.finding.title} on {card.server}  ({card.verdict.finding.name})",
            STYLES[card.severity],
        )
        for index, case in enumerate(card.cases[:SHOWN]):
            if index:
                self._line("")
            self._case(card, case)
        if len(card.cases) > SHOWN:
            self._line(f"and {len(card.cases) - SHOWN} more", indent=2, style="dim")

    def _case(self, card: Card, case: Folded) -> None:
        server, at, evidence = card.server, self.picture.overview.at, case.subject.evidence
        self._line(evidence.message, indent=2)
        milder = "" if evidence.severity is card.severity else evidence.severity.value
        since, mark = wording.lasting(case, at), wording.mark(case.subject, at)
        age = wording.facts_age(case.verdict, at) if card.is_old else ""
        parts = (milder, evidence.subject, since, age, mark)
        self._line(", ".join(part for part in parts if part), indent=4, style="dim")
        facts = [f"{label} {text}" for label, text in wording.facts(evidence.facts)]
        if facts:
            self._line(" · ".join(facts), indent=4, style="dim")
        where = f", in database {evidence.database}" if evidence.database else ""
        self._statements(f"Cure, on {server}{where}:", evidence.cure)
        self._statements("Check:", (evidence.check,) if evidence.check else ())
        for other in case.consequences[:SHOWN]:
            below = other.subject.evidence
            title = other.verdict.finding.title
            self._line(f"explains {below.severity}: {title}: {below.message}", indent=4)
        if (hidden := len(case.consequences) - SHOWN) > 0:
            self._line(f"explains {hidden} more", indent=4, style="dim")

    def _statements(self, title: str, statements: tuple[str, ...]) -> None:
        if statements:
            self._line(title, indent=4)
        for statement in statements:
            # Not wrapped, and not indented inside a name with a line break, so that a copied
            # statement stays unchanged.
            lines = "\n".join(safe(line) for line in statement.split("\n"))
            self.console.print(Text(f"      {lines}"), soft_wrap=True)

    def _blind(self, title: str, items: list[Blind]) -> None:
        if items:
            self._heading(title, "", "bold")
        for one in items:
            names = ", ".join(verdict.finding.name for verdict in one.verdicts)
            left = max(0.0, (one.until or 0) - self.picture.overview.at)
            known = f" (known in {duration_text(left)})" if one.until else ""
            where = f" ({one.where})" if one.where else ""
            self._line(f"{one.server}: {one.reason}{where}{known}", indent=2)
            self._line(names, indent=4, style="dim")
            self._statements("Missing grant:", (one.grant,) if one.grant else ())

    def _unread(self) -> None:
        if self.picture.unread:
            self._heading("Not read", "", "bold")
        for view, one in self.picture.unread:
            self._line(f"{view.name}: {one.sentence}", indent=2)
            self._statements("Missing grant:", (one.grant,) if one.grant else ())

    def _muted(self) -> None:
        if self.picture.muted:
            self._heading("Muted", "", "bold")
        for view, verdict, subject in self.picture.muted:
            about = f"{view.name}: {verdict.finding.name}: {subject.evidence.subject}"
            self._line(f"{about}: {subject.muted}", indent=2)

    def _heading(self, word: str, rest: str, style: str) -> None:
        self._line("")
        line = Text(safe(word), style=style)
        self.console.print(line.append(f"  {safe(rest)}" if rest else "", style="bold"))

    def _line(self, words: str, indent: int = 0, style: str = "") -> None:
        width = max(self.console.width - indent, 20)
        for line in Text(safe(words), style=style).wrap(self.console, width):
            line.rstrip()
            self.console.print(Text(" " * indent).append_text(line), soft_wrap=True)


def _server(view: ServerView) -> str:
    state = "up" if view.up else f"unreachable ({view.unreachable or 'not queried yet'})"
    version = f", PostgreSQL {view.server_version}" if view.server_version else ""
    role = f", {view.node.role}" if view.node.role else ""
    return f"{view.name}: {state}{version}{role}"


def _pooler(view: TargetView) -> str:
    state = "up" if view.up else f"unreachable ({view.unreachable or 'not queried yet'})"
    behind = [_side(side) for side in view.sides] or view.behind
    before = f", in front of {', '.join(behind)}" if behind else ""
    return f"{view.name}: {state}, PgBouncer{before}"


def _side(side: ServerSide) -> str:
    if side.used is None or side.slots is None:
        return side.server
    pooled = "" if side.pooled is None else f", {side.pooled} by it"
    return f"{side.server} ({side.used} of {side.slots} slots in use{pooled})"
