"""Rules of findings: a recording rule of current incidents, and one alert for each finding.

The daemon has judged; the rules carry the verdict. An alert has neither `for` nor
`keep_firing_for`: what bridges the daemon's silence is the recording, and it knows silence from
health. Only that of a lost server waits for others, where there are some.
"""

from alerts._base import AnyFinding
from alerts.prometheus.annotations import SCRAPED_FROM, cure, description, summary
from alerts.prometheus.own_metrics import BUILD_INFO, INCIDENT, INCIDENTS_KNOWN, OwnMetric
from alerts.prometheus.promql import select
from alerts.prometheus.reached_servers import LOST, once_others_are_known
from alerts.prometheus.recorded_metric import RecordedMetric
from alerts.prometheus.recording import Recording
from alerts.prometheus.rule import Rule, alert_name

HELD = "1h"
"""How long an incident is held while its state is unknown."""
OVERTAKEN = 60
"""Seconds by which another target of the same server may be ahead; two daemons may watch one."""
COUNTED = 10
"""Minutes over which the scrapes of a target are counted, which tells its interval."""
MISSED = 1.5
"""Scrape intervals after which a target is no longer scraped."""
TARGET = f"{', '.join(SCRAPED_FROM)}, instance"
LAST_SCRAPE = f"max by ({TARGET}) (timestamp(up))"
FINDING = (*SCRAPED_FROM, "server", "finding")
IDENTITY = (*FINDING, "severity", "database", "incident", "culprit")
RECORDED = RecordedMetric("pgvigil:incident", IDENTITY)


def finding_rule(finding: AnyFinding) -> Rule:
    """Its severity is that of the series."""
    recorded = select(RECORDED, finding=finding.name)
    # Of this evaluation; without it Prometheus, restarted, would find an older one for 5 min.
    now = f"last_over_time({recorded}[1ms])"
    return Rule(
        alert=alert_name(finding.name),
        expr=once_others_are_known(now, recorded) if finding.name == LOST else now,
        severity=None,
        summary=summary(finding),
        description=description(finding),
        cure=cure(finding),
        runbook=finding.name,
    )


def incident_recording() -> Recording:
    """Return the recording rule: current incidents, and earlier ones while their end is unknown.

    Labels are listed, since a new pod brings others. Samples that Prometheus kept over a restart of
    its own have no mark of their end: those older than the last scrape of their target, or than
    what another target has said since theirs was last scraped, are none that hold now.
    """
    identity, finding = ", ".join(IDENTITY), ", ".join(FINDING)
    newest = f"max by ({finding}) (timestamp({INCIDENTS_KNOWN}))"
    overtaken = (
        f"timestamp({INCIDENT}) < on ({finding}) group_left () {newest} - {OVERTAKEN}\n"
        f"  and on ({TARGET}) {_not_scraped()}"
    )
    now = (
        f"max by ({identity}) (\n"
        f"  {INCIDENT}\n"
        f"  unless ({_kept(INCIDENT)})\n"
        f"  unless ({overtaken})\n"
        ")"
    )
    known = f"({INCIDENTS_KNOWN} unless ({_kept(INCIDENTS_KNOWN)}))"
    untold = f"{RECORDED} unless on ({finding})\n  {known}"
    seen = f"last_over_time({INCIDENT}[{HELD}])"
    held = f"(\n  ({untold})\n  and on ({identity}) {seen}\n)"
    return Recording(RECORDED.name, f"{now}\nor\n{held}", "incidents that are, or may still be")


def _kept(metric: OwnMetric) -> str:
    """Samples from before the last scrape of their target."""
    return f"timestamp({metric}) < on ({TARGET}) group_left () {LAST_SCRAPE}"


def _not_scraped() -> str:
    """Targets that should have been scraped since, by their own interval: it may be minutes."""
    scrapes = f"max by ({TARGET}) (count_over_time({BUILD_INFO}[{COUNTED}m]))"
    return f"(time() - {LAST_SCRAPE} > {MISSED * COUNTED * 60:.0f} / {scrapes})"
