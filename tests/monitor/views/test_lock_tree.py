"""The wait forest, on the page and in the terminal: each waiter below whom it waits for."""

import asyncio
import re
from dataclasses import replace

from rich.console import Console

from alerts.findings.locks.deadlock_captured import finding
from alerts.history.recorder import Recorder
from alerts.locks.order import Level, Party, Risk, Sighting, Table
from alerts.snapshot import ServerIdentity, Snapshot
from collectors._base import Absence, Answer
from collectors.activity import activity
from collectors.locks import Lock, locks
from monitor.reports.locks import fitted, lock_report
from monitor.views.lock_tree import MOST, Branch, LockView, lock_view
from monitor.views.overview import Overview, ServerView
from monitor.web.locks_page import locks_page
from tests.fixtures.findings import HOSTILE
from tests.fixtures.lock_rows import NOW, lock, scene, session
from tests.fixtures.lock_stage import Stage
from tests.fixtures.one_look import look, watching


def seen(people: list[int], held: list[Lock], **given: str) -> LockView:
    return lock_view(scene([session(pid, **given) for pid in people], held))


def tree(view: LockView) -> list[tuple[int, int | str]]:
    return [(branch.depth, branch.node) for branch in view.forest]


QUEUE = [
    lock(1, "relation", mode="AccessShareLock", relation=9),
    lock(2, "relation", 9.0, mode="AccessExclusiveLock", relation=9),
    lock(3, "relation", 8.0, mode="AccessShareLock", relation=9),
    lock(4, "relation", 7.0, mode="AccessShareLock", relation=9),
]


def test_who_queues_behind_ddl_stands_below_it() -> None:
    """Not below the reader in front, with whom it would get along."""
    assert tree(seen([1, 2, 3, 4], QUEUE)) == [(0, 1), (1, 2), (2, 3), (2, 4)]


def test_the_larger_tree_comes_first_and_the_longest_wait_first_in_it() -> None:
    """What matters most is at the top."""
    small = [lock(10, "advisory", objid=1), lock(11, "advisory", 60.0, objid=1)]
    view = seen([1, 2, 3, 4, 10, 11], [*small, *QUEUE])
    assert tree(view) == [(0, 1), (1, 2), (2, 3), (2, 4), (0, 10), (1, 11)]


def test_a_circle_has_no_root_and_is_not_lost() -> None:
    """Both are marked, and who waits behind them stands below."""
    held = [
        lock(1, "advisory", objid=1),
        lock(2, "advisory", objid=2),
        lock(1, "advisory", 2.0, objid=2),
        lock(2, "advisory", 1.0, objid=1),
        lock(3, "advisory", 0.5, objid=1),
    ]
    view = seen([1, 2, 3], held)
    assert {branch.node for branch in view.forest} == {1, 2, 3}
    assert [b.node for b in view.forest if b.in_circle] != []
    assert {b.node for b in view.forest if b.in_circle} == {1, 2}


def test_a_crowd_is_cut_and_counted() -> None:
    """The number of lines is limited."""
    everybody = range(1, MOST + 52)
    crowd = [lock(pid, "advisory", 1.0, objid=1) for pid in everybody[1:]]
    people = [session(pid, application_name=f"app {pid}") for pid in everybody]
    view = lock_view(scene(people, [lock(1, "advisory", objid=1), *crowd]))
    assert (len(view.forest), view.left_out) == (MOST, 51)


def test_three_hundred_in_the_same_statement_are_a_few_lines() -> None:
    """The two who have waited longest, and how many more; sessions that block others are shown."""
    crowd = [lock(pid, "advisory", pid / 10, objid=1) for pid in range(2, 302)]
    also = [lock(7, "advisory", objid=2), lock(400, "advisory", 5.0, objid=2)]
    view = seen([*range(1, 302), 400], [lock(1, "advisory", objid=1), *crowd, *also])
    assert tree(view) == [(0, 1), (1, 301), (1, 300), (1, 7), (2, 400)]
    assert [branch.more for branch in view.forest] == [0, 0, 297, 0, 0]
    assert view.forest[0].victims == 301
    for text in (words(view), str(lock_report([("db1", view)], NOW))):
        assert "301 sessions waiting for it" in text
        assert "and 297 more like this" in text


def test_not_known_is_not_nobody() -> None:
    """Without an answer the page says why."""
    blind = Snapshot(ServerIdentity("db1"), NOW, absent={locks: Absence("refused")})
    view = lock_view(blind)
    assert view.unknown == "locks: refused"
    assert "Unknown: locks: refused" in words(view)
    assert "No session waits" not in words(view)
    assert "Unknown: locks: refused" in str(lock_report([("db1", view)], NOW))


