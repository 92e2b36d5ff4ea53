"""Comparison of the predicted mean wait with that at pgbouncer, for three loads drawn by a seed."""

import argparse
import asyncio
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from alerts.pooler.sizing import Sizing, sizings
from bench.pool.loads import DrawnLoad, drawn
from bench.pool.scene import Crowd, pgbouncer, running
from monitor.config.load import load as load_settings
from monitor.config.model import settings_type
from monitor.look_once import look_at_poolers

PAGE = Path(__file__).parent.parent / "POOL.md"
WARM_UP = 8.0
"""Seconds before the first look: the pool has opened its connections by then."""
AIM = 0.30
DISTURBED = 10
"""Mean service times by which a transaction may come too late."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One load: what was predicted from two looks at the console, and what was waited."""

    seed: int
    load: DrawnLoad
    sizing: Sizing
    late: int
    behind: float
    """See Crowd."""

    @property
    def is_disturbed(self) -> bool:
        """Whether the machine was too busy to let transactions arrive as they were drawn."""
        return self.behind > DISTURBED * self.load.service

    @property
    def predicted(self) -> float:
        least, most = self.sizing.wait_at(self.load.size)
        return (least + most) / 2

    @property
    def error(self) -> float:
        waited = self.sizing.waited
        return math.inf if not waited else abs(self.predicted - waited) / waited


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.pool", description=__doc__)
    parser.add_argument("--seed", type=int, action="append", required=True)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each load")
    parser.add_argument("--write", action="store_true", help="write bench/POOL.md")
    known = parser.parse_args(arguments)
    found = [
        asyncio.run(compared(seed, load, known.seconds))
        for seed in known.seed
        for load in drawn(seed)
    ]
    text = page(found, known.seconds)
    sys.stdout.write(text)
    if known.write:
        PAGE.write_text(text, encoding="utf-8")
    return 0


async def compared(seed: int, load: DrawnLoad, seconds: float) -> Compared:
    async with running(load) as scene:
        crowd = await Crowd.of(scene)
        await crowd.fill(load.size)
        arriving = asyncio.create_task(crowd.arrive(load, seed, seconds + 3 * WARM_UP))
        await asyncio.sleep(WARM_UP)
        crowd.behind = 0.0
        flags = {"servers.db.dsn": scene.server.dsn(), "poolers.pool.dsn": scene.dsn}
        settings = load_settings(flags, {}, settings_type())
        [looks] = await look_at_poolers(settings, {}, seconds)
        behind = crowd.behind
        arriving.cancel()
        await asyncio.gather(arriving, return_exceptions=True)
        await crowd.close()
    if looks.failure:
        raise RuntimeError(looks.failure)
    [sizing] = sizings(looks.before, looks.after)
    return Compared(seed, load, sizing, crowd.late, behind)


def page(found: Sequence[Compared], seconds: float) -> str:
    seeds = " and ".join(str(seed) for seed in dict.fromkeys(one.seed for one in found))
    head = (
        "# Waits at a pool, predicted\n\n"
        f"Made by `make bench ARGS='pool --seed N --write'` on {datetime.now(UTC):%Y-%m-%d}, with"
        f" the seeds {seeds}: {seconds:.0f} s of each load through a real"
        f" {pgbouncer().name} before PostgreSQL 18. Transactions arrive at random; each is a"
        " `pg_sleep` of a drawn length. Predicted by `pgvigil pool` from two looks at the console"
        " and the variation that pg_stat_statements tells; measured is PgBouncer's own"
        " `total_wait_time`. The aim is an error of at most 30 %.\n\n"
    )
    lines = [
        "| seed | service times | pool | used | transactions | variation | predicted | measured"
        " | error | late by |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(one) for one in found]
    return head + "\n".join(lines) + f"\n\n{_verdict(found)}\n"


def _verdict(found: Sequence[Compared]) -> str:
    """Return what came out; a pool that is used in full has no mean wait that could be told."""
    known = [one for one in found if not math.isinf(one.predicted)]
    steady = [one for one in known if not one.is_disturbed]
    worst = max((one.error for one in steady), default=math.inf)
    met = "met" if worst <= AIM else "missed"
    text = (
        f"The worst error of the {len(steady)} loads that came as drawn and that the pool could"
        f" keep up with is {worst:.0%}: the aim is {met} for them."
    )
    if disturbed := [one.error for one in known if one.is_disturbed]:
        text += (
            f" In {len(disturbed)} more the machine was too busy: transactions came late and then"
            f" many at once, by more than {DISTURBED} service times; the worst error there is"
            f" {max(disturbed):.0%}."
        )
    if full := len(found) - len(known):
        text += (
            f" {full} of {len(found)} used the pool in full, as measured service times were longer"
            " than drawn on a busy machine: there the queue grows, `pgvigil pool` says that the"
            " pool can't keep up, and no wait is predicted."
        )
    return text


def _row(one: Compared) -> str:
    sizing = one.sizing
    cells = (
        str(one.seed),
        one.load.kind,
        str(one.load.size),
        f"{sizing.busy / one.load.size:.0%}",
        f"{sizing.transactions:,}",
        f"{sizing.variation.most:.2f}",
        "none" if math.isinf(one.predicted) else f"{one.predicted * 1000:.2f} ms",
        f"{sizing.waited * 1000:.2f} ms",
        "none" if math.isinf(one.error) else f"{one.error:.0%}",
        f"{one.behind * 1000:.0f} ms{' (disturbed)' if one.is_disturbed else ''}",
    )
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
