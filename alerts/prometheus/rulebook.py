"""Rule file of Prometheus, from the catalogues of findings and watchdogs."""

from collections.abc import Iterator
from functools import cache

import alerts.prometheus.watchdogs
from alerts._catalogue import all_findings
from alerts.prometheus.finding_rules import finding_rule, incident_recording
from alerts.prometheus.rule import Rule, alert_name
from alerts.prometheus.watchdogs._base import Watchdog
from collectors._catalogue import discover

RUNBOOK_BASE = "http://pgvigil:19187/findings"
"""Default base URL of runbooks: the daemon, by the usual name of its Service."""
INCIDENTS, WATCHDOGS = "pgvigil-incidents", "pgvigil-watchdogs"
HEADER = """\
# Generated from the catalogue of findings by `make render`: change the findings, not this file.
# Another place for runbooks: pgvigil rules --runbook-base https://…
"""


@cache
def all_watchdogs() -> dict[str, Watchdog]:
    """Return every watchdog by name."""
    return {name: module.watchdog for name, module in discover(alerts.prometheus.watchdogs).items()}


def rulebook(runbook_base: str = RUNBOOK_BASE) -> str:
    """Return the rule file as YAML. Each alert's runbook is at `runbook_base`/name."""
    alerts = {name: [r.content(runbook_base) for r in rules] for name, rules in all_rules()}
    # In one group, so that alerts are evaluated at the same instant, and after it.
    alerts[INCIDENTS].insert(0, incident_recording().content())
    groups = [{"name": name, "rules": rules} for name, rules in alerts.items()]
    from alerts.prometheus.rule_file import yaml_of  # the daemon does without YAML

    return HEADER + yaml_of({"groups": groups})


def all_rules() -> Iterator[tuple[str, list[Rule]]]:
    """Yield alerts by group: those of findings with what inhibits them, then the watchdogs."""
    by_chapter = sorted(
        all_findings().values(), key=lambda finding: (finding.chapter, finding.name)
    )
    first = [watchdog_rule(n, dog) for n, dog in all_watchdogs().items() if dog.inhibits_findings]
    yield INCIDENTS, [*first, *(finding_rule(one) for one in by_chapter if not one.is_review)]
    others = (dog for dog in all_watchdogs().items() if not dog[1].inhibits_findings)
    yield WATCHDOGS, [watchdog_rule(name, dog) for name, dog in others]


def watchdog_rule(name: str, watchdog: Watchdog) -> Rule:
    return Rule(
        alert=alert_name(name),
        expr=watchdog.expr,
        severity=watchdog.severity,
        summary=watchdog.summary,
        description=watchdog.description,
        cure=watchdog.cure,
        runbook=name,
        hold=watchdog.hold,
    )
