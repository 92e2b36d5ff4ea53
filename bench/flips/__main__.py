"""Makes plans bad on real servers, with a seed, and prints what query_regression told of them."""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from alerts.findings.queries.query_regression import Limits
from bench.flips import noise
from bench.flips.scenes import Scene, controls, flips
from bench.flips.watch import DAY, WINDOW, Watched, session
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
}
STATEMENTS = 520
EACH_WINDOW = 400
"""Statements of the noise executed in two minutes of the quickened clock."""
LEARNED = 14
"""Windows before anything is judged."""
AFTER = 4
"""Windows after each act."""
WELL = 2
"""Windows after it was undone."""
# A window has few calls, as it is over within a second; so their time may be short, too.
LIMITS = Limits(min_load=0.00002)


@dataclass(slots=True)
class Told:
    """What was told of one scene."""

    scene: Scene
    cause: str | None = None
    slower: float = 0.0
    blocks: tuple[float, float] = (0.0, 0.0)
    is_gone: bool = True
    """Whether it was well after the act was undone."""
    others: list[str] = field(default_factory=list)
    """Causes that were told of other statements in that time."""


@dataclass(slots=True)
class Figures:
    """What came out on one version."""

    version: int
    seed: int
    days: float = 0.0
    """Of the quickened clock in which nothing was done."""
    statements: int = 0
    false: list[str] = field(default_factory=list)
    """What was told in these days, and beside the scenes."""
    told: list[Told] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.flips", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--versions", default="14,18", help="major versions")
    parser.add_argument("--minutes", type=float, default=4.0, help="of quiet on each version")
    parser.add_argument("--only", help="names of scenes, such as f1,c2")
    parser.add_argument("--write", action="store_true", help="write bench/FLIPS.md")
    known = parser.parse_args(arguments)
    versions = [int(version) for version in known.versions.split(",")]
    text = page(asyncio.run(measured(versions, known.seed, known.minutes, known.only)))
    sys.stdout.write(text)
    if known.write:
        PAGE.write_text(text, encoding="utf-8")
    return 0


async def measured(
    versions: Sequence[int], seed: int, minutes: float, only: str | None
) -> list[Figures]:
    """Measure all versions beside each other."""
    return await asyncio.gather(*(figures(one, seed, minutes, only) for one in versions))


async def figures(version: int, seed: int, minutes: float, only: str | None) -> Figures:
    owner, random = Owner.unprivileged(), Random(seed)
    folder = SERVERS / f"pg{version}" / "native" / "bin"
    binaries = Binaries.at(folder) if version != 18 else Binaries.of_wheel()
    server = Postgres(binaries, owner.scratch("bench-"), owner)
    scenes = [*flips(random), *controls(random)]
    scenes = [s for s in scenes if not only or s.name in only.split(",")]
    with swept(server.folder):
        try:
            server.create(SETTINGS)
            server.start()
            await _furnish(server, random, scenes)
            watched = Watched(server, scenes, EACH_WINDOW, LIMITS)
            return await _play(watched, Figures(version, seed), minutes)
        finally:
            server.remove()


async def _furnish(server: Postgres, random: Random, scenes: Sequence[Scene]) -> None:
    async with session(server) as admin:
        await admin.execute("create role pgvigil login in role pg_monitor")
        await admin.execute("create extension pg_stat_statements")
        for statement in (*noise.setup(random, STATEMENTS), *(one.setup for one in scenes)):
            await admin.execute(statement)
    await asyncio.sleep(2)  # before 15, what was loaded is in the statistics a little later
    async with session(server) as admin:
        await admin.execute("vacuum analyze")


async def _play(watched: Watched, found: Figures, minutes: float) -> Figures:
    await watched.pass_by(LEARNED)
    watched.told.clear()
    end, begun = time.monotonic() + 60 * minutes, watched.windows
    while time.monotonic() < end:
        await watched.pass_by(10, is_quiet=True)
        _tell(found, f"{watched.windows} windows, told {sum(watched.told.values())}")
    found.days = (watched.windows - begun) * WINDOW / DAY
    found.statements = watched.statements
    found.false = [str(e.message) for e in watched.ill.values()]
    found.false += ["told and gone again"] * (sum(watched.told.values()) - len(watched.ill))
    await watched.pass_by(LEARNED)  # the statements of the scenes did not run for days
    for scene in watched.scenes:
        found.told.append(await _act(watched, scene))
        _tell(found, f"{scene.name} {scene.title}: {found.told[-1].cause}")
    return found


