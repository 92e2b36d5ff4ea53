"""The tables of what was seen, and the page that they are published on."""

import datetime
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.deadlock import photographs
from bench.deadlock.grammar import KEYS_GRANTED, KNOWABLE, Driver, Fault, Workload
from bench.deadlock.photographs import Count
from bench.deadlock.record import Film
from bench.deadlock.replay import Watched

PAGE = Path(__file__).parents[1] / "DEADLOCK.md"
LATER = 5.0
"""Seconds after the first meeting: a deadlock that closes sooner leaves hardly any time to warn."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run, as it was seen at 250 ms and by the daemon's rhythm."""

    workload: Workload
    film: Film
    often: Watched
    daemon: Watched

    @property
    def closed(self) -> float | None:
        return self.often.closed

    @property
    def in_scope(self) -> bool:
        """Whether the first deadlock closed more than five seconds after the first meeting."""
        met = self.often.met
        return self.closed is not None and met is not None and self.closed - met > LATER

    @property
    def none_yet(self) -> bool:
        """Whether there was no deadlock until the end of the run, though there were meetings."""
        return self.closed is None and self.often.met is not None

    def in_time(self, watched: Watched) -> bool:
        return watched.warned is not None and (self.closed is None or watched.warned < self.closed)

    @property
    def told_in_time(self) -> bool:
        """Whether it was told before, if only as information."""
        told = self.often.told
        return told is not None and (self.closed is None or told < self.closed)

    def false(self, watched: Watched) -> list[tuple[str, str]]:
        return [one for one in watched.warnings if not self.workload.is_right(one[0])]


@dataclass(frozen=True, slots=True)
class Sample:
    """All runs of one seed."""

    seed: int
    version: int
    seconds: float
    live: bool
    drivers: tuple[Driver, ...]
    rows: tuple[Row, ...]

    def of(self, fault: Fault, honest: bool) -> list[Row]:
        return [
            row
            for row in self.rows
            if row.workload.spec.fault is fault and row.workload.spec.is_honest is honest
        ]


def told(row: Row) -> str:
    """One run in one line."""
    seen, spec = row.often, row.workload.spec
    when = [f"{name} {_at(at)}" for name, at in (("met", seen.met), ("closed", seen.closed))]
    verdict = f"warned {_at(seen.warned)}; {[*seen.warnings]} hints={sorted(seen.hints)}"
    wrong = " FALSE" if row.false(seen) else ""
    return f"{spec.name} ({spec.style}): {', '.join(when)}, {verdict}{wrong} c={row.film.commits}"


def tables(sample: Sample) -> Iterator[str]:
    yield from _warned(sample)
    yield ""
    yield from _honest(sample)


TITLES = (
    "what is wrong",
    "runs",
    "first deadlock later than 5 s",
    "warned before, 250 ms",
    "as the daemon",
    "told before, as info too",
    "no deadlock yet: warned",
    "deadlock sooner: warned before",
    "photographed",
    "falsely warned of",
)


def _warned(sample: Sample) -> Iterator[str]:
    yield _line(*TITLES)
    yield "|---" * len(TITLES) + "|"
    known = [fault for fault in Fault if fault in KNOWABLE]
    for fault in known:
        yield _counts(fault, sample.of(fault, honest=False))
    everything = [row for fault in known for row in sample.of(fault, honest=False)]
    yield _counts("**all of these**", everything)
    for fault in Fault:
        if fault not in KNOWABLE:
            yield _counts(f"{fault} (can't be known)", sample.of(fault, honest=False))


def _counts(name: str, rows: Sequence[Row]) -> str:
    late = [row for row in rows if row.in_scope]
    none_yet = [row for row in rows if row.none_yet]
    died = [row for row in rows if row.closed is not None]
    soon = [row for row in died if not row.in_scope]
    return _line(
        name,
        len(rows),
        len(late),
        _share(sum(row.in_time(row.often) for row in late), len(late)),
        _share(sum(row.in_time(row.daemon) for row in late), len(late)),
        _share(sum(row.told_in_time for row in late), len(late)),
        _share(sum(row.in_time(row.often) for row in none_yet), len(none_yet)),
        _share(sum(row.in_time(row.often) for row in soon), len(soon)),
        _share(sum(row.often.photographed for row in died), len(died)),
        sum(bool(row.false(row.often) or row.false(row.daemon)) for row in rows),
    )


def _honest(sample: Sample) -> Iterator[str]:
    yield _line("honest twin of", "runs", "transactions", "deadlocks", "falsely warned of")
    yield "|---" * 5 + "|"
    everything: list[Row] = []
    for fault in Fault:
        rows = sample.of(fault, honest=True)
        everything += rows
        yield _twins(fault, rows)
    yield _twins("**all**", everything)


def _twins(name: str, rows: Sequence[Row]) -> str:
    false = sum(bool(row.false(row.often) or row.false(row.daemon)) for row in rows)
    commits = sum(row.film.commits for row in rows)
    return _line(
        name, len(rows), commits, sum(row.closed is not None for row in rows), f"**{false}**"
    )


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}" + (f" ({100 * part / whole:.0f} %)" if whole >= 10 else "")


