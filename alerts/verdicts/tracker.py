"""Tracker: turns judgements into verdicts over time, with hold, hysteresis, mutes and events."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from alerts._base import AnyFinding, Evidence, Shape, State, Unjudged
from alerts.history.memory import Memory, Namespace
from alerts.judge import Judgement, judge
from alerts.limits import BaseLimits
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.units import duration_text
from alerts.verdicts.cases import Case, FindingCases
from alerts.verdicts.mutes import Mutes
from alerts.verdicts.places import places
from alerts.verdicts.verdict import Subject, Verdict

TRACKED = 1000
"""Maximum number of tracked ill subjects of one finding; the worst are kept."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Durations of holding and showing, in seconds."""

    visible: float = 30.0
    """Minimum time that a condition stays visible: two scrape intervals."""
    unknown: float = 3600.0
    """How long an ill subject is shown after it can no longer be judged."""
    hold: bool = True
    """Whether the hold of findings applies; a single check can't wait for it, and is learning where
    the evidence may be young."""


@dataclass(slots=True)
class VerdictTracker:
    """Tracker of the findings of one server."""

    memory: Memory = field(default_factory=Memory)
    timing: Timing = Timing()
    files: dict[Namespace, FindingCases] = field(default_factory=dict)
    """By finding and server: one that is still judged by an old snapshot keeps to its own."""
    defects: list[tuple[AnyFinding, Exception]] = field(default_factory=list)
    """Exceptions of judges, for the caller to log."""

    def decide(
        self, finding: AnyFinding, snapshot: Snapshot, limits: BaseLimits, mutes: Mutes
    ) -> Verdict:
        """Judge one finding now, and return its verdict, which depends on earlier ones."""
        namespace = _namespace(finding, snapshot.node)
        file = self._file(namespace)
        if not _is_applicable(finding, snapshot):
            file.cases.clear()
            file.places, file.known = {}, True
            state, since = State.not_applicable, _since(file, State.not_applicable, snapshot.at)
            file.verdict = Verdict(finding, state, snapshot.at, changed=since, known=True)
            return file.verdict
        found = self._judged(finding, snapshot, limits, file)
        facts = _facts(finding, snapshot)
        if file.is_blank and not (found.evidence or found.unjudged):
            # As of most findings, each time that they are judged.
            since = _since(file, State.healthy, snapshot.at)
            file.verdict = _well(finding, snapshot.at, found, since, facts)
            file.places, file.known = {}, True
            if file.kept:
                file.remember(self.memory, namespace)
            return file.verdict
        if finding.shape is Shape.event:
            subjects = self._count(finding, file, found, snapshot.at)
        else:
            oldest = min(facts.values(), default=snapshot.at)
            subjects = self._follow(finding, file, found, snapshot.at, oldest)
        heard, unheard = self._sorted_out(finding, snapshot, subjects, mutes)
        unjudged = (*found.unjudged, *self._pending(finding, file))
        state = _state(heard, unheard, unjudged)
        file.places = places(finding, (subject.evidence for subject in heard), file.places)
        file.known |= state not in (State.unknown, State.learning)
        file.verdict = Verdict(
            finding,
            state,
            snapshot.at,
            *(heard, unheard, found.judged, unjudged, file.events),
            changed=_since(file, state, snapshot.at),
            places=file.places,
            measured=found.measured,
            facts=facts,
            known=file.known,
        )
        file.remember(self.memory, namespace)
        return file.verdict

    def end_sessions(self, findings: Iterable[AnyFinding], node: ServerIdentity) -> None:
        """End the cases that can't survive a restart of the server."""
        for finding in findings:
            if not finding.outlives_restart:
                namespace = _namespace(finding, node)
                file = self.files.get(namespace) or FindingCases.recalled(self.memory, namespace)
                # Not cleared in namespace: the background thread may be judging by it just now.
                self.files[namespace] = file = replace(file, cases={})
                file.remember(self.memory, namespace)

    def _judged(
        self, finding: AnyFinding, snapshot: Snapshot, limits: BaseLimits, file: FindingCases
    ) -> Judgement:
        """Judge by the limits; for subjects that are ill already, by the relaxed ones."""
        found = judge(finding, snapshot, limits)
        if found.broken:
            self.defects.append((finding, found.broken))
        if not any(case.ill for case in file.cases.values()):
            return found
        kept = {evidence.identity: evidence for evidence in found.evidence}
        for evidence in judge(finding, snapshot, limits.relax()).evidence:
            case = file.cases.get(evidence.identity)
            if case and case.ill and _was_as_bad(case, evidence, kept.get(evidence.identity)):
                kept[evidence.identity] = evidence
        return replace(found, evidence=tuple(kept.values()))

    def _follow(
        self, finding: AnyFinding, file: FindingCases, found: Judgement, at: float, fact: float
    ) -> list[Subject]:
        """Follow the subjects over time. To judge the same facts once more is no second look: a
        condition has held when facts that are later by the hold (`fact`) show it too."""
        worst = sorted(found.evidence, key=_gravity, reverse=True)[:TRACKED]
        for evidence in worst:
            case = file.cases.setdefault(evidence.identity, Case(evidence, first=at, fact=fact))
            case.evidence, case.last = evidence, at
            held_long_enough = fact - case.fact >= finding.hold.total_seconds()
            if case.ill is None and (held_long_enough or self._is_at_once(evidence)):
                case.ill, case.shown = case.first, at
        for identity, case in list(file.cases.items()):
            if case.last != at and not self._stays(case, found, at):
                del file.cases[identity]
        ill = [(case, case.ill) for case in file.cases.values() if case.ill is not None]
        ill.sort(key=lambda one: _gravity(one[0].evidence), reverse=True)
        subjects = (_subject(case, since, found, at) for case, since in ill)
        return sorted(subjects, key=lambda subject: subject.over is not None)

    def _is_at_once(self, evidence: Evidence) -> bool:
        """Whether it is ill without a hold."""
        return not (self.timing.hold or evidence.may_be_young)

    def _stays(self, case: Case, found: Judgement, at: float) -> bool:
        """Return True if a missing case stays: for two scrapes, or longer if it is unjudged."""
        if case.ill is None:
            return False
        # A clock that was set back must not keep a subject ill.
        if _blinded(case.evidence, found):
            return abs(at - case.last) < self.timing.unknown
        return self.timing.hold and 0 <= at - case.shown < self.timing.visible

    def _count(
        self, finding: AnyFinding, file: FindingCases, found: Judgement, at: float
    ) -> list[Subject]:
        for evidence in found.evidence:
            if evidence.identity not in file.counted:
                file.count(evidence, at)
                file.events += evidence.value
            else:
                file.retell(evidence)
        recent = finding.linger.total_seconds()
        known = reversed(file.occurrences)
        return [Subject(e, when) for when, e in known if abs(at - when) < recent]

    def _sorted_out(
        self, finding: AnyFinding, snapshot: Snapshot, subjects: list[Subject], mutes: Mutes
    ) -> tuple[tuple[Subject, ...], tuple[Subject, ...]]:
        server = snapshot.node.server
        marked = [
            replace(
                s,
                muted=s.evidence.accepted
                or mutes.why(server, finding.name, s.evidence, snapshot.at),
            )
            for s in subjects
        ]
        heard = tuple(s for s in marked if s.muted is None)
        return heard, tuple(s for s in marked if s.muted is not None)

    def _pending(self, finding: AnyFinding, file: FindingCases) -> Iterator[Unjudged]:
        """Return a reason for unknown: a possible condition that has not held long enough yet."""
        before, seconds = file.verdict, finding.hold.total_seconds()
        if self.timing.hold and before and before.state not in (State.unknown, State.learning):
            return
        for case in file.cases.values():
            if case.ill is None:
                reason = "it has yet to hold"
                if not self.timing.hold:
                    reason = (
                        f"one look can't tell whether it is older than {duration_text(seconds)}"
                    )
                where, subject = case.evidence.database, case.evidence.subject
                until = case.first + seconds
                yield Unjudged(reason, where, subject, until=until, seen=case.evidence)

    def _file(self, namespace: Namespace) -> FindingCases:
        file = self.files.get(namespace)
        if file is None:
            file = self.files[namespace] = FindingCases.recalled(self.memory, namespace)
        return file