async def _act(watched: Watched, scene: Scene) -> Told:
    told, before = Told(scene), set(watched.ill)
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
        told.others += [
            str(one.facts["cause"])
            for key, one in watched.ill.items()
            if key not in before and watched.scene_of(one) != scene.name
        ]
        before |= set(watched.ill)
    watched.later.discard(scene.name)
    await watched.execute(*scene.undo)
    await watched.pass_by(WELL)
    told.is_gone = watched.of(scene) is None
    return told


def _tell(found: Figures, what: str) -> None:
    print(f"flips: {found.version}: {what}", file=sys.stderr, flush=True)


def is_right(told: Told) -> bool:
    """Whether it was told with a cause that is true."""
    return told.cause in told.scene.causes


def false_beside(told: Told) -> list[str]:
    """Return what was told of other statements, unless a changed setting reached them too."""
    return [] if told.scene.settings else told.others


def page(found: Sequence[Figures]) -> str:
    today = datetime.now(UTC).date()
    flipped = [told for one in found for told in one.told if told.scene.is_flip]
    quiet = [told for one in found for told in one.told if not told.scene.is_flip]
    days = sum(one.days for one in found)
    false = sum(len(one.false) for one in found)
    beside = sum(len(false_beside(told)) for told in (*flipped, *quiet))
    rows = [
        "# Plans that flip, measured",
        "",
        f"Made by `make bench ARGS='flips --seed {found[0].seed} --write'` on {today}. On a real"
        f" server of each version {STATEMENTS} drawn statements and those of the scenes are"
        " executed; then one plan after the other is made bad, and mended again. What they cost is"
        " read from pg_stat_statements and judged by the code that the daemon runs, with its"
        " limits except for the least load. The clock is quickened: two minutes are over with each"
        f" round of {EACH_WINDOW:,} statements, so a day has as many windows as a real one, with"
        " fewer calls in each. A cause is right if it is what was done, or how the plan differs.",
        "",
        "| | " + " | ".join(f"PostgreSQL {one.version}" for one in found) + " | aim |",
        "|---|" + "---|" * (len(found) + 1),
        _row("flips found", found, lambda one: _share(one, lambda told: told.cause is not None)),
        _row("cause named rightly", found, lambda one: _share(one, is_right), "≥ 90 %"),
        _row("gone after it was undone", found, lambda one: _share(one, lambda t: t.is_gone)),
        _row("days in which nothing was done", found, lambda one: f"{one.days:.1f}"),
        _row("statements", found, lambda one: str(one.statements)),
        _row("told in these days", found, lambda one: str(len(one.false))),
        _row(
            "told of others beside the scenes",
            found,
            lambda one: str(sum(len(false_beside(told)) for told in one.told)),
        ),
        "",
        f"False in the quiet days: {false} in {days:.1f} days, {false / max(days, 0.01):.2f} a day"
        f" (aim ≤ 0.1); of other statements beside the scenes: {beside}.",
        "",
        "| what is done | " + " | ".join(f"told on {one.version}" for one in found) + " |",
        "|---|" + "---|" * len(found),
    ]
    for place, told in enumerate(found[0].told):
        cells = (_cell(one.told[place]) for one in found)
        rows.append(f"| {told.scene.title} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _row(
    title: str, found: Sequence[Figures], value: Callable[[Figures], str], aim: str = ""
) -> str:
    return f"| {title} | " + " | ".join(value(one) for one in found) + f" | {aim} |"


def _share(one: Figures, has: Callable[[Told], bool]) -> str:
    flipped = [told for told in one.told if told.scene.is_flip]
    return f"{sum(map(has, flipped))} of {len(flipped)}"


def _cell(told: Told) -> str:
    if told.cause is None:
        return "nothing" if not told.scene.is_flip else "**nothing**"
    before, after = told.blocks
    text = f"{told.cause}, {told.slower:.1f} times, {before:.0f} → {after:.0f} blocks"
    return text if is_right(told) else f"**{text}**"


if __name__ == "__main__":
    sys.exit(main())
