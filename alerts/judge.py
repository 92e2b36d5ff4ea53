"""Runner of judges; an exception in one judge never affects another finding."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from alerts._base import AnyFinding, Evidence, Measured, Unjudged
from alerts.cure import undone
from alerts.limits import BaseLimits
from alerts.raw_text import is_raw, printable, printable_grant
from alerts.snapshot import Snapshot, Unknown
from collectors._base import Absence, AnyCollector
from collectors._columns import column


@dataclass(frozen=True, slots=True)
class Judgement:
    """Output of a judge, before it becomes a verdict."""

    evidence: tuple[Evidence, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    judged: int = 0
    measured: tuple[Any, ...] = ()
    """Rows of the collector that the finding measures."""
    broken: Exception | None = None
    """Exception of the judge, to be logged with its traceback."""


def judge(finding: AnyFinding, snapshot: Snapshot, limits: BaseLimits) -> Judgement:
    """Judge one finding on a snapshot; missing input becomes unjudged, never healthy."""
    try:
        outcomes = list(finding.judge(snapshot, limits))
        unseen = list(_missing(finding, snapshot))
        seen = len(snapshot.rows(finding.reads[0])) if finding.reads else len(outcomes)
    except Unknown as unknown:
        return Judgement(unjudged=(_unjudged(unknown),))
    except Exception as defect:  # an error in one finding must not affect the others
        return Judgement(unjudged=(Unjudged(f"an error of pgvigil: {defect!r}"),), broken=defect)
    if not outcomes and not unseen:
        return Judgement(judged=seen)
    unseen += (_with_grant(outcome) for outcome in outcomes if isinstance(outcome, Unjudged))
    ill = (_printable(_undone(o)) for o in outcomes if isinstance(o, Evidence))
    evidence = tuple(_told_apart(ill))
    measured = tuple(o.row for o in outcomes if isinstance(o, Measured))
    return Judgement(evidence, tuple(unseen), max(0, seen - sum(_objects(unseen))), measured)


def _undone(evidence: Evidence) -> Evidence:
    """Let a pasted cure leave no setting behind."""
    cure = undone(evidence.cure)
    return evidence if cure == evidence.cure else replace(evidence, cure=cure)


def _printable(evidence: Evidence) -> Evidence:
    """Leave out statements that would not reach what they name."""
    if not is_raw("".join((*evidence.cure, evidence.check))):
        return evidence
    check = "" if is_raw(evidence.check) else evidence.check
    return replace(evidence, cure=tuple(printable(evidence.cure)), check=check)


def _with_grant(unjudged: Unjudged) -> Unjudged:
    """Leave out a GRANT that would not reach what it names."""
    grant = printable_grant(unjudged.grant)
    return unjudged if grant == unjudged.grant else replace(unjudged, grant=grant)


def _told_apart(evidence: Iterable[Evidence]) -> Iterator[Evidence]:
    """Give subjects with the same name distinct keys, in the order of the judge."""
    seen: dict[tuple[str, str], int] = {}
    for one in evidence:
        times = seen[one.identity] = seen.get(one.identity, 0) + 1
        yield one if times == 1 else replace(one, key=f"{one.identity[1]} #{times}")


def _missing(finding: AnyFinding, snapshot: Snapshot) -> Iterator[Unjudged]:
    """Yield databases that a collector could not query, once for each database and reason."""
    said = set()
    for collector in finding.reads:
        missing = snapshot.answer(collector).missing
        if missing and collector in finding.details:
            missing = _where_objects_are(finding.reads[0], snapshot, missing)
        for database, absence in missing.items() if missing else ():
            if (database, absence) not in said:
                said.add((database, absence))
                yield Unjudged(
                    absence.reason,
                    database=database,
                    grant=printable_grant(absence.grant),
                    setting=absence.setting,
                )


def _where_objects_are(
    objects: AnyCollector, snapshot: Snapshot, missing: Mapping[str, Absence]
) -> Mapping[str, Absence]:
    """Leave out databases that have no object to be judged."""
    answer = snapshot.answer(objects)
    there = {*column(answer.rows, "datname"), *answer.missing}
    return {database: why for database, why in missing.items() if database in there}


def _unjudged(unknown: Unknown) -> Unjudged:
    return Unjudged(unknown.reason, grant=printable_grant(unknown.grant), setting=unknown.setting)


def _objects(unjudged: list[Unjudged]) -> Iterator[int]:
    return (one.count for one in unjudged if one.subject)
