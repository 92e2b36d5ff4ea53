"""Watching: traffic on a real server, and the daemon's own history and judge on what it counts.

The clock is quickened: two minutes are over with each round of traffic. All else is real.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg

from alerts._base import Evidence
from alerts.snapshot import Snapshot
from alerts.statements.texts import STATEMENT_TEXTS
from bench.flips import noise
from bench.flips.judged import ASKED, WINDOW, Judged, since
from bench.flips.plans_seen import PlansSeen
from bench.flips.recording import TIMES, Recording
from bench.flips.scene import CALLS, Scene
from collectors._base import Answer, AnyCollector, Role
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts
from collectors.user_tables import user_tables
from monitor.clock import Clock
from monitor.demo.launcher import Postgres
from monitor.polling.reader import Place, Reader
from monitor.polling.wanted_rows import wanted_rows
from monitor.postgres.privileges import Privileges
from monitor.postgres.session import Session

BEGIN = 1_800_000_000.0
DEADLINE = 60.0
EXPLAINED = 5
"""Recorded windows after which the statements of the noise are explained anew."""
HOLDS = 0.3
"""Seconds that the session which is in the way holds its lock."""


@dataclass(frozen=True, slots=True)
class News:
    """A statement of which something is told for the first time, or again."""

    evidence: Evidence
    scene: str | None
    """The scene whose statement it is."""
    flipped: bool | None
    """Whether its plan is another one; None where it was not explained."""

    def __str__(self) -> str:
        plan = {True: "another plan", False: "the same plan", None: "not explained"}[self.flipped]
        return f"{plan}: {self.evidence.message}"


@dataclass
class Watched:
    """A server under traffic, and what is told of it."""

    server: Postgres
    scenes: Sequence[Scene]
    each_window: int
    """Statements of the noise executed in each window."""
    judged: Judged
    at: float = BEGIN
    windows: int = 0
    later: set[str] = field(default_factory=set)
    """Scenes whose act is done."""
    texts: dict[int, str] = field(default_factory=dict)
    plans: Mapping[str, str] = field(default_factory=dict)
    """How the statements of the noise would be executed, when they were explained last."""
    seen: PlansSeen = field(default_factory=PlansSeen)
    news: list[News] = field(default_factory=list)
    statements: int = 0
    """That pg_stat_statements knows."""
    recording: Recording = field(default_factory=Recording)
    ends: list[float] = field(default_factory=lambda: [time.time()])
    """When each window was over by the clock of the server."""

    async def pass_by(self, windows: int) -> None:
        """Let time pass."""
        for _ in range(windows):
            await asyncio.gather(self._noise(), self._traffic())
            await self._end_window()

    async def pass_quietly(self, windows: int, mood: noise.Mood, shift: float) -> None:
        """Let time pass without the statements of the scenes, and record it."""
        if mood.restart:
            self.server.restart()
        await self.execute(*mood.statements)
        self.recording.begin(mood.title)
        for _ in range(windows):
            spinning = (self._spin() for _ in "abcd" if mood.busy)
            await asyncio.gather(*spinning, self._noise(shift))
            answers = await self._end_window()
            if self.windows % EXPLAINED == 0:
                await self.explain()
            self.recording.add(answers, self.plans)

    async def _end_window(self) -> dict[AnyCollector, Any]:
        await self._autovacuum()
        self.at += WINDOW
        self.windows += 1
        self.ends.append(time.time())
        return await self._look()

    async def execute(self, *statements: str) -> None:
        async with session(self.server) as connection:
            for statement in statements:
                await connection.execute(statement)

    def of(self, scene: Scene) -> Evidence | None:
        """Return what is told of the statement of a scene."""
        return next((e for e in self.judged.ill.values() if self.scene_of(e) == scene.name), None)

    def scene_of(self, evidence: Evidence) -> str | None:
        text = self.texts.get(int(str(evidence.facts["query_id"])), "")
        return next((s.name for s in self.scenes if f"{s.name}.{s.name}t " in f"{text} "), None)

    async def _noise(self, shift: float = 1.0) -> None:
        async with session(self.server) as connection:
            first = self.windows * self.each_window
            await connection.execute(f"call noise.run({first}, {self.each_window}, {shift})")
            if self.windows % noise.HOURLY == 0:
                for statement in noise.archived():
                    await connection.execute(statement)

    async def _autovacuum(self) -> None:
        """Do what autovacuum would do on the tables of the noise."""
        async with session(self.server) as connection:
            for (statement,) in await connection.fetch(noise.DUE):
                await connection.execute(statement)

    async def explain(self) -> None:
        """See how the statements of the noise would be executed now."""
        async with session(self.server) as connection:
            await connection.execute("set pg_stat_statements.track = none")
            rows = await connection.fetch(noise.PLANNED)
        self.plans = {noise.alike(text): plan for text, plan in rows}
        self.seen.note(self.at, self.plans)

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

    async def _look(self) -> dict[AnyCollector, Any]:
        answers, before = await self._answers(), set(self.judged.ill)
        snapshot = self.judged.judge(answers, self.at)
        known = snapshot.of(STATEMENT_TEXTS).known
        self.texts |= {query_id: text.query.replace('"', "") for query_id, text in known.items()}
        self.statements = len(answers[stat_statements].rows)
        if new := self.judged.ill.keys() - before:
            await self.explain()
            self.news += [self._news(query_id, snapshot) for query_id in sorted(new)]
        return answers

    def _news(self, query_id: int, snapshot: Snapshot) -> News:
        evidence, text = self.judged.ill[query_id], self.texts.get(query_id, "")
        known = self.seen.knows(text)
        flipped = self.seen.has_flipped(text, since(snapshot, query_id)) if known else None
        return News(evidence, self.scene_of(evidence), flipped)

    async def _answers(self) -> dict[AnyCollector, Any]:
        """Read what the finding needs, and learn it."""
        answers = dict[AnyCollector, Any]()
        async with self._place() as place:
            for collector in ASKED:
                wanted = wanted_rows(collector, answers, self.judged.recorder, self.at)
                here = replace(place, wanted=wanted, newest=answers)
                rows = self._quickened(collector, await _rows(collector, here))
                answers[collector] = Answer(rows, self.at)
                self.judged.learn(collector, answers[collector])
        return answers

    async def record_texts(self) -> None:
        """Record the texts of all statements: each is read once, most of them before that."""
        async with self._place() as place:
            ids = {row.query_id for row in await _rows(stat_statements, place)}
            rows = await _rows(statement_texts, replace(place, wanted=sorted(ids)))
        self.recording.texts = {row.query_id: row for row in rows}

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[Place]:
        async with session(self.server, "pgvigil") as connection:
            own = await Session.of(connection, DEADLINE)
            needs = {need for collector in ASKED for need in collector.needs}
            yield Place(own, await Privileges.probe(own, needs, DEADLINE), Role.primary)

    def _quickened(self, collector: AnyCollector, rows: Sequence[Any]) -> Sequence[Any]:
        """Move the times that are in rows to the quickened clock."""
        if collector is not user_tables:
            return rows
        return [replace(row, **{n: self._moment(getattr(row, n)) for n in TIMES}) for row in rows]

    def _moment(self, real: float | None) -> float | None:
        if real is None:
            return None
        last = bisect_left(self.ends, real)
        if not 0 < last < len(self.ends):
            return BEGIN if last == 0 else self.at
        part = (real - self.ends[last - 1]) / (self.ends[last] - self.ends[last - 1])
        return BEGIN + WINDOW * (last - 1 + part)


async def _rows(collector: AnyCollector, place: Place) -> Sequence[Any]:
    reading = await Reader(Clock()).read(collector, place, DEADLINE)
    assert not reading.missing, reading.missing
    return reading.rows


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
