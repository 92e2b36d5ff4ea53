"""Watching: traffic on a real server, and the daemon's own history and judge on what it counts.

The clock is quickened: two minutes are over with each round of traffic. All else is real.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from alerts._base import Evidence
from alerts.findings.queries.query_regression import Limits, finding
from alerts.history.recorder import Recorder
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.statements.texts import STATEMENT_TEXTS
from alerts.verdicts.mutes import Mutes
from alerts.verdicts.tracker import Timing, VerdictTracker
from bench.flips.scenes import CALLS, Scene
from collectors._base import Answer, AnyCollector, Role
from collectors.index_layout import index_layout
from collectors.settings import settings
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_indexes import user_indexes
from collectors.user_tables import user_tables
from monitor.clock import Clock
from monitor.demo.launcher import Postgres
from monitor.polling.reader import Place, Reader
from monitor.polling.wanted_rows import wanted_rows
from monitor.postgres.privileges import Privileges
from monitor.postgres.session import Session

WINDOW = 120.0
BEGIN = 1_800_000_000.0
ASKED: tuple[AnyCollector, ...] = (
    settings,
    user_tables,
    user_indexes,
    index_layout,
    stat_statements,
    statement_texts,
)
DEADLINE = 60.0
HOLDS = 0.3
"""Seconds that the session which is in the way holds its lock."""
DAY = 86_400.0


@dataclass
class Watched:
    """A server under traffic, and what is told of it."""

    server: Postgres
    scenes: Sequence[Scene]
    noise: int
    """Statements of the noise executed in each window."""
    limits: Limits
    at: float = BEGIN
    windows: int = 0
    told: Counter[int] = field(default_factory=Counter)
    """By query id, how often it became ill."""
    ill: dict[int, Evidence] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    """Scenes whose act is done."""
    recorder: Recorder = field(default_factory=lambda: Recorder(wants=finding.history))
    tracker: VerdictTracker = field(default_factory=lambda: VerdictTracker(timing=Timing()))
    texts: dict[int, str] = field(default_factory=dict)
    statements: int = 0
    """That pg_stat_statements knows."""

    async def pass_by(self, windows: int, is_quiet: bool = False) -> None:
        """Let time pass; while it is quiet, without the statements of the scenes."""
        for _ in range(windows):
            if is_quiet:
                await self._noise()
            else:
                await asyncio.gather(self._noise(), self._traffic())
            self.at += WINDOW
            self.windows += 1
            await self._look()

    async def execute(self, *statements: str) -> None:
        async with session(self.server) as connection:
            for statement in statements:
                await connection.execute(statement)

    def of(self, scene: Scene) -> Evidence | None:
        """Return what is told of the statement of a scene."""
        return next((e for e in self.ill.values() if self.scene_of(e) == scene.name), None)

    def scene_of(self, evidence: Evidence) -> str | None:
        text = self.texts.get(int(str(evidence.facts["query_id"])), "")
        return next((s.name for s in self.scenes if f"{s.name}.{s.name}t " in f"{text} "), None)

    async def _noise(self) -> None:
        async with session(self.server) as connection:
            await connection.execute(f"call noise.run({self.windows * self.noise}, {self.noise})")

    async def _traffic(self) -> None:
        async with session(self.server) as connection:
            for scene in self.scenes:
                script = _script(scene, scene.name in self.later)
                if scene.name in self.later and scene.rival:
                    await asyncio.gather(self._hold(scene.rival), connection.execute(script))
                elif scene.name in self.later and scene.busy:
                    spinning = (self._spin() for _ in "abcd")
                    await asyncio.gather(*spinning, connection.execute(script))
                else:
                    await connection.execute(script)

    async def _hold(self, statement: str) -> None:
        async with session(self.server) as connection, connection.transaction():
            await connection.execute(statement)
            await asyncio.sleep(HOLDS)

    async def _spin(self) -> None:
        async with session(self.server) as connection:
            await connection.execute(
                "do $$ begin for n in 1..200000 loop perform md5(n::text); end loop; end $$"
            )

    async def _look(self) -> None:
        snapshot = await self._snapshot()
        known = snapshot.of(STATEMENT_TEXTS).known
        self.texts |= {query_id: text.query.replace('"', "") for query_id, text in known.items()}
        verdict = self.tracker.decide(finding, snapshot, self.limits, Mutes())
        for _, defect in self.tracker.defects:
            raise defect
        now = {int(str(s.evidence.facts["query_id"])): s.evidence for s in verdict.subjects}
        self.told.update(now.keys() - self.ill.keys())
        self.ill = now

    async def _snapshot(self) -> Snapshot:
        async with session(self.server, "pgvigil") as connection:
            own = await Session.of(connection, DEADLINE)
            needs = {need for collector in ASKED for need in collector.needs}
            place = Place(own, await Privileges.probe(own, needs, DEADLINE), Role.primary)
            version, system = own.identity.version, own.identity.system_identifier
            node = ServerIdentity("bench", Role.primary, version, system, system)
            self.recorder.belong_to(system or "", "bench")
            reader, answers = Reader(Clock()), dict[AnyCollector, Any]()
            for collector in ASKED:
                wanted = wanted_rows(collector, answers, self.recorder, self.at)
                here = Place(
                    place.session, place.privileges, place.role, wanted=wanted, newest=answers
                )
                reading = await reader.read(collector, here, DEADLINE)
                assert not reading.missing, reading.missing
                answers[collector] = Answer(reading.rows, self.at)
                self.recorder.record(collector, answers[collector])
                self.recorder.catch_up()
        self.statements = len(answers[stat_statements].rows)
        return Snapshot(node, self.at, answers, histories=self.recorder.views(self.at))


def _script(scene: Scene, is_later: bool) -> str:
    """Return what executes the statement of a scene as often as in each window."""
    parameter = scene.later if is_later and scene.later else scene.usual
    first = scene.then_each if is_later and scene.then_each else scene.before_each
    text = f"execute '{scene.statement}' using {parameter};"
    if scene.statement.startswith("execute "):
        text = f"execute format('{scene.statement}(%s)', {parameter});"
    last = "deallocate all; reset plan_cache_mode" if first else ""
    body = f"do $$ begin for n in 1..{CALLS} loop {text} end loop; end $$"
    return f"{first or 'select'}; {body}; {last}"


@asynccontextmanager
async def session(
    server: Postgres, user: str = "postgres"
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A session for a moment: its end reports what it did, on every version."""
    connection = await asyncpg.connect(
        server.dsn("postgres", user),
        server_settings={"pg_stat_statements.track": "all"} if user == "postgres" else {},
    )
    try:
        yield connection
    finally:
        await connection.close()