def _at(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.1f} s"


def _line(*cells: object) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


TEXT = """# Warned before the first deadlock

`make bench ARGS='deadlock --seed 7 --workloads 60'` draws workloads from a grammar: tables and
rows, order, driver and plan mode, functions, procedures, triggers, foreign keys, upserts,
advisory locks, migrations, pauses, and what transactions do besides. Each workload that can
deadlock has an honest twin: the same code with the order kept, in some behind a gate or with rows
of their own. All run against a real server while a session with the rights of the daemon asks the
daemon's own queries every 250 ms; then the daemon's own memory and the judge of `deadlock_risk`,
with its shipped limits, watch what was recorded. Films are kept, and a run that was interrupted
continues with them. "As the daemon" looks once a second, and every 250 ms for ten seconds after a
session was seen to wait; half a second after a look it glances whether a session waits.

*Warned before*: a warning of what the workload does wrong came before the first deadlock closed,
which is with the last wait of its cycle, `deadlock_timeout` before its victim is told. The aim is
about first deadlocks later than five seconds after the first wait that was seen; sooner ones are
counted apart, and so are runs that ended without a deadlock. *Told before, as info too* includes
hints. *Falsely warned of*: runs with any warning that is not about what the workload does wrong.

The seeds of this page were drawn after the code was finished, and nothing that it concludes was
changed after they had run. The aim is four of five.

{claim}

Rows in no order are warned of only where steps from key to key go round in a cycle, because rows
that are sorted by another column also go both ways. Where the key was granted (`GRANT SELECT
(ctid, xmax, id)`, printed by `setup-sql --keys-of`) it is seen which transaction holds which rows,
whatever the statements are. Without it the keys in statements tell something, but the deadlock
mostly comes first: what is told before is information. Keys that are parameters, of batches and
upserts too, tell nothing then. Lock upgrades can't be known before, because no session waits. A
migration that locks tables against the order of the code meets that code once: the first meeting
is the deadlock.

## Photographs

`make bench ARGS='deadlock --photographs 120 --sessions 480'` stages deadlocks of two and three
sessions beside others, and watches with the daemon as it is shipped: its rhythm, its budget. Each
lasts for `deadlock_timeout`, one second. A statement is right if it is the one that the session
waited with; if that is not sure, none is shown.

{photographs}

{samples}
"""


def write(samples: Sequence[Sample], counts: Sequence[Count]) -> None:
    PAGE.write_text(
        TEXT.format(
            claim="\n".join(_claim(samples)),
            photographs="\n".join(map(photographs.told, counts)) or "Not measured.",
            samples="\n\n".join("\n".join(_sample(one)) for one in samples),
        ),
        encoding="utf-8",
    )


ORDERS = (Fault.tables, Fault.circle, Fault.foreign_key)
LOCKS = (Fault.advisory, Fault.advisory_row)


def _claim(samples: Sequence[Sample]) -> Iterator[str]:
    """The worst of all seeds, and all together, in sentences."""
    groups = {
        "Everything that locks can tell": tuple(KNOWABLE),
        "Opposite order of tables": ORDERS,
        "Opposite order of advisory locks": LOCKS,
        "Rows in no order, their key granted": KEYS_GRANTED,
        "Rows in no order, keys in the text only": (Fault.row_texts,),
    }
    for name, faults in groups.items():
        seeds = [
            [row for fault in faults for row in sample.of(fault, honest=False) if row.in_scope]
            for sample in samples
        ]
        late = [row for seed in seeds for row in seed]
        if not late:
            yield f"- {name}: no such run."
            continue
        daemon = sum(row.in_time(row.daemon) for row in late)
        info = sum(row.told_in_time for row in late)
        yield (
            f"- {name}, warned before: {_worst(seeds)} in the worst seed;"
            f" {_warned_of(late)} of {len(late)} in all, {daemon} as the daemon,"
            f" {info} if information counts too."
        )
    twins = [row for one in samples for row in one.rows if row.workload.spec.is_honest]
    false = sum(bool(row.false(row.often) or row.false(row.daemon)) for row in twins)
    yield f"- Falsely warned of: {false} of {len(twins)} honest twins, of all seeds."


def _warned_of(late: Sequence[Row]) -> int:
    return sum(row.in_time(row.often) for row in late)


def _worst(seeds: Sequence[Sequence[Row]]) -> str:
    worst = min((seed for seed in seeds if seed), key=lambda late: _warned_of(late) / len(late))
    return f"{_warned_of(worst)} of {len(worst)}"


def _sample(sample: Sample) -> Iterator[str]:
    date = datetime.datetime.now(tz=datetime.UTC).date()
    machine = f"{platform.system()} {platform.machine()} with {os.cpu_count()} shared cores"
    yield f"## Seed {sample.seed}, PostgreSQL {sample.version}"
    yield ""
    yield (
        f"{len(sample.rows)} runs of at most {sample.seconds:.0f} s on {date}, {machine};"
        f" clients: {', '.join(sample.drivers)}."
    )
    yield ""
    yield from tables(sample)
