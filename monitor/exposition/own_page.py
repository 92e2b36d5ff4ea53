"""The pgvigil_* families, made anew of each overview; only what changed in it is written again."""

import platform
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from alerts._catalogue import all_findings
from alerts.prometheus.own_metrics import (
    BUILD_INFO,
    CONFIG_RELOAD_OK,
    CONFIG_RELOAD_TIMESTAMP,
    DEFECTS_TOTAL,
    OWN_METRICS,
    STATE_FILE_OK,
)
from alerts.verdicts.incident import incidents
from alerts.verdicts.verdict import Verdict
from collectors._base import Kind
from monitor.defects import DEFECTS, PARTS
from monitor.exposition.incident_texts import IncidentTexts
from monitor.exposition.own_samples import (
    OwnSample,
    collector_samples,
    dropped_samples,
    finding_samples,
    incident_samples,
    review_samples,
    server_samples,
)
from monitor.exposition.text_format import Head, encoded, label_block, number
from monitor.exposition.worst_subjects import WORST, Identity, worst_subjects
from monitor.version import VERSION
from monitor.views.overview import CollectorView, Judged, Overview, ServerView, TargetView

Written = dict[str, bytes]
"""The samples of each family, by name."""


@dataclass(slots=True)
class OwnServer:
    """The lines of one server, with the objects that they were made of."""

    worst: int
    view: Judged | None = None
    findings: dict[str, tuple[Verdict, Written]] = field(default_factory=dict)
    collectors: dict[str, tuple[CollectorView, Written]] = field(default_factory=dict)
    shown: dict[str, frozenset[Identity]] = field(default_factory=dict)
    dropped: Set[str] = frozenset()
    """Own checks that were known and are no more: their incidents are over, and not just untold."""
    texts: IncidentTexts = field(default_factory=IncidentTexts)
    written: Written = field(default_factory=dict)

    def update(self, view: ServerView) -> None:
        """Views are immutable: the same object means the same lines."""
        self._judged(view)
        self.collectors = {one.name: self._collector(view.name, one) for one in view.collectors}
        parts = [one for _, one in (*self.findings.values(), *self.collectors.values())]
        over = dropped_samples(view.name, self.dropped)
        of_server = (*server_samples(view), *review_samples(view), *over)
        self.written = joined([write(of_server), *parts])

    def update_target(self, view: TargetView) -> None:
        """The same for a target of which there is nothing but verdicts."""
        self._judged(view)
        parts = [one for _, one in self.findings.values()]
        self.written = joined([write(review_samples(view)), *parts])

    def _judged(self, view: Judged) -> None:
        self.view = view
        known = {name for name, (verdict, _) in self.findings.items() if verdict.known}
        self.dropped = (self.dropped | known) - all_findings().keys()
        self.findings = {
            name: self._contained(view, name, verdict) for name, verdict in view.verdicts.items()
        }

    def _finding(self, view: Judged, name: str, verdict: Verdict) -> tuple[Verdict, Written]:
        made = self.findings.get(name)
        if made and made[0] is verdict:
            return made
        if verdict.finding.is_review:
            return verdict, {}
        shown = worst_subjects(verdict, self.shown.get(name, frozenset()), self.worst)
        self.shown[name] = frozenset(subject.evidence.identity for subject in shown)
        said = (*finding_samples(view.name, verdict, shown), *self._incidents(view, verdict))
        return verdict, write(said)

    def _contained(self, view: Judged, name: str, verdict: Verdict) -> tuple[Verdict, Written]:
        """The lines of a finding; none where they can't be made."""
        try:
            return self._finding(view, name, verdict)
        except Exception as defect:
            DEFECTS.note("own metrics", defect, server=view.name, finding=name)
            return verdict, {}

    def _incidents(self, view: Judged, verdict: Verdict) -> Iterator[OwnSample]:
        finding, kept = verdict.finding.name, set()
        for incident in incidents(verdict, view.node.system_identifier):
            kept.add((finding, incident.database, incident.id))
            text = self.texts.of(verdict, incident)
            yield from incident_samples(view.name, finding, incident, text)
        self.texts.forget(finding, kept)

    def _collector(self, server: str, view: CollectorView) -> tuple[CollectorView, Written]:
        made = self.collectors.get(view.name)
        if made and made[0] == view:  # made anew each second, and mostly the same
            return made
        return view, write(collector_samples(server, view))


