"""Draws tables with a seed, estimates their bloat as the monitor, and rewrites each."""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench.bloat import table
from bench.bloat.measure import Measured, measured
from bench.bloat.shapes import DOMAINS, Shape, drawn, drawn_indexes
from collectors._capabilities import COLUMN_STATISTICS
from monitor.demo.binaries import Binaries, LaunchError, Owner
from monitor.demo.launcher import Postgres

SETTINGS = {
    "fsync": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": 0,
}
MONITOR = "pgvigil"
USAGE, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    known = _arguments().parse_args(arguments)
    try:
        folder = known.postgres.resolve() if known.postgres else None
        binaries = Binaries.at(folder) if folder else Binaries.of_wheel()
        samples = [_sample(seed, binaries, known) for seed in known.seed]
    except LaunchError as wrong:
        print(f"bench.bloat: {wrong}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    for sample in samples:
        print("", *table.tables(sample), sep="\n")
    if known.write:
        table.write(samples)
    return 0


def _sample(seed: int, binaries: Binaries, known: argparse.Namespace) -> table.Sample:
    shapes = [*drawn(seed, known.tables), *drawn_indexes(seed, known.indexed)]
    with server(binaries) as postgres:
        rows = asyncio.run(_measured(postgres, shapes))
    return table.Sample(seed, binaries.major(), tuple(rows))


async def _measured(postgres: Postgres, shapes: Sequence[Shape]) -> list[Measured]:
    rows = []
    admin = await asyncpg.connect(postgres.dsn())
    monitor = await asyncpg.connect(postgres.dsn(user=MONITOR))
    try:
        for shape in shapes:
            async for one in measured(admin, monitor, shape):
                print(table.told(one), file=sys.stderr, flush=True)
                rows.append(one)
    finally:
        admin.terminate()
        monitor.terminate()
    return rows


@contextmanager
def server(binaries: Binaries) -> Iterator[Postgres]:
    owner = Owner.unprivileged()
    made = Postgres(binaries, owner.scratch("bench-"), owner)
    try:
        made.create(SETTINGS)
        made.start()
        asyncio.run(_furnish(made))
        yield made
    finally:
        made.remove()


async def _furnish(postgres: Postgres) -> None:
    admin = await asyncpg.connect(postgres.dsn())
    grant = COLUMN_STATISTICS.grant.replace("{role}", MONITOR)
    await admin.execute(f"create role {MONITOR} login in role pg_monitor; {grant}")
    await admin.execute(f"create extension pgstattuple; {DOMAINS}")
    await admin.close()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench bloat", description=__doc__)
    parser.add_argument(
        "--seed", type=int, nargs="+", default=[1], help="that tables are drawn with"
    )
    parser.add_argument("--tables", type=int, default=24, help="how many, at four levels each")
    parser.add_argument("--indexed", type=int, default=8, help="and how many with six indexes each")
    parser.add_argument(
        "--postgres", metavar="BIN", type=Path, help="folder of another PostgreSQL's programs"
    )
    parser.add_argument("--write", action="store_true", help=f"write {table.PAGE.name}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
