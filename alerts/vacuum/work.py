"""Work of autovacuum: which tables its workers are at, how much they sleep, and what was in vain.

The workers are seen once a second in the sessions: the table stands in the text of each.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alerts.history.kind import SingleHistory
from alerts.history.memory import Memory, Namespace
from alerts.query_text import normalised
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import where
from collectors.activity import Session, activity
from collectors.user_tables import UserTable, user_tables

WORKER = "autovacuum worker"
AT_WORK = re.compile(r"autovacuum: VACUUM (?:ANALYZE )?(.+?)( \(to prevent wraparound\))?$")
GAP = 60.0
"""Seconds without an answer after which nothing is known to have lasted."""
SETTLED = 900.0
"""Seconds after a run within which the statistics of its table are read again for certain."""
CHECKED = 60.0
"""Seconds between two searches for the tables of runs that have ended."""
REMEMBERED = 86400.0
"""Seconds for which a run that did not finish is remembered."""
MINUTE = 60.0
HOUR = 3600.0
SHORTEST = 2
"""Looks that a run must have been seen in: less may be a table that was skipped."""
MOST = 500
"""Runs that wait to be checked, and runs in vain that are remembered, at most each."""


@dataclass(frozen=True, slots=True)
class Run:
    """One worker at one table."""

    datname: str | None
    table: str
    """Schema and name as the worker shows them, not quoted."""
    started: float
    """Unix seconds."""
    last: float
    looks: int = 1
    sleeping: int = 0
    """Looks in which it slept because of its cost limit."""
    wraparound: bool = False
    waiting: str | None = None
    """The statement that waited for a lock on the table when the run was last seen."""


@dataclass(frozen=True, slots=True)
class WorkLog:
    """State of the workers, as of the newest look."""

    running: tuple[Run, ...] = ()
    in_vain: tuple[Run, ...] = ()
    """Runs of the last day that ended without having finished, the oldest first."""
    busy_since: tuple[float, ...] = ()
    """At n - 1: the unix seconds since which n workers or more are busy."""
    looks: int = 0
    """How often a worker was seen within the last hour."""
    sleeping: int = 0
    at: float = 0.0

    def busy_for(self, workers: float) -> float:
        """Return the seconds for which that many workers have been busy without a pause."""
        index = int(workers) - 1
        known = 0 <= index < len(self.busy_since)
        return self.at - self.busy_since[index] if known else 0.0

    @property
    def sleeping_share(self) -> float:
        return self.sleeping / self.looks if self.looks else 0.0

    def on(self, table: UserTable) -> Run | None:
        """Return the run that is at a table now."""
        return next((run for run in self.running if _is(run, table)), None)

    def vain_runs(self, table: UserTable) -> tuple[Run, ...]:
        """Return the runs on a table that did not finish, since the last one that did."""
        finished = table.last_autovacuum or 0.0
        return tuple(r for r in self.in_vain if _is(r, table) and r.started > finished)


def _is(run: Run, table: UserTable) -> bool:
    same = run.table == f"{table.schemaname}.{table.relname}"
    return same and run.datname == table.datname


class AutovacuumWork(SingleHistory[WorkLog]):
    """Work of the autovacuum workers, and those of their runs that were in vain."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (activity, user_tables)

    def recorder(self, memory: Memory, namespace: Namespace) -> "WorkRecorder":
        return WorkRecorder()


WORK = AutovacuumWork()


