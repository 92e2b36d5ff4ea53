"""Draws workloads with a seed, films each and its honest twin, and prints who was warned."""

import argparse
import asyncio
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

import asyncpg

from bench.deadlock import photographs, table
from bench.deadlock.clients import available
from bench.deadlock.films import Films
from bench.deadlock.grammar import Driver, Workload, drawn
from bench.deadlock.replay import watch
from bench.deadlock.schema import MONITOR
from bench.deadlock.table import Row, Sample
from monitor.demo.binaries import Binaries, LaunchError, Owner
from monitor.demo.launcher import Postgres

SETTINGS = {"fsync": "off", "max_connections": 60, "shared_buffers": "64MB"}
USAGE, INTERRUPTED = 2, 130
TWIN = 12.0
"""Seconds that are enough of an honest twin, which has no deadlock to wait for."""


def main(arguments: Sequence[str] | None = None) -> int:
    known = _arguments().parse_args(arguments)
    drivers = [Driver(name) for name in known.drivers or available()]
    try:
        folder = known.postgres.resolve() if known.postgres else None
        binaries = Binaries.at(folder) if folder else Binaries.of_wheel()
        if known.photographs:
            return _photograph(binaries, known)
        samples = [_sample(seed, drivers, binaries, known) for seed in known.seed]
    except LaunchError as wrong:
        print(f"bench.deadlock: {wrong}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    for sample in samples:
        print("", *table.tables(sample), sep="\n")
    if known.write:
        table.write(samples, photographs.kept(known.films))
    return 0


def _photograph(binaries: Binaries, known: argparse.Namespace) -> int:
    number, sessions = known.photographs, known.sessions
    with server(binaries, photographs.SETTINGS) as postgres:
        counted = photographs.count(postgres, number, sessions, known.hog, known.seed[0])
    photographs.keep(known.films, counted)
    print(photographs.told(counted))
    return 0


def _sample(
    seed: int, drivers: Sequence[Driver], binaries: Binaries, known: argparse.Namespace
) -> Sample:
    chosen = list(drawn(seed, known.workloads, drivers))
    version = binaries.major()
    films = Films(known.films / f"{seed}-{version}{'-live' if known.live else ''}")
    if not known.replay:
        film_all(films, chosen, binaries, known)
    rows = tuple(watched(films, chosen))
    if known.replay:
        print(*map(table.told, rows), sep="\n")
    return Sample(seed, version, known.seconds, known.live, tuple(drivers), rows)


def film_all(
    films: Films, chosen: Sequence[Workload], binaries: Binaries, known: argparse.Namespace
) -> None:
    """What is not on disk yet; several servers at a time, each with one workload."""
    waiting: SimpleQueue[Workload] = SimpleQueue()
    for workload in chosen:
        if films.known(workload) is None:
            waiting.put(workload)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with server(binaries) as postgres:
                while not failed:
                    film_one(films, postgres, waiting.get_nowait(), known)
        except Empty:
            pass
        except BaseException as wrong:  # told by the main thread
            failed.append(wrong)

    for number in (signal.SIGINT, signal.SIGTERM):  # servers are stopped, films are kept
        signal.signal(number, lambda *_: failed.append(KeyboardInterrupt()))
    threads = [threading.Thread(target=work) for _ in range(min(known.jobs, waiting.qsize()))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def film_one(
    films: Films, postgres: Postgres, workload: Workload, known: argparse.Namespace
) -> None:
    seconds = min(known.seconds, TWIN) if workload.spec.is_honest else known.seconds
    film = films.take(postgres, workload, seconds, known.live)
    seen = watch(film, workload.is_right)
    print(table.told(Row(workload, film, seen, seen)), file=sys.stderr, flush=True)


def watched(films: Films, chosen: Sequence[Workload]) -> Iterator[Row]:
    for workload in chosen:
        film = films.known(workload)
        if film is not None:
            daemon = watch(film, workload.is_right, daemon=True)
            yield Row(workload, film, watch(film, workload.is_right), daemon)


@contextmanager
def server(binaries: Binaries, settings: Mapping[str, object] | None = None) -> Iterator[Postgres]:
    owner = Owner.unprivileged()
    place = owner.place(owner.scratch() / "programs")
    made = Postgres(binaries.reachable_for(owner, place), owner.scratch(), owner)
    try:
        made.create(SETTINGS | dict(settings or {}))
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
    parser = argparse.ArgumentParser(prog="bench deadlock", description=__doc__)
    parser.add_argument(
        "--seed", type=int, nargs="+", default=[1], help="that workloads are drawn with"
    )
    parser.add_argument("--workloads", type=int, default=20, help="how many, besides their twins")
    parser.add_argument("--seconds", type=float, default=40.0, help="of each run, at most")
    parser.add_argument("--jobs", type=int, default=2, help="servers at work at the same time")
    parser.add_argument("--drivers", nargs="+", choices=[*Driver], help="else all installed")
    parser.add_argument("--live", action="store_true", help="look by the daemon's own rhythm")
    parser.add_argument("--replay", action="store_true", help="watch films only, take none")
    parser.add_argument(
        "--postgres", metavar="BIN", type=Path, help="folder of another PostgreSQL's programs"
    )
    parser.add_argument(
        "--films",
        metavar="FOLDER",
        type=Path,
        default=Path("/tmp/pgvigil-films"),
        help="where films are kept; a run that was interrupted goes on from them",
    )
    parser.add_argument("--photographs", type=int, help="stage that many deadlocks instead")
    parser.add_argument("--sessions", type=int, default=480, help="beside the staged deadlocks")
    parser.add_argument("--hog", action="store_true", help="keep all cores busy at that time")
    parser.add_argument("--write", action="store_true", help=f"write {table.PAGE.name}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
