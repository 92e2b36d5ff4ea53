"""Predicts forms of DDL on a clone of PostgreSQL 18, and executes each on 14 to 18."""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from alerts.migrations.live import LiveServer
from alerts.migrations.verdict import Verdict, judged
from bench.migrations import table
from bench.migrations.execution import TABLES, executed, traffic
from bench.migrations.forms import FORMS, SCHEMA, SUMMARY, Sizes, filling
from bench.migrations.prediction import blocked_tables, touched, traces
from bench.migrations.table import Outcome
from monitor.address import Address
from monitor.demo.binaries import Binaries, LaunchError, Owner
from monitor.demo.launcher import Postgres
from monitor.migrations.live_facts import LiveFacts
from monitor.postgres.session import Session

SERVERS = Path(__file__).parents[2] / "tests" / "servers" / "node_modules"
SETTINGS = {
    "fsync": "off",
    "autovacuum": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "shared_preload_libraries": "pg_stat_statements",
    "max_connections": 60,
}
VERSIONS = (14, 15, 16, 17, 18)
OFTEN = 3
"""How often the server has read its other table before."""
USAGE, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    known = _arguments().parse_args(arguments)
    outcomes: list[Outcome] = []
    try:
        for version in known.versions:
            with server(version) as postgres:
                outcomes += asyncio.run(_compared(postgres, version, known.seed, known.forms))
    except LaunchError as wrong:
        print(f"bench.migrations: {wrong}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    print("", *table.tables(outcomes, known.seed), sep="\n")
    if known.write:
        table.write(outcomes, known.seed)
    return 0


async def _compared(
    postgres: Postgres, version: int, seed: int, wanted: Sequence[int]
) -> list[Outcome]:
    sizes = Sizes.drawn(seed * 100 + version)
    dsn = postgres.dsn("shop")
    await _furnish(postgres, sizes)
    forms = [form for form in FORMS if version >= form.since]
    forms = [forms[n] for n in wanted if n < len(forms)] or forms
    found = await traces(dsn, forms)
    outcomes = []
    async with traffic(dsn, seed):
        live = await _live(dsn, touched(found))
        for form, traced in zip(forms, found, strict=True):
            [verdict] = judged([traced], live).verdicts
            truth = await executed(dsn, form)
            outcome = Outcome(version, form, verdict, truth, _predicted(verdict))
            print(table.told(outcome), file=sys.stderr, flush=True)
            outcomes.append(outcome)
    return outcomes


def _predicted(verdict: Verdict) -> dict[str, str]:
    probed = {*TABLES, "summary", "recent"}
    return {t: who.value for t, who in blocked_tables(verdict).items() if t in probed}


async def _live(dsn: str, relations: Sequence) -> LiveServer:  # type: ignore[type-arg]
    session = await Session.open(Address.of(dsn, {}), "shop", 10, 10)
    try:
        return await LiveFacts(session).of("bench", relations, 1.0)
    finally:
        await session.close()


async def _furnish(postgres: Postgres, sizes: Sizes) -> None:
    admin = await asyncpg.connect(postgres.dsn())
    await admin.execute("CREATE DATABASE shop")
    await admin.close()
    shop = await asyncpg.connect(postgres.dsn("shop"))
    await shop.execute(f"CREATE EXTENSION pg_stat_statements; {SCHEMA}")
    for statement in filling(sizes).split(";\n"):
        await shop.execute(statement)
    await shop.execute(SUMMARY)
    await shop.execute("VACUUM ANALYZE")
    for _ in range(OFTEN):
        await shop.execute("SELECT count(*) FROM other")
    await shop.close()


@contextmanager
def server(version: int) -> Iterator[Postgres]:
    owner = Owner.unprivileged()
    folder = owner.scratch("bench-")
    try:
        home = SERVERS / f"pg{version}" / "native" / "bin"
        binaries = Binaries.of_wheel() if version == 18 else Binaries.at(home)
    except LaunchError:
        folder.rmdir()
        raise
    made = Postgres(binaries, folder, owner)
    try:
        made.create(SETTINGS)
        made.start()
        yield made
    finally:
        made.remove()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench migrations", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="that sizes are drawn with")
    parser.add_argument("--versions", type=int, nargs="+", default=VERSIONS)
    parser.add_argument("--forms", type=int, nargs="*", default=(), help="only these, by number")
    parser.add_argument("--write", action="store_true", help=f"write {table.PAGE.name}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
