"""Films every workload, replays each film at each pace, and prints who was warned in time."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.deadlock.record import Film, record
from bench.deadlock.replay import PACES, Watched, closed, watch
from bench.deadlock.workloads import WORKLOADS, Workload
from monitor.demo.binaries import Binaries, LaunchError, Owner
from monitor.demo.launcher import Postgres

TABLE = Path(__file__).parents[1] / "DEADLOCK.md"
TEXT = """# Warned before the first deadlock

`python -m bench.deadlock --write` made this page on PostgreSQL {version}.

Clients run transactions against a real server while the lock table is filmed every 50 ms; each
film is then watched at several paces and from several moments on. *n/m*: of m such watchers, n had
warned (a warning of `deadlock_risk`) before the first circle closed; in runs without a deadlock, at
all. A circle closes about a second (`deadlock_timeout`) before its victim is told. Controls can
never deadlock: there every warning is false. "As the daemon": a look a second, four a second for
ten seconds after somebody was seen to wait.

{table}
"""
SETTINGS = {"fsync": "off", "max_connections": 60, "shared_buffers": "64MB"}
Runs = dict[str, list[list[Watched]]]
"""By pace: per run, what each phase saw."""


def main() -> int:
    known = _arguments().parse_args()
    try:
        with server(known.postgres) as postgres:
            lines = [line for workload in chosen(known) for line in row(postgres, workload, known)]
            version = postgres.binaries.major()
    except LaunchError as wrong:
        print(f"bench.deadlock: {wrong}", file=sys.stderr)
        return 2
    table = [*head(), *lines]
    print("", *table, sep="\n")
    if known.write:
        TABLE.write_text(TEXT.format(version=version, table="\n".join(table)), encoding="utf-8")
    return 0


def chosen(known: argparse.Namespace) -> Iterator[Workload]:
    return (w for w in WORKLOADS if not known.only or known.only in w.name)


def row(server: Postgres, workload: Workload, known: argparse.Namespace) -> Iterator[str]:
    films = []
    for run in range(known.runs or workload.runs):
        films.append(asyncio.run(record(server, workload, seed=known.seed + run)))
        print(f"{workload.name}: run {run + 1}, {films[-1].seconds:.0f} s", file=sys.stderr)
    yield sentence(workload, films, {pace.name: seen(films, pace.name) for pace in PACES})


def seen(films: list[Film], name: str) -> list[list[Watched]]:
    pace = next(pace for pace in PACES if pace.name == name)
    return [
        [watch(film, pace, phase, closing) for phase in range(pace.phases)]
        for film in films
        for closing in [closed(film)]
    ]


def sentence(workload: Workload, films: list[Film], runs: Runs) -> str:
    ends = [closed(film) for film in films]
    when = ", ".join("–" if end is None else f"{end:.0f}" for end in ends)
    cells = [f"{workload.name}", str(len(films)), "never" if workload.control else f"{when} s"]
    for by_run in runs.values():
        phases = [one for run in by_run for one in run]
        if workload.control:
            cells.append(f"{sum(one.warned is not None for one in phases)}/{len(phases)} false")
        else:
            cells.append(f"{sum(one.in_time for one in phases)}/{len(phases)}")
    proofs = Counter(p for by_run in runs.values() for r in by_run for one in r for p in one.proofs)
    print(f"  {cells} {dict(proofs)}", file=sys.stderr)
    return "| " + " | ".join(cells) + " |"


def head() -> list[str]:
    columns = ["workload", "runs", "first deadlock after", *(pace.name for pace in PACES)]
    return ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]


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
        yield made
    finally:
        made.remove()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.deadlock", description=__doc__)
    parser.add_argument("--only", metavar="WORDS", help="workloads with these words in their name")
    parser.add_argument("--runs", type=int, help="of each workload, instead of its own number")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--postgres", metavar="BIN", help="folder of another PostgreSQL's programs")
    parser.add_argument("--write", action="store_true", help=f"the table into {TABLE.name}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
