"""The tables of what was seen, and the page that they are published on."""

import datetime
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.deadlock.replay import EVERY, PACES, Watched
from bench.deadlock.workloads import Workload

PAGE = Path(__file__).parents[1] / "DEADLOCK.md"
TEXT = """# Warned before the first deadlock

Made by `python -m bench.deadlock --write` on {date}, on PostgreSQL {version} and {machine}:
{runs} runs, {commits} committed transactions.

Clients run transactions against a real server while a session with the rights of the daemon asks
the daemon's own queries every 50 ms. Each such film is then watched at several paces, and from
several moments on (five, at 100 ms two), by the daemon's own memory and the judge of
`deadlock_risk` with its shipped limits. "As the daemon" is a look a second, and four a second for
ten seconds after somebody was seen to wait. "Every 50 ms" is the whole film: the most that can be
known.

*n/m*: of m such watchers, n had *warned before the first deadlock closed*. It closes with the last
wait of its circle, `deadlock_timeout` (one second) before its victim is told; the time is taken
from PostgreSQL's own `waitstart`. A run ends with its first deadlock; where there was none in time
(–), n counts those who had warned at all, for the code is as wrong. A warning of anything else
than what the workload does wrong is a false one, in all of them and of all paces.

{tables}
"""


@dataclass(slots=True)
class Row:
    """All runs of one workload."""

    workload: Workload
    closings: list[float | None] = field(default_factory=list)
    commits: int = 0
    watched: dict[str, list[list[Watched]]] = field(default_factory=dict)
    """By pace: per run, what each phase saw."""

    def of(self, pace: str) -> list[Watched]:
        return [one for run in self.watched.get(pace, ()) for one in run]

    def in_time(self, pace: str) -> int:
        return sum(self.is_right(one) and one.in_time for one in self.of(pace))

    def is_right(self, watched: Watched) -> bool:
        return bool(watched.subjects & self.workload.warned)

    @property
    def false(self) -> list[str]:
        """Subjects of false warnings."""
        seen = (one for pace in self.watched for one in self.of(pace))
        return [subject for one in seen for subject in one.subjects - self.workload.warned]


def told(row: Row) -> str:
    """The last run in one line, and why it was warned of."""
    paces = [f"{name} {row.in_time(name)}/{len(row.of(name))}" for name in row.watched]
    proofs = Counter(proof for pace in row.watched for one in row.of(pace) for proof in one.proofs)
    hints = Counter(hint for pace in row.watched for one in row.of(pace) for hint in one.hints)
    false = dict(Counter(row.false))
    return f"{_when(row.closings)}; {', '.join(paces)}; {false=} {dict(proofs)} hints={dict(hints)}"


def tables(rows: Sequence[Row]) -> Iterator[str]:
    wrong = [row for row in rows if row.workload.warned]
    honest = [row for row in rows if not row.workload.warned]
    if wrong:
        yield from _table("first deadlock closed after", wrong)
    if wrong and honest:
        yield ""
    if honest:
        yield from _honest(honest)


def _table(title: str, rows: Sequence[Row]) -> Iterator[str]:
    paces = [pace.name for pace in (*PACES, EVERY)]
    yield _line("workload", "runs", title, *paces, "false")
    yield "|---" * (len(paces) + 4) + "|"
    for row in rows:
        cells = (f"{row.in_time(name)}/{len(row.of(name))}" for name in paces)
        when = _when(row.closings)
        yield _line(row.workload.name, len(row.closings), when, *cells, len(row.false))
    sums = (
        f"**{sum(row.in_time(name) for row in rows)}/{sum(len(row.of(name)) for row in rows)}**"
        for name in paces
    )
    yield _line(
        "all", sum(len(r.closings) for r in rows), "", *sums, sum(len(r.false) for r in rows)
    )


def _honest(rows: Sequence[Row]) -> Iterator[str]:
    yield _line("honest workload", "runs", "transactions", "watchers", "false")
    yield "|---" * 5 + "|"
    for row in rows:
        watchers = sum(len(row.of(name)) for name in row.watched)
        yield _line(row.workload.name, len(row.closings), row.commits, watchers, len(row.false))
    false = f"**{sum(len(row.false) for row in rows)}**"
    runs, commits = sum(len(r.closings) for r in rows), sum(r.commits for r in rows)
    yield _line("all", runs, commits, sum(len(r.of(n)) for r in rows for n in r.watched), false)


def _when(closings: Iterable[float | None]) -> str:
    return ", ".join("–" if at is None else f"{at:.1f} s" for at in closings)


def _line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def write(rows: Sequence[Row], version: int) -> None:
    text = TEXT.format(
        date=datetime.datetime.now(tz=datetime.UTC).date(),
        version=version,
        machine=f"{platform.system()} {platform.machine()} with {os.cpu_count()} shared cores",
        runs=sum(len(row.closings) for row in rows),
        commits=f"{sum(row.commits for row in rows):,}",
        tables="\n".join(tables(rows)),
    )
    PAGE.write_text(text, encoding="utf-8")
