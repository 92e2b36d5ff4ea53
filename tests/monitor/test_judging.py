"""Which findings are judged when something is new, in which thread, and with what history."""

import threading
from collections.abc import Set
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest

from alerts._base import AnyFinding, State
from alerts._catalogue import all_findings, all_wants, findings_about
from alerts.findings.indexes._usage import SCANS, identity_of
from alerts.history.memory import Memory
from alerts.history.recorder import LARGE, Recorder
from alerts.limits import BaseLimits
from alerts.snapshot import ServerIdentity, Snapshot
from alerts.verdicts.mutes import Mutes
from alerts.verdicts.tracker import VerdictTracker
from alerts.verdicts.verdict import Verdict
from collectors._base import Answer, AnyCollector, Kind, Lane, Role
from collectors._catalogue import all_collectors
from collectors._columns import Columns, block
from collectors.activity import activity
from collectors.questionable_columns import QuestionableColumn, questionable_columns
from collectors.replication import replication
from collectors.roles import roles
from collectors.settings import settings
from collectors.user_indexes import UserIndex, user_indexes
from collectors.user_tables import user_tables
from monitor.address import Address
from monitor.background import in_background
from monitor.config.servers import DatabaseChoice, WatchedServer
from monitor.config.watch_plan import WatchPlan
from monitor.judging import Judging, _readers
from tests.fixtures.lock_rows import NOW, filled

NODE = ServerIdentity("db1", Role.primary, 180000, "7001", "7001")
PLAN = WatchPlan(WatchedServer("db1", Address(), None, DatabaseChoice()), paces={}, limits={})


@dataclass(slots=True)
class Noting(VerdictTracker):
    """Notes which finding was judged, in which thread, and by what snapshot."""

    judged: list[tuple[str, threading.Thread, Snapshot]] = field(default_factory=list)

    def decide(
        self, finding: AnyFinding, snapshot: Snapshot, limits: BaseLimits, mutes: Mutes
    ) -> Verdict:
        self.judged.append((finding.name, threading.current_thread(), snapshot))
        return VerdictTracker.decide(self, finding, snapshot, limits, mutes)


class Server:
    """The judging of one server whose answers a test writes down."""

    def __init__(self) -> None:
        memory = Memory()
        self.recorder = Recorder(all_wants(), memory, cluster="7001", server="db1")
        self.tracker = Noting(memory)
        self.judging = Judging(PLAN, self.tracker, self.recorder)
        self.answers: dict[AnyCollector, Any] = {}

    def answered(self, collector: AnyCollector, rows: Any, at: float = NOW) -> None:
        self.answers[collector] = Answer(rows, at)
        self.recorder.record(collector, self.answers[collector])

    def judge(
        self, *fresh: AnyCollector, at: float = NOW, repeated: Set[AnyCollector] = frozenset()
    ) -> list[str]:
        """The findings that were judged at once."""
        self.tracker.judged.clear()
        views = self.recorder.views(at)
        snapshot = Snapshot(NODE, at, dict(self.answers), histories=views)
        self.judging.judge(fresh, snapshot, Mutes(), repeated)
        return [name for name, _, _ in self.tracker.judged]


@pytest.fixture
async def server() -> Server:
    return Server()


def index(**given: Any) -> dict[str, Any]:
    zero: dict[str, Any] = dict.fromkeys((known.name for known in fields(UserIndex)), 0)
    names = {"datname": "shop", "schemaname": "public", "indexrelname": "i", "relname": "t"}
    flags = {"is_valid": True, "is_ready": True, "stats_reset": None, "root_indexrelid": None}
    times = {"last_idx_scan_seconds": None, "size_bytes": 2**30, "table_writes": 9999}
    return zero | names | flags | times | given


def indexes(*rows: dict[str, Any]) -> Columns[UserIndex]:
    return Columns(UserIndex, [block(UserIndex, rows)])


async def test_at_first_everything_is_judged(server: Server) -> None:
    """What has no answer yet is unknown, and that is a verdict."""
    assert server.judge() == sorted(findings_about(Kind.postgres))
    assert server.judge() == []


async def test_news_are_judged_by_those_who_read_them(server: Server) -> None:
    """All of those, and no others, whichever collector it is; but for what answers each second."""
    server.judge()
    for collector in (one for one in all_collectors().values() if one.lane is not Lane.fast):
        readers = [
            name
            for name, finding in sorted(findings_about(Kind.postgres).items())
            if collector in (*finding.reads, *finding.consults)
        ]
        assert server.judge(collector) == readers
    assert server.judge(activity, user_indexes).count("index_unused") == 1


async def test_every_history_is_of_a_collector_that_is_read() -> None:
    """Otherwise nothing would judge by what was learned last."""
    for finding in all_findings().values():
        for kind in finding.history:
            assert kind.collectors[0] in (*finding.reads, *finding.consults), finding