def _well(
    finding: AnyFinding, at: float, found: Judgement, since: float, facts: Mapping[str, float]
) -> Verdict:
    """Return the verdict where nothing is ill, was ill, or could not be judged."""
    return Verdict(
        finding,
        State.healthy,
        at,
        judged=found.judged,
        changed=since,
        measured=found.measured,
        facts=facts,
        known=True,
    )


def _facts(finding: AnyFinding, snapshot: Snapshot) -> dict[str, float]:
    """When the oldest facts of each collector were read that the finding needs."""
    known = ((one.name, snapshot.answers.get(one)) for one in finding.reads)
    return {name: answer.since for name, answer in known if answer is not None}


def _state(
    heard: tuple[Subject, ...], unheard: tuple[Subject, ...], unjudged: tuple[Unjudged, ...]
) -> State:
    if any(not subject.held for subject in heard):
        return State.ill
    if any(one.until is None for one in unjudged):
        return State.unknown
    if unjudged:
        return State.learning
    return State.muted if unheard else State.healthy


def _is_applicable(finding: AnyFinding, snapshot: Snapshot) -> bool:
    """Whether that server has what it judges, as far as its role and version are known."""
    node = snapshot.node
    has_role = not (finding.on and node.role) or finding.on is node.role
    is_old = node.version is not None and node.version < finding.since_version
    return has_role and not is_old and (finding.applies is None or finding.applies(snapshot))


def _since(file: FindingCases, state: State, at: float) -> float:
    """Since when it is in this state, in unix seconds."""
    before = file.verdict
    return before.changed if before and before.state is state else at


def _was_as_bad(case: Case, relaxed: Evidence, strict: Evidence | None) -> bool:
    """Apply the relaxed limits: a subject can stay ill or critical by them, but not become it."""
    if strict is None:
        return True
    return strict.severity.rank < relaxed.severity.rank <= case.evidence.severity.rank


def _subject(case: Case, since: float, found: Judgement, at: float) -> Subject:
    """Hold missing cases that can't be judged, and end the others."""
    absent = case.last != at
    held = absent and _blinded(case.evidence, found)
    return Subject(case.evidence, since, held, over=case.last if absent and not held else None)


def _blinded(evidence: Evidence, found: Judgement) -> bool:
    """Return True if an unjudged object may be this subject."""
    return any(
        one.database in (None, evidence.database)
        and one.subject in (None, evidence.subject)
        and _may_be_one_file(one, evidence)
        for one in found.unjudged
    )


def _may_be_one_file(one: Unjudged, evidence: Evidence) -> bool:
    return (
        None in (one.relfilenode, evidence.relfilenode) or one.relfilenode == evidence.relfilenode
    )


def _gravity(evidence: Evidence) -> tuple[int, float]:
    return evidence.severity.rank, evidence.value


def _namespace(finding: AnyFinding, node: ServerIdentity) -> Namespace:
    return Namespace(node.system_identifier or "", node.server, finding.name)
