"""Own samples about one server, one finding, its incidents and one collector."""

from collections import Counter
from collections.abc import Iterable, Iterator

from alerts._base import Severity, Shape, State
from alerts.prometheus import own_metrics as own
from alerts.prometheus.own_metrics import OwnMetric
from alerts.verdicts.incident import Incident
from alerts.verdicts.verdict import Subject, Verdict
from monitor.exposition.incident_texts import IncidentText, own_name
from monitor.views.overview import CollectorView, Judged, QueueNumbers, ServerView

OwnSample = tuple[OwnMetric, tuple[str | None, ...], float | None]
REASONS = 10
"""Number of reasons for unjudged objects with their own series; the rest is summed as `other`."""


UNCOUNTED = (State.unknown, State.learning, State.not_applicable)


def server_samples(view: ServerView) -> Iterator[OwnSample]:
    server, node = view.name, view.node
    yield own.UP, (server,), view.up
    if view.can_connect is not None:
        yield own.CAN_CONNECT, (server, view.connect_failure), view.can_connect
    yield own.SERVER_TIME, (server,), view.server_time
    yield own.SERVER_WORK, (server,), view.server_work
    yield own.ROUNDS_LEFT_OUT, (server,), view.rounds_left_out
    yield own.FINDINGS_OLD, (server,), len(view.old) or None
    for lane, stretch in view.stretches.items():
        yield own.LANE_STRETCH, (server, lane), stretch
    yield own.SESSIONS, (server,), view.sessions
    if view.queues:
        yield from queue_samples(server, view.queues)
    yield own.DATABASES, (server,), len(view.databases) if view.databases else None
    yield own.VERDICTS_OVERDUE, (server,), view.renewal.until
    for finding, at in view.renewal.overdue.items():
        yield own.FINDING_VERDICT_TIMESTAMP, (server, finding), at
    if node.system_identifier:
        timeline = None if view.timeline is None else str(view.timeline)
        about = (node.system_identifier, node.cluster, node.role, view.server_version, timeline)
        yield own.SERVER_INFO, (server, *about), 1


def queue_samples(server: str, queues: QueueNumbers) -> Iterator[OwnSample]:
    yield own.LOCK_LOOK_INTERVAL, (server,), queues.interval
    yield own.LOCK_MEMORY, (server,), queues.remembered
    yield own.LOCK_WAITING_MOST, (server,), queues.most.waiting
    yield own.LOCK_CHAIN_MOST, (server,), queues.most.chain
    yield own.LOCK_FAN_IN_MOST, (server,), queues.most.fan_in
    yield own.LOCK_WAITING_SECONDS, (server,), queues.waiting_seconds
    yield own.LOCK_CHAIN_SECONDS, (server,), queues.chain_seconds
    yield own.LOCK_FAN_IN_SECONDS, (server,), queues.fan_in_seconds


def finding_samples(
    server: str, verdict: Verdict, shown: tuple[Subject, ...]
) -> Iterator[OwnSample]:
    """All that is said of one finding; `shown` are the subjects with a series of their own."""
    finding = verdict.finding.name
    yield own.FINDING_STATE, (server, finding, verdict.state), 1
    yield own.INCIDENTS_KNOWN, (server, finding), 1 if verdict.known else None
    if verdict.finding.shape is Shape.event:
        yield own.FINDING_EVENTS, (server, finding), verdict.events
    if verdict.state is State.not_applicable:
        return
    yield own.FINDING_MUTED, (server, finding), len(verdict.muted) or None
    yield from _counts(server, verdict)
    for subject in shown:
        evidence = subject.evidence
        which = (server, finding, evidence.database, own_name(evidence), evidence.severity)
        yield own.FINDING_SUBJECT, which, evidence.value
    if verdict.state is State.ill:
        yield own.FINDING_FACTS_TIMESTAMP, (server, finding), verdict.facts_at
    if reasons := _reasons(verdict):
        yield own.FINDING_JUDGED, (server, finding), verdict.judged
    for reason, count in reasons.items():
        yield own.FINDING_UNJUDGED, (server, finding, reason), count


def dropped_samples(server: str, dropped: Iterable[str]) -> Iterator[OwnSample]:
    """Yield that the incidents of findings that do not exist any more are known: there are none.

    Without that, rules would hold them for an hour, as while the daemon is silent.
    """
    for finding in sorted(dropped):
        yield own.INCIDENTS_KNOWN, (server, finding), 1


def review_samples(view: Judged) -> Iterator[OwnSample]:
    """One count for each chapter and severity, 0 included; absent while nothing is known."""
    counts: dict[tuple[str, Severity], int] = {}
    for verdict in view.verdicts.values():
        finding = verdict.finding
        if not finding.is_review or verdict.state in UNCOUNTED:
            continue
        for severity in finding.severities:
            of_severity = (s for s in verdict.subjects if s.evidence.severity is severity)
            key = finding.chapter, severity
            counts[key] = counts.get(key, 0) + sum(1 for _ in of_severity)
    for (chapter, severity), count in sorted(counts.items()):
        yield own.REVIEW_SUBJECTS, (view.name, chapter, severity), count


def incident_samples(
    server: str, finding: str, incident: Incident, text: IncidentText
) -> Iterator[OwnSample]:
    """One series a severity, and one with what a message says."""
    for severity, value in incident.values.items():
        labels = (server, finding, severity, incident.database, incident.id, text.culprit)
        yield own.INCIDENT, labels, value
    which = (server, finding, incident.database, incident.id)
    yield own.INCIDENT_INFO, (*which, text.subject, text.message, text.cure), text.written


def collector_samples(server: str, view: CollectorView) -> Iterator[OwnSample]:
    labels = (server, view.name)
    if view.error is None and view.last_success is None:
        return  # it was never asked, or does not exist here
    if view.is_absent:
        yield own.COLLECTOR_ABSENT, labels, 1
        return
    yield own.COLLECTOR_FAILED, labels, None if view.error is None else 1
    yield own.COLLECTOR_SUCCESS_TIMESTAMP, labels, view.last_success
    yield own.COLLECTOR_DURATION, labels, view.duration
    yield own.COLLECTOR_PACE, labels, view.pace
    # Most collectors can leave nothing out, and what is served twice is a defect of ours.
    yield own.COLLECTOR_ROWS, labels, view.rows if view.is_bounded else None
    yield own.COLLECTOR_LEFT_OUT, labels, view.left_out if view.is_bounded else None
    yield own.COLLECTOR_DUPLICATES, labels, view.duplicates or None


def _counts(server: str, verdict: Verdict) -> Iterator[OwnSample]:
    # That nothing is ill is told by the state: one line for a finding instead of several.
    if not verdict.subjects:
        return
    finding = verdict.finding
    for severity in finding.severities:
        yield own.FINDING_SUBJECTS, (server, finding.name, severity), verdict.at_or_above(severity)


def _reasons(verdict: Verdict) -> dict[str, int]:
    """Reasons with their counts, the most frequent first, few in number."""
    counts = Counter(verdict.unjudged_by_reason())
    most = dict(counts.most_common(REASONS))
    rest = counts.total() - sum(most.values())
    return most | {"other": rest} if rest else most