@dataclass(slots=True)
class Own:
    """Page of the pgvigil_* families, about all servers and the daemon itself."""

    worst: int = WORST
    """How many ill subjects of a finding become series of their own."""
    ill_before: Mapping[str, Set[str]] = field(default_factory=dict)
    """By server, the findings that were ill when the daemon was last stopped."""
    servers: dict[str, OwnServer] = field(default_factory=dict)
    targets: dict[str, OwnServer] = field(default_factory=dict)
    """Those that are no servers; their lines stand on every page, like the daemon's."""
    daemon: Written = field(default_factory=dict)
    renewed: set[str] = field(default_factory=set)
    """Servers whose lines are newer than the newest overview."""

    def renew(self, view: ServerView) -> None:
        """Write the lines of one server ahead of the overview that will hold this view."""
        server = self.servers.setdefault(view.name, self._new(view.name))
        server.written = {}
        with DEFECTS.contained("own metrics", server=view.name):
            server.update(view)
        self.renewed.add(view.name)

    def update(self, overview: Overview) -> list[str]:
        """Take over what is new; returns the servers of which something is."""
        changed = []
        before, self.servers = self.servers, {}
        for view in overview.servers:
            server = self.servers[view.name] = before.get(view.name) or self._new(view.name)
            if server.view is not view:
                server.written = {}  # nothing old is shown if this fails
                with DEFECTS.contained("own metrics", server=view.name):
                    server.update(view)
            elif view.name not in self.renewed:
                continue
            changed.append(view.name)
        self.renewed.clear()
        told = {name: target.written for name, target in self.targets.items()}
        kept, self.targets = self.targets, {}
        for other in overview.targets:
            target = self.targets[other.name] = kept.get(other.name) or OwnServer(self.worst)
            target.written = {}
            with DEFECTS.contained("own metrics", server=other.name):
                target.update_target(other)
        if told != {name: target.written for name, target in self.targets.items()}:
            changed = [*self.servers, *self.poolers]
        self.daemon = write(daemon_samples(overview))
        return changed

    @property
    def poolers(self) -> list[str]:
        """The names of the targets that are poolers."""
        views = ((name, target.view) for name, target in self.targets.items())
        return [name for name, view in views if view and _is_pooler(view)]

    def _new(self, server: str) -> OwnServer:
        return OwnServer(self.worst, dropped=self.ill_before.get(server, frozenset()))

    def page(self, server: str | None) -> Iterator[bytes]:
        """The daemon's own lines stand on every page, as each may be the only one that is read."""
        names = self.servers if server is None else [server]
        parts = [self.servers[name].written for name in names if name in self.servers]
        parts += [target.written for target in self.targets.values()]
        parts.append(self.daemon)
        for metric in OWN_METRICS:
            samples = [part[metric.name] for part in parts if metric.name in part]
            if samples:
                yield bytes(Head(metric.name, metric.type, metric.help))
                yield from samples


def _is_pooler(view: Judged) -> bool:
    return isinstance(view, TargetView) and view.kind is Kind.pgbouncer


BUILD = VERSION, platform.python_version()


def daemon_samples(overview: Overview) -> Iterator[OwnSample]:
    yield BUILD_INFO, BUILD, 1
    yield CONFIG_RELOAD_OK, (), overview.reload_ok
    yield CONFIG_RELOAD_TIMESTAMP, (), overview.reloaded or overview.started or None
    yield STATE_FILE_OK, (), overview.state_error is None
    for part in PARTS:
        yield DEFECTS_TOTAL, (part,), DEFECTS.counts[part]


def write(samples: Iterable[OwnSample]) -> Written:
    """Samples as lines, by family. A label set that comes again says nothing new."""
    lines: dict[str, dict[str, str]] = {}
    for metric, labels, value in samples:
        if value is not None:
            block = label_block(metric.labels, labels)
            lines.setdefault(metric.name, {}).setdefault(
                block, f"{metric.name}{block} {number(value)}\n"
            )
    return {name: encoded("".join(of.values())) for name, of in lines.items()}


def joined(parts: Iterable[Written]) -> Written:
    gathered: dict[str, list[bytes]] = {}
    for part in parts:
        for name, samples in part.items():
            gathered.setdefault(name, []).append(samples)
    return {name: b"".join(samples) for name, samples in gathered.items()}
