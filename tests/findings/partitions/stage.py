"""A database with partitioned tables, looked at as the daemon does."""

from dataclasses import dataclass, field

from alerts._base import AnyFinding, Evidence
from alerts._catalogue import all_findings
from alerts.history.recorder import Recorder
from alerts.limits import BaseLimits
from alerts.snapshot import Snapshot
from alerts.verdicts.verdict import Verdict
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database
from tests.fixtures.until import until


def findings(*names: str) -> tuple[AnyFinding, ...]:
    return tuple(all_findings()[name] for name in names)


@dataclass
class Stage:
    """One database, and the findings that are asked for."""

    database: Database
    judged: tuple[AnyFinding, ...]
    at: float
    """Unix seconds of the next look."""
    limits: dict[str, BaseLimits] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recorder = Recorder(tuple(k for one in self.judged for k in one.history))

    async def begin(self) -> None:
        """Wait until there are counters: before 15, their first day comes with the first report."""
        counted = "select stats_reset from pg_stat_database where datname = current_database()"
        if int(await self.database.fetchval("show server_version_num")) < 150000:
            await until(lambda: self.database.fetchval(counted), "statistics have begun")
        await self.look()

    async def look(self, seconds: float = 0.0) -> Snapshot:
        """Look that much later, and judge."""
        self.at += seconds
        asked = dict.fromkeys(c for one in self.judged for c in (*one.reads, *one.consults))
        async with watching(dsn=self.database.monitor_dsn) as session:
            seen = await look(session, *asked, at=self.at, recorder=self.recorder)
        self.verdicts = {
            one.name: verdict_of(one, seen, limits=self.limits.get(one.name)) for one in self.judged
        }
        return seen

    async def until(self, expected: dict[str, set[str]]) -> None:
        """Look until just this is ill: before 15, statistics arrive half a second late."""

        async def reached() -> bool:
            await self.look()
            return self.ill() == expected

        try:
            await until(reached, "the verdicts are as expected")
        except AssertionError:
            assert self.ill() == expected
            raise

    def found(self, name: str) -> dict[str, Evidence]:
        subjects = self.verdicts[name].subjects
        return {one.evidence.subject: one.evidence for one in subjects}

    def ill(self) -> dict[str, set[str]]:
        """What is ill, by finding."""
        return {name: set(found) for name in self.verdicts if (found := self.found(name))}


def pasted(one: Evidence) -> str:
    return "\n".join((one.check, *one.cure))
