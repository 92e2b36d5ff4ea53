"""Panels about findings: what is ill, what is unknown, and why."""

from collections.abc import Collection, Iterator

from alerts._base import Severity, State
from alerts._catalogue import all_findings
from alerts.prometheus.own_metrics import (
    FINDING_STATE,
    FINDING_SUBJECT,
    FINDING_SUBJECTS,
    FINDING_UNJUDGED,
    UP,
)
from alerts.prometheus.promql import one_of, select
from grafana.panels import (
    CRITICAL,
    FINE,
    UNKNOWN,
    WARNING,
    WORTH_KNOWING,
    Column,
    Panel,
    Query,
    graph,
    listing,
    number,
)
from grafana.queries import POOLER, SERVER, own

SEVERITY_COLORS = {
    Severity.critical: CRITICAL,
    Severity.warning: WARNING,
    Severity.info: WORTH_KNOWING,
}
STATE_COLORS = {
    State.ill: CRITICAL,
    State.unknown: UNKNOWN,
    State.learning: WORTH_KNOWING,
    State.muted: "gray",
}
JUDGED = (State.healthy, State.ill, State.muted)
NOT_JUDGED = (State.unknown, State.learning, State.muted)
KINDS = {
    "seconds": Column("Duration", unit="s", width=95),
    "bytes": Column("Size", unit="bytes", width=95),
    "share": Column("Share", unit="percentunit", width=80),
    "": Column("Count", unit="short", width=80),
}
"""The columns for measured values; units that are not here are counts."""
SAME = {"ratio": "share"}
"""Units that have two names."""
RUNBOOK = "${runbooks:raw}/${__data.fields.Finding}"


def verdict_panels() -> Iterator[Panel]:
    """Panels about the whole fleet."""
    yield from count_panels()
    yield ill_subjects(all_findings(), height=11)


def unjudged_panels() -> Iterator[Panel]:
    """Make panels about findings without a verdict."""
    yield states(8)
    yield not_judged(16)


def server_findings() -> Iterator[Panel]:
    yield ill_subjects(all_findings(), height=11)
    yield states(12, 6)
    yield not_judged(12, 6)


def count_panels() -> Iterator[Panel]:
    yield reachable()
    yield ill(Severity.critical, "Critical", "Act tonight.")
    yield ill(Severity.warning, "Warning", "Act this week.", Severity.critical)
    yield in_state(State.unknown, "Unknown", "Findings that can't be judged.", UNKNOWN)
    yield in_state(State.learning, "Learning", "The window is not full yet.", WORTH_KNOWING)
    yield in_state(State.muted, "Muted", "Muted by a setting or a comment.", WORTH_KNOWING)


def reachable() -> Panel:
    return number(
        "Servers up",
        "Share of the watched servers that are reachable.",
        "percentunit",
        Query(f"avg({own(UP)})"),
        # The colour below the first step is the good one everywhere else.
        {0: CRITICAL, 0.5: WARNING, 1: FINE},
    )


def ill(severity: Severity, title: str, about: str, but: Severity | None = None) -> Panel:
    """Panel with the number of ill subjects of exactly this severity; the metric includes higher
    severities."""
    counted = each_once(own(FINDING_SUBJECTS, severity=severity))
    if but:
        counted = f"{counted} - {each_once(own(FINDING_SUBJECTS, severity=but))} or {counted}"
    counted = f"{counted} or {no_subjects()}"
    color = SEVERITY_COLORS[severity]
    return number(title, f"Ill subjects. {about}", "short", Query(f"sum({counted})"), {1: color})


def ill_by_server(severity: Severity) -> str:
    """Return the number of ill subjects of each server at or above a severity, 0 where none is."""
    counted = each_once(own(FINDING_SUBJECTS, severity=severity))
    return f"sum by (server) ({counted} or {no_subjects()})"


def no_subjects() -> str:
    """Return 0 for each finding that is judged: the count itself is absent where nothing is ill."""
    return f"0 * {each_once(own(FINDING_STATE, state=one_of(JUDGED)))}"


def each_once(metric: str) -> str:
    """Remove duplicates, because two daemons may watch the same server."""
    return f"max by (server, finding) ({metric})"


