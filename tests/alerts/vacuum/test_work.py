"""Work of autovacuum: runs are followed to the statistics that tell whether they finished."""

from typing import Any

import pytest

from alerts.history.memory import Memory, Namespace
from alerts.vacuum.work import WORK, WorkLog, WorkRecorder
from collectors._base import Answer
from collectors.activity import Session, activity
from collectors.user_tables import UserTable, user_tables
from tests.fixtures.lock_rows import filled, session
from tests.fixtures.session_rows import AT

ORDERS: UserTable = filled(UserTable, datname="shop", schemaname="s", relname="orders")


def worker(pid: int = 5, text: str = "VACUUM s.orders", **given: Any) -> Session:
    facts: dict[str, Any] = {"backend_type": "autovacuum worker", "xact_seconds": 0.0}
    return session(pid, query=f"autovacuum: {text}", **facts | given)


class Watched:
    def __init__(self) -> None:
        made = WORK.recorder(Memory(), Namespace("", "db1", ""))
        assert isinstance(made, WorkRecorder)
        self.recorder = made

    def sees(self, second: float, *rows: Session) -> WorkLog:
        self.recorder.learn(activity, Answer(rows, AT + second))
        return self.recorder.view(AT + second)

    def counts(self, second: float, finished: float | None, began: float = -9e5) -> WorkLog:
        """The statistics; `finished` is the second of the last run that finished, and `began` that
        of their last reset."""
        when = None if finished is None else AT + finished
        row = filled(
            UserTable,
            datname="shop",
            schemaname="s",
            relname="orders",
            last_autovacuum=when,
            stats_reset=AT + began,
        )
        self.recorder.learn(user_tables, Answer((row,), AT + second))
        return self.recorder.view(AT + second)


@pytest.mark.parametrize(("finished", "in_vain"), [(None, 1), (-5, 1), (3, 0)])
def test_a_run_that_did_not_move_the_statistics_was_in_vain(
    finished: float | None, in_vain: int
) -> None:
    watched = Watched()
    for second in (0, 1, 2):
        watched.sees(second, worker(xact_seconds=float(second)))
    watched.sees(3)
    assert watched.counts(10, finished).in_vain == ()
    assert len(watched.counts(1000, finished).in_vain) == in_vain
    assert len(watched.counts(2000, finished).in_vain) == in_vain


@pytest.mark.parametrize(("finished", "began"), [(1500, -9e5), (None, 1500)])
def test_runs_in_vain_are_forgotten_after_a_success_or_a_reset(
    finished: float | None, began: float
) -> None:
    """After a reset no run is known to have finished: those before would be in a row again."""
    watched = Watched()
    for second in (0, 1):
        watched.sees(second, worker(xact_seconds=float(second)))
    watched.sees(2)
    assert len(watched.counts(1000, None).in_vain) == 1
    assert watched.counts(2000, finished, began).in_vain == ()
    assert watched.counts(3000, None, began).in_vain == ()


def test_what_ended_before_a_reset_is_not_known() -> None:
    watched = Watched()
    for second in (0, 1):
        watched.sees(second, worker(xact_seconds=float(second)))
    watched.sees(2)
    assert watched.counts(1000, None, began=500).in_vain == ()


def test_a_table_that_was_skipped_is_no_run() -> None:
    """It is seen once, if at all."""
    watched = Watched()
    watched.sees(0, worker())
    watched.sees(1)
    assert watched.counts(1000, None).in_vain == ()


def test_what_waited_is_told() -> None:
    """A statement that names the table and waits for a lock, and no other."""
    waits = {"wait_event_type": "Lock", "wait_event": "relation"}
    others = (
        session(6, query="ALTER TABLE items ADD x int", **waits),
        session(7, query="ALTER TABLE s.Orders ADD x int", **waits),
        session(8, query="SELECT FROM s.orders"),
    )
    watched = Watched()
    for second in (0, 1):
        watched.sees(second, worker(), *others)
    watched.sees(2)
    [run] = watched.counts(1000, None).in_vain
    assert run.waiting == "ALTER TABLE s.Orders ADD x int"


@pytest.mark.parametrize(
    ("text", "table", "wraparound"),
    [
        ("VACUUM s.orders", "s.orders", False),
        ("VACUUM ANALYZE s.orders", "s.orders", False),
        ("VACUUM s.its orders.x (to prevent wraparound)", "s.its orders.x", True),
        ("ANALYZE s.orders", None, False),
        ("BRIN summarize s.orders 1", None, False),
    ],
)
def test_the_text_of_a_worker(text: str, table: str | None, wraparound: bool) -> None:
    running = Watched().sees(0, worker(text=text)).running
    assert [(run.table, run.wraparound) for run in running] == (
        [(table, wraparound)] if table else []
    )


def test_workers_are_busy_while_none_is_free() -> None:
    """One that takes the next table is the same worker; a gap in the answers ends it."""
    watched = Watched()
    watched.sees(0, worker(5))
    watched.sees(10, worker(5), worker(6, text="VACUUM s.items"))
    log = watched.sees(30, worker(5, text="VACUUM s.others"), worker(6))
    assert [log.busy_for(n) for n in (1, 2, 3)] == [30, 20, 0]
    assert watched.sees(40, worker(5)).busy_for(2) == 0
    assert watched.sees(200, worker(5)).busy_for(1) == 0


def test_sleep_is_counted_for_an_hour() -> None:
    watched = Watched()
    for second in range(4):
        event = "VacuumDelay" if second else None
        log = watched.sees(second, worker(wait_event=event))
    assert (log.looks, log.sleeping, log.sleeping_share) == (4, 3, 0.75)
    assert watched.sees(3700).looks == 0


def test_a_restart_cancels_nothing() -> None:
    watched = Watched()
    for second in (0, 1, 2):
        watched.sees(second, worker())
    watched.recorder.restart()
    assert watched.counts(1000, None) == WorkLog(at=AT + 2)
