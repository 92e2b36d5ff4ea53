"""Inhibition rules of Alertmanager: a cause inhibits its consequences."""

from collections.abc import Iterator

from alerts._base import AlertedBy, AnyFinding, Reach, Severity
from alerts._catalogue import all_findings
from alerts.prometheus.annotations import SCRAPED_FROM
from alerts.prometheus.reached_servers import LOST
from alerts.prometheus.rule import alert_name

SERVER = (*SCRAPED_FROM, "server")
INCIDENT = (*SERVER, "finding", "database", "incident")
"""Labels that both alerts lack count as equal, so this works for all findings."""


def inhibitions() -> Iterator[dict[str, object]]:
    """Yield the entries of Alertmanager's `inhibit_rules`."""
    for severity in (Severity.critical, Severity.warning):
        yield _rule(
            [f'severity="{severity}"', 'finding!=""'],
            [_milder_than(severity), 'finding!=""'],
            INCIDENT,
        )
    yield _rule(
        [f'alertname="{alert_name("most_servers_unreachable")}"'],
        [f'alertname="{alert_name(LOST)}"'],
        SCRAPED_FROM,
    )
    for effect in all_findings().values():
        for cause in effect.because:
            yield from _of_edge(all_findings()[cause], effect)


def _of_edge(cause: AnyFinding, effect: AnyFinding) -> Iterator[dict[str, object]]:
    """Return the rules of a cause and its effect; a more severe effect is never inhibited."""
    equal = _shared(cause, effect)
    # Two incidents whose culprit is not known lack the same label, and are not of one culprit.
    named = ['culprit!=""'] if "culprit" in equal else []
    for severity in cause.severities if equal else ():
        milder = [s for s in effect.severities if s.rank <= severity.rank]
        if milder:
            yield _rule(
                [f'alertname="{alert_name(cause.name)}"', f'severity="{severity}"', *named],
                [f'alertname="{alert_name(effect.name)}"', f'severity=~"{"|".join(milder)}"'],
                equal,
            )


def _shared(cause: AnyFinding, effect: AnyFinding) -> tuple[str, ...]:
    """Labels that tell whether one explains the other; none where alerts don't carry enough.

    Incidents of two findings have ids of their own, but name the same culprit. An alert by database
    stands for tables or indexes, and does not say which: those of its effect may be others, so it
    inhibits nothing.
    """
    if cause.scope is not Reach.database:
        return SERVER
    if cause.alerted_by is AlertedBy.database:
        return ()
    if effect.alerted_by is AlertedBy.server:
        return ()
    each = effect.alerted_by is AlertedBy.subject
    return (*SERVER, "database", *(["culprit"] if each else []))


def _milder_than(severity: Severity) -> str:
    return f'severity=~"{"|".join(s for s in Severity if s.rank < severity.rank)}"'


def _rule(source: list[str], target: list[str], equal: tuple[str, ...]) -> dict[str, object]:
    return {"source_matchers": source, "target_matchers": target, "equal": list(equal)}