def words(view: LockView) -> str:
    page = locks_page(
        Overview(at=NOW, servers=(ServerView("db1", ServerIdentity("db1"), locks=view),))
    )
    return " ".join(re.sub(r"<[^>]*>", " ", page.split("<main", 1)[1]).split())


def test_names_are_data() -> None:
    """An application name can't control a page or a terminal."""
    view = seen([1, 2, 3, 4], QUEUE, application_name=HOSTILE, query=f'select "{HOSTILE}"')
    page = locks_page(
        Overview(at=NOW, servers=(ServerView("db1", ServerIdentity("db1"), locks=view),))
    )
    assert "<script>alert" not in page
    assert "\x1b" not in page
    assert "\x1b" not in str(lock_report([("db1", view)], NOW))


def test_a_root_tells_its_state_and_a_waiter_its_wait() -> None:
    """With age and last statement."""
    view = seen([1, 2, 3, 4], QUEUE, state="idle in transaction", query="select 1")
    root, ddl = view.forest[:2]
    assert isinstance(root, Branch)
    assert (root.waits_for, root.state) == (None, "idle in transaction")
    assert (ddl.waits_for, ddl.seconds) == ("relation 9 (name not known yet)", 9.0)
    assert "waits 9 s for relation 9" in words(view)
    assert root.statement == "select ?"


async def test_a_deadlock_stays_on_the_page(stage: Stage) -> None:
    """While it lasts, and after."""
    one, other = (f"update orders set v = 1 where id = {n}" for n in (1, 2))
    sessions = [await stage.holds("set deadlock_timeout = '1h'", s) for s in (one, other)]
    tasks = [stage.task(s.execute(w)) for s, w in zip(sessions, (other, one), strict=True)]
    recorder = Recorder(finding.history)
    for waiting in sessions:
        await stage.until_waiting(waiting)
    async with watching(dsn=stage.database.monitor_dsn) as connection:
        snapshot = await look(connection, activity, locks, recorder=recorder)
    view = lock_view(snapshot)
    assert len([b for b in view.forest if b.in_circle]) == 2
    assert "Recent deadlocks" in words(view)
    assert "waits for public.orders ctid (0,1)" in words(view)
    assert "Deadlock at" in str(lock_report([("db1", view)], NOW))
    sessions[0].terminate()
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    calm = replace(snapshot, answers={**snapshot.answers, locks: Answer((), NOW)})
    assert lock_view(calm).forest == ()
    [capture] = lock_view(calm).captures
    told = replace(lock_view(calm), captures=(replace(capture, victim=7),))
    assert "pid 7 was probably rolled back" in str(lock_report([("db1", told)], NOW))
    assert "pid 7 was probably rolled back" in words(told)


def test_both_statements_of_an_opposed_pair_are_shown() -> None:
    """The statements are needed to find the code."""
    tables = Table("shop", "public.orders"), Table("shop", "public.stock")
    pay, pack = (
        Party(pid, "app", name, None, None, f"update {name}")
        for pid, name in ((1, "pay"), (2, "pack"))
    )
    seen = Sighting(pay, pack, tables[1], (0, 1), "slots")
    risk = Risk(Level.opposed, tables, (seen,), 1.0, NOW - 60, NOW - 5)
    view = LockView(risks=(risk,))
    assert "public.orders → public.stock → public.orders" in words(view)
    text = str(lock_report([("db1", view)], NOW))
    assert "opposite order: public.orders and public.stock in shop, seen 5 s ago:" in text
    assert (
        "app (pay), pid 1: update pay\n    conflicted with app (pack), pid 2: update pack" in text
    )


def test_old_news_is_said_to_be_old() -> None:
    """A server that hangs may be seen as it was, but not as if it were now."""
    view = seen([1, 2, 3, 4], QUEUE)
    assert "no answer since" not in str(lock_report([("db1", view)], NOW + 1))
    assert "The state 20 s ago; the server has not answered since." in str(
        lock_report([("db1", view)], NOW + 20)
    )


def test_a_small_window_shows_the_top_and_counts_the_rest() -> None:
    """Long lines hang; what does not fit is not lost without a word."""
    report = lock_report([("db1", seen([1, 2, 3, 4], QUEUE))], NOW)
    lines = fitted(report, Console(width=30, height=9)).plain.split("\n")
    assert len(lines) == 9
    assert max(map(len, lines[:-1])) <= 30
    assert lines[0].startswith("Locks as of")
    assert re.fullmatch(r"… \d+ more lines; --once prints all", lines[-1])
    assert fitted(report, Console(width=200, height=50)).plain == report.plain.rstrip()
