"""Films every workload, replays each film at each pace, and prints who was warned in time."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench.deadlock import table
from bench.deadlock.applications import DECENT, RISKY
from bench.deadlock.films import Films
from bench.deadlock.record import MONITOR
from bench.deadlock.replay import EVERY, PACES, closed, watch
from bench.deadlock.table import Row
from bench.deadlock.workloads import HONEST, OPPOSED, Workload
from monitor.demo.binaries import Binaries, LaunchError, Owner
from monitor.demo.launcher import Postgres

RUNS, CONTROLS = 6, 4
SETTINGS = {"fsync": "off", "max_connections": 60, "shared_buffers": "64MB"}


def main() -> int:
    known = _arguments().parse_args()
    chosen = [w for w in (*OPPOSED, *HONEST, *RISKY, *DECENT) if (known.only or "") in w.name]
    try:
        with server(known.postgres) as postgres:
            films = Films(postgres, known.films)
            rows = [watched(films, workload, known) for workload in chosen]
            version = postgres.binaries.major()
    except LaunchError as wrong:
        print(f"bench.deadlock: {wrong}", file=sys.stderr)
        return 2
    print("", *table.tables(rows), sep="\n")
    if known.write:
        table.write(rows, version)
    return 0


def watched(films: Films, workload: Workload, known: argparse.Namespace) -> Row:
    row = Row(workload)
    runs = known.runs or (RUNS if workload.warned else CONTROLS)
    for seed in range(known.seed, known.seed + runs):
        film = films.of(workload, seed)
        closing = closed(film)
        row.closings.append(closing)
        row.commits += film.commits
        for pace in (*PACES, EVERY):
            seen = [watch(film, pace, phase, closing) for phase in range(pace.phases)]
            row.watched.setdefault(pace.name, []).append(seen)
        print(f"{workload.name}: {table.told(row)}", file=sys.stderr, flush=True)
    return row


@contextmanager
def server(folder: str | None) -> Iterator[Postgres]:
    owner = Owner.unprivileged()
    scratch = owner.scratch()
    binaries = Binaries.at(Path(folder).resolve()) if folder else Binaries.of_wheel()
    place = owner.place(scratch / "programs")
    made = Postgres(binaries.reachable_for(owner, place), owner.scratch(), owner)
    try:
        made.create(SETTINGS)
        made.start()
        asyncio.run(_admit(made))
        yield made
    finally:
        made.remove()


async def _admit(server: Postgres) -> None:
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"create role {MONITOR} login in role pg_monitor")
    await admin.close()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.deadlock", description=__doc__)
    parser.add_argument("--only", metavar="WORDS", help="workloads with these words in their name")
    parser.add_argument("--runs", type=int, help=f"of each; else {RUNS}, of controls {CONTROLS}")
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--postgres", metavar="BIN", help="folder of another PostgreSQL's programs")
    parser.add_argument("--films", metavar="FOLDER", type=Path, help="keep films, use those kept")
    parser.add_argument("--write", action="store_true", help=f"write {table.PAGE.name}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
