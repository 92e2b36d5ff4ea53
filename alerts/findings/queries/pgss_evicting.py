"""More different statements are executed than pg_stat_statements has room for."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.history.window import Window
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.plural import plural
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.statements.texts import STATEMENT_TEXTS
from alerts.units import Duration, duration_text
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.stat_statements_info import stat_statements_info

HOUR = timedelta(hours=1)
EVICTIONS = Window(stat_statements_info, HOUR)
MOST = "pg_stat_statements.max"
ROOM = 10_000
"""Entries with which the file of texts is still small."""
LIST = re.compile(r"(?:\?|\$\d+)(?: ?, ?(?:\?|\$\d+))+")
"""Values that differ in number alone."""
ALIKE = 0.25
"""Share of the known texts from which one form of them is named."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = HOUR
    """Time over which evictions are counted, at most one hour."""
    evictions: Annotated[float, Slack(0.5)] = 6
    """Evictions within the window. Each drops five percent of the entries, those that are used
    least; fewer take away nothing that matters."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    delta = snapshot.of(EVICTIONS).delta(limits.window).get(())
    if delta is None:
        return
    evicted = delta.increase["dealloc"]
    if evicted >= limits.evictions:
        yield evidence(snapshot, evicted, delta.seconds)
    elif not delta.full:
        yield Unjudged("evictions were not watched for long enough yet", until=delta.until)


def evidence(snapshot: Snapshot, evicted: float, seconds: float) -> Evidence:
    entries, form = len(snapshot.rows(stat_statements)), repeated_form(snapshot)
    return Evidence(
        subject="pg_stat_statements",
        severity=Severity.info,
        value=evicted,
        message=(
            f"pg_stat_statements made room {plural(round(evicted), 'time')} within"
            f" {duration_text(seconds)}, each time for five percent of its entries: what rare"
            " statements cost is counted in part only."
        ),
        facts={"evictions": evicted, "window_seconds": seconds, "entries": entries, "form": form},
        cure=tuple(cure(snapshot, form)),
        check=f"SHOW {MOST};",
    )


def repeated_form(snapshot: Snapshot) -> str | None:
    """Return the form that many of the known texts have, which differ in lists of values only."""
    texts = [text.shown for text in snapshot.of(STATEMENT_TEXTS).known.values()]
    # Without a list they don't differ in its length: each `SET …` hides another value.
    forms = Counter(form for text in texts if (form := LIST.sub("(…)", text)) != text)
    for form, count in forms.most_common(1):
        if count >= max(10, ALIKE * len(texts)):
            return form
    return None


def cure(snapshot: Snapshot, form: str | None) -> Iterator[str]:
    known = snapshot.answer(settings).by("name") if snapshot.has(settings) else {}
    row = known.get(MOST)
    current = int(row.number) if row is not None and row.number else None
    if form:
        yield remark("Statements that differ in the number of their values alone fill it. Send")
        yield remark("lists as one array (= ANY of a parameter); PostgreSQL 18 counts them as one.")
    else:
        yield remark("Names that are new each time (temporary tables, schemas, aliases, SET of a")
        yield remark("value) make each statement another one: see which texts look alike.")
    if current is None or current < ROOM:
        yield remark("Or give it more room:")
        yield from change(snapshot, MOST, str(ROOM))


finding = Finding(
    title="Statistics of statements are evicted",
    severities=(Severity.info,),
    reads=(stat_statements_info, stat_statements),
    consults=(settings,),
    history=(EVICTIONS, STATEMENT_TEXTS),
    limits=Limits(),
    judge=judge,
    unit="evictions",
    kind=FindingKind.review,
)
