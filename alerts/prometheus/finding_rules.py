"""Rules of findings: a recording rule of current incidents, and one alert for each finding.

The daemon has judged; the rules carry the verdict. An alert has neither `for` nor
`keep_firing_for`: what bridges the daemon's silence is the recording, and it knows silence from
health.
"""

from alerts._base import AnyFinding
from alerts.prometheus.annotations import SCRAPED_FROM, cure, description, summary
from alerts.prometheus.own_metrics import INCIDENT, INCIDENTS_KNOWN
from alerts.prometheus.promql import select
from alerts.prometheus.recorded_metric import RecordedMetric
from alerts.prometheus.recording import Recording
from alerts.prometheus.rule import Rule, alert_name

HELD = "1h"
"""How long an incident is held while its state is unknown."""
FINDING = (*SCRAPED_FROM, "server", "finding")
IDENTITY = (*FINDING, "severity", "database", "incident")
RECORDED = RecordedMetric("pgvigil:incident", IDENTITY)


def finding_rule(finding: AnyFinding) -> Rule:
    """Its severity is that of the series."""
    return Rule(
        alert=alert_name(finding.name),
        expr=select(RECORDED, finding=finding.name),
        severity=None,
        summary=summary(finding),
        description=description(finding),
        cure=cure(finding),
        runbook=finding.name,
    )


def incident_recording() -> Recording:
    """Return the recording rule: current incidents, and earlier ones while their end is unknown.

    Labels are listed, since a new pod brings others. A sample that is older than the last scrape
    of its target is what Prometheus kept over a restart of its own.
    """
    target = f"{', '.join(SCRAPED_FROM)}, instance"
    identity = ", ".join(IDENTITY)
    now = (
        f"max by ({identity}) (\n"
        f"  {INCIDENT}\n"
        f"  unless (timestamp({INCIDENT}) < on ({target}) group_left ()"
        f" max by ({target}) (timestamp(up)))\n"
        ")"
    )
    untold = f"{RECORDED} unless on ({', '.join(FINDING)}) {INCIDENTS_KNOWN}"
    seen = f"last_over_time({INCIDENT}[{HELD}])"
    held = f"(\n  ({untold})\n  and on ({identity}) {seen}\n)"
    return Recording(RECORDED.name, f"{now}\nor\n{held}", "incidents that are, or may still be")