async def test_what_is_learned_in_the_background_is_judged_there(server: Server) -> None:
    """By a snapshot with what its own answer taught, and at once where there is no answer."""
    assert "index_unused" in server.judge()
    server.answered(replication, [])
    server.answered(user_indexes, indexes(index(indexrelid=1, idx_scan=5)))
    assert "index_unused" not in server.judge(user_indexes)
    await server.judging.settled()
    judged = [one for one in server.tracker.judged if one[0] == "index_unused"]
    [(_, thread, snapshot)] = judged
    assert thread is not threading.current_thread()
    [seen] = snapshot.rows(user_indexes)
    assert snapshot.of(SCANS)[identity_of(seen)].value == 5
    assert server.judging.verdicts["index_unused"].state is State.learning


async def test_a_flaw_of_every_table_is_judged_in_the_background(server: Server) -> None:
    """Also where its rows are not packed; few are judged at once."""
    server.judge()
    few = [filled(QuestionableColumn, attname="at", type="money", relid=n) for n in range(LARGE)]
    server.answered(questionable_columns, few)
    assert "column_types" in server.judge(questionable_columns)
    server.answered(questionable_columns, [*few, replace(few[0], relid=LARGE)])
    assert "column_types" not in server.judge(questionable_columns)
    await server.judging.settled()
    *_, (_, thread, _) = (one for one in server.tracker.judged if one[0] == "column_types")
    assert thread is not threading.current_thread()


@pytest.mark.parametrize(("turn", "fewest", "most"), [(60.0, 1, 1), (0.0, 3, 999)])
async def test_a_turn_of_the_background_thread_judges_several(
    server: Server, monkeypatch: pytest.MonkeyPatch, turn: float, fewest: int, most: int
) -> None:
    """As many as fit into it, one at least; all that wait are judged once in any case."""
    turns = list[str]()

    async def counted(work: Any, *given: Any) -> Any:
        turns.append(work.__name__)
        return await in_background(work, *given)

    monkeypatch.setattr("monitor.judging.TURN", turn)
    monkeypatch.setattr("monitor.judging.in_background", counted)
    server.answered(user_tables, [])
    server.answered(user_indexes, indexes(index()))
    server.judge(user_indexes)
    waiting = set(server.judging.waiting)
    assert len(waiting) >= 3
    await server.judging.settled()
    late = [name for name, thread, _ in server.tracker.judged if is_background(thread)]
    assert sorted(late) == sorted(waiting)
    assert fewest <= len(turns) <= min(most, len(waiting) + 1)


def is_background(thread: threading.Thread) -> bool:
    return thread is not threading.main_thread()


async def test_a_snapshot_waits_in_the_state_of_its_time(server: Server) -> None:
    """Whatever is answered, and learned, before the background thread gets to it."""
    server.answered(user_indexes, indexes(index(indexrelid=1, idx_scan=5)))
    server.judge(user_indexes)
    await server.judging.settled()
    server.answered(user_indexes, indexes(index(indexrelid=1, idx_scan=5)), at=NOW + 60)
    before = Snapshot(NODE, NOW, dict(server.answers), histories=server.recorder.views(NOW))
    was = dict(before.of(SCANS))
    server.answered(user_indexes, indexes(index(indexrelname="j", idx_scan=9)), at=NOW + 120)
    server.judge(user_indexes, at=NOW + 120)
    await server.judging.settled()
    assert dict(before.of(SCANS)) == was
    [last] = server.answers[user_indexes].rows
    assert dict(server.recorder.views(NOW)[SCANS]).keys() == {identity_of(last)}


def test_what_answers_each_second_is_no_reason_to_judge_a_review_or_a_detail() -> None:
    """Sessions only explain bloat, and a review of roles has time; an incident of sessions not."""
    at_once = _readers()[activity]
    assert {"idle_in_transaction", "lock_blocker_root", "server_crashed"} <= at_once
    assert at_once.isdisjoint({"table_bloat", "index_bloat", "security_superusers"})
    assert "security_superusers" in _readers()[roles]
    assert "table_bloat" in _readers()[user_tables]


async def test_the_same_settings_again_are_no_news_for_what_is_healthy(server: Server) -> None:
    """They only explain; who reads them, learns from them, or is not healthy, is judged."""
    server.judge()
    readers = server.judge(settings)
    found = findings_about(Kind.postgres)
    well = [name for name in readers if settings not in found[name].reads][:2]
    for name in well:
        verdict = server.judging.verdicts[name]
        server.judging.verdicts[name] = replace(verdict, state=State.healthy, unjudged=())
    judged = server.judge(settings, repeated={settings})
    assert set(readers) - set(judged) == set(well)
    assert server.judge(settings) == readers, "other settings are news for all"
