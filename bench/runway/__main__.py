"""Draws series with a seed, watches them as pgvigil does, and prints who was warned."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from alerts._base import Severity
from alerts.history.samples import DAY, MINUTE
from bench.runway import slow
from bench.runway.series import honest, leaking
from bench.runway.watch import Watched, connections_of, slow_of, told_before

PAGE = Path(__file__).parent.parent / "RUNWAY.md"
IN_TIME = 10 * MINUTE
"""Lead that counts as in time for connections; for what lasts months it is 60 days."""
MONTHS = 60 * DAY


@dataclass(frozen=True, slots=True)
class Figures:
    """What came out of one seed."""

    seed: int
    quiet: list[Watched]
    leaks: list[Watched]
    calm: list[Watched]
    full: list[Watched]
    """Of the slow ones those that run out, and how many days before each was told."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.runway", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("--servers", type=int, default=40)
    parser.add_argument("--days", type=float, default=7.0, help="of each honest server")
    parser.add_argument("--write", action="store_true", help="write bench/RUNWAY.md")
    known = parser.parse_args(arguments)
    found = [figures(seed, known.servers, known.days) for seed in known.seed]
    text = page(found)
    sys.stdout.write(text)
    if known.write:
        PAGE.write_text(text, encoding="utf-8")
    return 0


def figures(seed: int, servers: int, days: float) -> Figures:
    seeds = range(seed * 10_000, seed * 10_000 + servers)
    return Figures(
        seed,
        [connections_of(honest(one), days) for one in seeds],
        [connections_of(leaking(one), 6.0) for one in seeds],
        [slow_of(slow.drawn(one, runs_out=False)) for one in seeds],
        [slow_of(slow.drawn(one, runs_out=True)) for one in seeds],
    )


def page(found: Sequence[Figures]) -> str:
    today = datetime.now(UTC).date()
    seeds = " and ".join(str(one.seed) for one in found)
    lines = [
        "# Forecasts, measured",
        "",
        f"Made by `make bench ARGS='runway --seed N --write'` on {today}, with the seeds {seeds}."
        " All series are drawn, none is recorded: connections with daily waves, weekends, heavy"
        " tails, bursts, deploys and restarts; slow numbers (as sequences, sizes and IDs) with"
        " workdays, bulk loads and growth that stops. Honest ones never run out; a forecast about"
        " one of them is false. They are watched by the code that the daemon runs, with its hold"
        " and hysteresis.",
        "",
        "| | " + " | ".join(f"seed {one.seed}" for one in found) + " | aim |",
        "|---|" + "---|" * (len(found) + 1),
    ]
    rows = [cells(one) for one in found]
    for n, (title, aim) in enumerate(TITLES):
        lines.append(f"| {title} | " + " | ".join(row[n] for row in rows) + f" | {aim} |")
    return "\n".join(lines) + "\n"


TITLES = (
    ("connections: days of honest servers", "≥ 100"),
    ("false forecasts a server a day", "≤ 0.02"),
    ("of these critical", "0"),
    ("leaks that filled all slots", ""),
    ("warned at least 10 minutes before", ""),
    ("median lead in minutes", ""),
    ("slow numbers: days of honest ones", "≥ 100"),
    ("false forecasts a number a day", "≤ 0.02"),
    ("of these critical", "0"),
    ("numbers that ran out within their days", ""),
    ("warned at least 60 days before", ""),
)


def cells(one: Figures) -> tuple[str, ...]:
    leaked = [w for w in one.leaks if w.full is not None]
    early = [min(e.at for e in w.episodes) for w in leaked if w.episodes]
    leads = [
        (w.full - min(e.at for e in w.episodes)) / MINUTE
        for w in leaked
        if w.episodes and w.full is not None
    ]
    ran_out = [w for w in one.full if w.full is not None]
    return (
        *false(one.quiet),
        str(len(leaked)),
        f"{told_before(leaked, IN_TIME)} of {len(leaked)}",
        f"{median(leads):.0f}" if early else "–",
        *false(one.calm),
        str(len(ran_out)),
        f"{told_before(ran_out, MONTHS)} of {len(ran_out)}",
    )


def false(watched: Sequence[Watched]) -> tuple[str, str, str]:
    """Return days, forecasts a day and critical ones of series that never run out."""
    days = sum(w.days for w in watched)
    told = [e for w in watched for e in w.episodes]
    critical = sum(e.severity is Severity.critical for e in told)
    return f"{days:.0f}", f"{len(told) / days:.4f}", str(critical)


if __name__ == "__main__":
    sys.exit(main())