@dataclass(slots=True)
class WorkRecorder:
    """Follows each run from its first look to the statistics that tell whether it finished."""

    runs: dict[tuple[str, str], Run] = field(default_factory=dict)
    ended: list[Run] = field(default_factory=list)
    in_vain: tuple[Run, ...] = ()
    busy_since: tuple[float, ...] = ()
    minutes: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Looks at workers, and those that slept, by minute."""
    at: float = 0.0
    checked: float = 0.0
    known: WorkLog = field(default_factory=WorkLog)

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is activity:
            self._learn_workers(answer.rows, answer.at)
        elif (self.ended or self.in_vain) and answer.at - self.checked >= CHECKED:
            self.checked = answer.at
            self._learn_ends(answer)
        self.known = self._log()

    def _learn_workers(self, rows: Sequence[Session], at: float) -> None:
        workers = [row for row in rows if row.backend_type == WORKER]
        if at - self.at > GAP:
            self.busy_since = ()
            self.runs.clear()
        more = (at,) * (len(workers) - len(self.busy_since))
        self.busy_since = (self.busy_since + more)[: len(workers)]
        seen = dict(self._seen(workers, rows, at))
        self.ended += [run for key, run in self.runs.items() if key not in seen]
        self.ended = [r for r in self.ended if r.looks >= SHORTEST][-MOST:]
        self.runs, self.at = seen, at
        sleeping = sum(_sleeps(worker) for worker in workers if AT_WORK.match(worker.query or ""))
        if seen:
            looks, slept = self.minutes.get(int(at // MINUTE), (0, 0))
            self.minutes[int(at // MINUTE)] = looks + len(seen), slept + sleeping
        self.minutes = {m: n for m, n in self.minutes.items() if m * MINUTE > at - HOUR}

    def _seen(
        self, workers: Sequence[Session], rows: Sequence[Session], at: float
    ) -> Iterator[tuple[tuple[str, str], Run]]:
        for worker in workers:
            if not (match := AT_WORK.match(worker.query or "")):
                continue
            key = worker.key, match[1]
            run = self.runs.get(key) or Run(
                worker.datname,
                match[1],
                started=at - (worker.xact_seconds or 0.0),
                last=at,
                looks=0,
                wraparound=match[2] is not None,
            )
            yield (
                key,
                replace(
                    run,
                    last=at,
                    looks=run.looks + 1,
                    sleeping=run.sleeping + _sleeps(worker),
                    waiting=_waiting(run, rows),
                ),
            )

    def _learn_ends(self, answer: AnyAnswer) -> None:
        """Tell runs that finished from those that did not, once the statistics are new enough."""
        tables = _tables(answer, [*self.ended, *self.in_vain])
        open_ones = []
        in_vain = [run for run in self.in_vain if not _is_settled(run, tables)]
        for run in self.ended:
            if _is_settled(run, tables):
                continue
            if answer.at - run.last < SETTLED:
                open_ones.append(run)
            else:
                in_vain.append(run)
        self.ended = open_ones
        recent = answer.at - REMEMBERED
        self.in_vain = tuple(run for run in in_vain if run.last > recent)[-MOST:]

    def _log(self) -> WorkLog:
        return WorkLog(
            tuple(self.runs.values()),
            self.in_vain,
            self.busy_since,
            sum(looks for looks, _ in self.minutes.values()),
            sum(slept for _, slept in self.minutes.values()),
            self.at,
        )

    def restart(self) -> None:
        """Runs that a restart ended were not cancelled."""
        self.runs, self.ended, self.busy_since, self.minutes = {}, [], (), {}
        self.known = self._log()

    def view(self, at: float) -> WorkLog:
        return self.known


def _is_settled(run: Run, tables: Mapping[tuple[str | None, str], UserTable]) -> bool:
    """Whether a vacuum has finished since, or that is not known: the statistics began anew."""
    table = tables.get((run.datname, run.table))
    return table is None or max(table.last_autovacuum or 0.0, table.stats_reset or 0.0) >= (
        run.started
    )


def _sleeps(worker: Session) -> bool:
    return worker.wait_event == "VacuumDelay"


def _waiting(run: Run, rows: Sequence[Session]) -> str | None:
    """Return the statement that waits for a lock and names the table."""
    name = run.table.rpartition(".")[2].lower()
    for row in rows:
        waits = row.wait_event_type == "Lock" and row.wait_event == "relation"
        if waits and row.datname == run.datname and name in (row.query or "").lower():
            return normalised(row.query)
    return None


def _tables(answer: AnyAnswer, runs: Sequence[Run]) -> Mapping[tuple[str | None, str], UserTable]:
    """Return the tables of these runs, by database and name as a worker shows it."""
    parts = {run.table[place + 1 :] for run in runs for place in _dots(run.table)}
    found = where(answer.rows, "relname", parts)
    return {(row.datname, f"{row.schemaname}.{row.relname}"): row for row in found}


def _dots(table: str) -> Iterator[int]:
    """Yield the places of dots: a name may contain some of its own."""
    return (place for place, letter in enumerate(table) if letter == ".")
