"""Makes plans bad on real servers, with a seed, and prints what query_regression told of them."""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

from alerts.findings.queries.query_regression import Limits
from bench.flips import noise
from bench.flips.controls import controls
from bench.flips.judged import DAY, WINDOW, Judged
from bench.flips.page import Figures, Told, page
from bench.flips.recording import Recording
from bench.flips.replay import in_order, replayed
from bench.flips.scene import Scene
from bench.flips.watch import Watched, session
from bench.flips.ways import flips
from bench.killed import swept
from monitor.demo.binaries import Binaries, Owner
from monitor.demo.launcher import Postgres

PAGE = Path(__file__).parents[1] / "FLIPS.md"
SERVERS = Path(__file__).parents[2] / "tests" / "servers" / "node_modules"
SETTINGS = {
    "fsync": "off",
    "shared_buffers": "128MB",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": 5000,
    "track_io_timing": "on",
    "autovacuum": "off",  # it goes by the real clock, and would mend some scenes at once
}
STATEMENTS = 520
EACH_WINDOW = 400
"""Statements of the noise executed in two minutes of the quickened clock."""
LEARNED = 14
"""Windows before anything is judged."""
PIECE = 10
"""Windows of the same mood."""
AFTER = 4
"""Windows after each act."""
WELL = 2
"""Windows after it was undone."""
# A window has few calls, as it is over within a second; so their time may be short, too.
LIMITS = Limits(min_load=0.00002)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.flips", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--versions", default="14,15,16,17,18", help="major versions")
    parser.add_argument("--minutes", type=float, default=4.0, help="of quiet on each version")
    parser.add_argument("--days", type=float, default=20.0, help="replayed of each version")
    parser.add_argument("--only", help="names of scenes, such as f1,c2")
    parser.add_argument("--write", action="store_true", help="write bench/FLIPS.md")
    known = parser.parse_args(arguments)
    versions = [int(version) for version in known.versions.split(",")]
    played = asyncio.run(measured(versions, known))
    found = [figures for figures, _ in played]
    command = command_of(known)
    _write(command, found, known.write)  # the replay takes minutes, and may be ended
    if known.days:
        replay(played, known.seed, known.days)
    sys.stdout.write(_write(command, found, known.write))
    return 0


def replay(played: Sequence[tuple[Figures, Recording]], seed: int, days: float) -> None:
    """Replay what was recorded, in as many processes as there are cores."""
    with ProcessPoolExecutor() as pool:
        tasks = [
            (
                pool.submit(in_order, recording, LIMITS, one.version * 10_000),
                pool.submit(replayed, recording, LIMITS, one.version * 10_000, seed, days),
            )
            for one, recording in played
        ]
        for (one, _), (ordered, drawn) in zip(played, tasks, strict=True):
            one.ordered, one.replayed = ordered.result(), drawn.result()


def command_of(known: argparse.Namespace) -> str:
    """Return the command with all that decides how long it measures, and what."""
    only = f" --only {known.only}" if known.only else ""
    return (
        f"make bench ARGS='flips --seed {known.seed} --versions {known.versions}"
        f" --minutes {known.minutes:g} --days {known.days:g}{only} --write'"
    )


def _write(command: str, found: Sequence[Figures], is_wanted: bool) -> str:
    text = page(command, found, STATEMENTS, EACH_WINDOW)
    if is_wanted:
        PAGE.write_text(text, encoding="utf-8")
    return text


async def measured(
    versions: Sequence[int], known: argparse.Namespace
) -> list[tuple[Figures, Recording]]:
    """Measure all versions beside each other."""
    return await asyncio.gather(*(played(one, known) for one in versions))


async def played(version: int, known: argparse.Namespace) -> tuple[Figures, Recording]:
    """Play all scenes on one version, and record the quiet time before them."""
    owner, random = Owner.unprivileged(), Random(known.seed)
    folder = SERVERS / f"pg{version}" / "native" / "bin"
    binaries = Binaries.at(folder) if version != 18 else Binaries.of_wheel()
    server = Postgres(binaries, owner.scratch("bench-"), owner)
    scenes = [*flips(random), *controls(random)]
    scenes = [s for s in scenes if not known.only or s.name in known.only.split(",")]
    found, judged = Figures(version), Judged(version * 10_000, LIMITS)
    watched = Watched(server, scenes, EACH_WINDOW, judged)
    with swept(server.folder):
        try:
            server.create(SETTINGS)
            server.start()
            await _furnish(server, random, scenes)
            await _play(watched, found, random, known.minutes)
        finally:
            server.remove()
    return found, watched.recording


async def _furnish(server: Postgres, random: Random, scenes: Sequence[Scene]) -> None:
    async with session(server) as admin:
        await admin.execute("create role pgvigil login in role pg_monitor")
        await admin.execute("create extension pg_stat_statements")
        for statement in (*noise.setup(random, STATEMENTS), *(one.setup for one in scenes)):
            await admin.execute(statement)
    await asyncio.sleep(2)  # before 15, what was loaded is in the statistics a little later
    async with session(server) as admin:
        await admin.execute("vacuum analyze")


async def _play(watched: Watched, found: Figures, random: Random, minutes: float) -> None:
    await watched.pass_by(LEARNED)
    await _wait(watched, found, random, minutes)
    await watched.pass_by(LEARNED)  # the statements of the scenes did not run for days
    for scene in watched.scenes:
        found.told.append(await _act(watched, scene))
        _tell(found, f"{scene.name} {scene.title}: {found.told[-1].cause}")
        for one in found.told[-1].others:
            _tell(found, f"beside it, {one}")


async def _wait(watched: Watched, found: Figures, random: Random, minutes: float) -> None:
    """Let days pass in which no plan is made bad."""
    begun = watched.windows
    watched.news.clear()
    end, moods = time.monotonic() + 60 * minutes, noise.moods(random)
    while time.monotonic() < end:
        mood, shift = next(moods)
        known = len(watched.news)
        await watched.pass_quietly(PIECE, mood, shift)
        _tell(found, f"{watched.windows} windows, {mood.title}, told {len(watched.news)}")
        for one in watched.news[known:]:
            _tell(found, str(one))
    await watched.record_texts()
    found.days = (watched.windows - begun) * WINDOW / DAY
    found.statements = watched.statements
    found.quiet = list(watched.news)


async def _act(watched: Watched, scene: Scene) -> Told:
    told, first = Told(scene), len(watched.news)
    await watched.explain()
    watched.later.add(scene.name)
    await watched.execute(*scene.act)
    if scene.restart:
        watched.server.restart()
    for _ in range(AFTER):
        await watched.pass_by(1)
        if (evidence := watched.of(scene)) and told.cause is None:
            facts = evidence.facts
            told.cause, told.slower = str(facts["cause"]), evidence.value
            told.blocks = float(facts["blocks_before"] or 0), float(facts["blocks_after"] or 0)
    told.others = [one for one in watched.news[first:] if one.scene != scene.name]
    watched.later.discard(scene.name)
    await watched.execute(*scene.undo)
    await watched.pass_by(WELL)
    told.is_gone = watched.of(scene) is None
    return told


def _tell(found: Figures, what: str) -> None:
    print(f"flips: {found.version}: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