def in_state(state: State, title: str, about: str, color: str) -> Panel:
    # Of no finding in that state there is no series; 0 is shown only where some state is known.
    counted = each_once(own(FINDING_STATE, state=state))
    query = Query(f"sum({counted}) or 0 * sum({each_once(own(FINDING_STATE))})")
    return number(title, about, "short", query, {1: color})


def ill_subjects(shown: Collection[str], height: int = 7, of_poolers: bool = False) -> Panel:
    """Table of ill subjects, with a column of values for each unit.

    Those of poolers are of the poolers that are chosen.
    """
    chosen = POOLER if of_poolers else SERVER
    named = {kind: [name for name in findings_in(kind) if name in shown] for kind in KINDS}
    kinds = {kind: one_of(names) for kind, names in named.items() if names}
    labels = "server, finding, database, subject, severity"
    values = [f"Value #{name}" for name in "ABCDEF"] if len(kinds) > 1 else ["Value"]
    return listing(
        "Ill subjects",
        "The worst subjects of each finding, with their values. The link leads to the runbook.",
        [
            ranked(f"max by ({labels}) ({select(FINDING_SUBJECT, **chosen, finding=findings)})")
            for findings in kinds.values()
        ],
        {
            "rank": Column(
                "Severity",
                colors={str(rank(s)): color for s, color in SEVERITY_COLORS.items()},
                texts={str(rank(s)): s for s in Severity},
                width=90,
            ),
            "server": Column("Server", width=150),
            "finding": Column("Finding", link=RUNBOOK, width=200),
            "database": Column("Database", width=120),
            "subject": Column("Subject"),
            **{value: KINDS[kind] for value, kind in zip(values, kinds, strict=False)},
        },
        hidden=("severity",),
        empty="Nothing is ill.",
        height=height,
    )


def in_chapter(chapter: str) -> list[str]:
    return [name for name, finding in all_findings().items() if finding.chapter == chapter]


def findings_in(kind: str) -> list[str]:
    units = {name: finding.unit for name, finding in all_findings().items()}
    kinds = {name: SAME.get(unit, unit) for name, unit in units.items()}
    return [name for name, known in kinds.items() if (known if known in KINDS else "") == kind]


def rank(severity: Severity) -> int:
    """Return the rank of a severity for sorting; 1 is the worst."""
    return len(Severity) - severity.rank


def ranked(expr: str) -> str:
    for severity in Severity:
        expr = f'label_replace({expr}, "rank", "{rank(severity)}", "severity", "{severity}")'
    return expr


def states(span: int, height: int = 9) -> Panel:
    return listing(
        "Findings without a verdict",
        "Unknown (a privilege or an answer is missing), learning, or muted.",
        [f"max by (server, finding, state) ({own(FINDING_STATE, state=one_of(NOT_JUDGED))} == 1)"],
        {
            "state": Column(
                "State", colors={str(s): STATE_COLORS[s] for s in NOT_JUDGED}, width=90
            ),
            "server": Column("Server", width=110),
            "finding": Column("Finding", link=RUNBOOK),
        },
        hidden=("Value",),
        empty="Every finding has a verdict.",
        span=span,
        height=height,
        worst=("State",),
    )


def not_judged(span: int, height: int = 9) -> Panel:
    return listing(
        "What could not be judged, and why",
        "`pgvigil doctor` prints the missing GRANTs.",
        [f"max by (server, finding, reason) ({own(FINDING_UNJUDGED)} > 0)"],
        {
            "finding": Column("Finding", link=RUNBOOK, width=180),
            "server": Column("Server", width=140),
            "reason": Column("Reason"),
            "Value": Column("Objects", unit="short", width=80),
        },
        hidden=(),
        empty="Everything could be judged.",
        span=span,
        height=height,
    )


def states_over_time() -> Panel:
    shown = (State.ill, *NOT_JUDGED)
    counted = f"max by (server, finding, state) ({own(FINDING_STATE, state=one_of(shown))})"
    return graph(
        "Findings by state",
        "Number of findings by state, without healthy ones.",
        "short",
        Query(f"sum by (state) ({counted}) > 0", "{{state}}"),
        colors={str(state): STATE_COLORS[state] for state in shown},
        stacked=True,
        whole=True,
    )
