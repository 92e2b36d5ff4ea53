"""The lock graph on made-up snapshots, and against the definition written as two plain loops."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.locks.graph import Holder, LockGraph, conflicts, node_of
from alerts.locks.graph.conflicts import MODES
from alerts.locks.graph.digraph import components, reachable
from collectors.locks import Lock

READ, WRITE, DDL = "AccessShareLock", "RowExclusiveLock", "AccessExclusiveLock"


def lock(
    pid: int | None,
    mode: str,
    *,
    granted: bool = False,
    waited: float | None = None,
    leader: int | None = None,
    relation: int = 16384,
) -> Lock:
    return Lock(
        pid=pid,
        leader_pid=leader,
        gid=None if pid else "payment",
        virtualtransaction=f"{pid}/1" if pid else "-1/733",
        locktype="relation",
        mode=mode,
        granted=granted,
        fastpath=False,
        waited_seconds=waited,
        database=5,
        datname="shop",
        relation=relation,
        schemaname="public",
        relname=f"t{relation}",
        page=None,
        line_pointer=None,
        virtualxid=None,
        transactionid=None,
        classid=None,
        objid=None,
        objsubid=None,
    )


def held(pid: int | None, mode: str, relation: int = 16384) -> Lock:
    return lock(pid, mode, granted=True, relation=relation)


def wanted(pid: int, mode: str, waited: float | None, relation: int = 16384) -> Lock:
    return lock(pid, mode, waited=waited, relation=relation)


DDL_QUEUE = [
    held(1, READ),
    wanted(2, DDL, 30),
    *(wanted(pid, READ, 40 - pid) for pid in (11, 12, 13)),
]


def test_modes_conflict_both_ways() -> None:
    """The table is symmetric, and has as many conflicts as the documentation's."""
    assert all(
        conflicts(one, other) == conflicts(other, one) for one, other in product(MODES, MODES)
    )
    assert sum(conflicts(one, other) for one, other in product(MODES, MODES)) == 38


def test_queue_behind_ddl() -> None:
    """The reader is the root of all, the ALTER the head of the queue with three followers."""
    graph = LockGraph.of(DDL_QUEUE)
    assert graph.roots == (1,)
    assert graph.victims_of(1) == {2, 11, 12, 13}
    assert graph.blockers_of(11) == {2}
    assert graph.queue_head(1) == DDL_QUEUE[1]
    assert graph.queues[0].followers_of(DDL_QUEUE[1]) == DDL_QUEUE[2:]
    assert graph.longest_chain[1:] == (2, 1)
    assert graph.waited_seconds(graph.victims_of(1)) == 30
    assert graph.cycles == ()


def test_queue_is_waited_through() -> None:
    """Who stands third in a queue waits for the first two and for the holder."""
    graph = LockGraph.of([held(1, READ), wanted(2, DDL, 9), wanted(3, DDL, 8), wanted(4, DDL, 7)])
    assert graph.blockers_of(4) == {1, 2, 3}
    assert graph.longest_chain == (4, 3, 2, 1)


def test_chain_over_several_locks() -> None:
    """Each waits for the next, and the last for nobody."""
    rows = [
        held(1, DDL, relation=1),
        wanted(2, READ, 3, relation=1),
        held(2, DDL, relation=2),
        wanted(3, READ, 2, relation=2),
        held(3, DDL, relation=3),
        wanted(4, READ, 1, relation=3),
    ]
    graph = LockGraph.of(rows)
    assert graph.longest_chain == (4, 3, 2, 1)
    assert graph.roots == (1,)
    assert graph.victims_of(3) == {4}


def test_deadlock_is_a_cycle_without_a_root() -> None:
    """Two who wait for each other are a cycle; who waits behind them is a victim, not a member."""
    rows = [
        held(1, WRITE, relation=1),
        held(2, WRITE, relation=2),
        wanted(1, DDL, 2, relation=2),
        wanted(2, DDL, 1, relation=1),
        wanted(3, READ, 0.5, relation=1),
    ]
    graph = LockGraph.of(rows)
    assert graph.cycles == (frozenset({1, 2}),)
    assert graph.roots == ()
    assert len(graph.longest_chain) == 3


def test_upgrade_goes_before_those_who_wait_for_it() -> None:
    """A holder that asks for more does not queue behind who waits for it: no false cycle."""
    rows = [held(1, READ), held(9, READ), wanted(2, DDL, 10), wanted(1, DDL, 5)]
    graph = LockGraph.of(rows)
    assert graph.blockers_of(1) == {9}
    assert graph.blockers_of(2) == {1, 9}
    assert graph.cycles == ()
    assert graph.roots == (9,)


def test_two_upgrades_are_a_deadlock() -> None:
    """Two readers of a table that both want it alone wait for each other."""
    graph = LockGraph.of([held(1, READ), held(2, READ), wanted(1, DDL, 10), wanted(2, DDL, 5)])
    assert graph.cycles == (frozenset({1, 2}),)


def test_wait_that_began_this_instant_has_no_place_in_the_queue() -> None:
    """Without a start it waits for holders only, and nobody waits behind it."""
    rows = [held(1, READ), wanted(2, DDL, None), wanted(3, DDL, 5)]
    graph = LockGraph.of(rows)
    assert graph.blockers_of(2) == {1}
    assert graph.blockers_of(3) == {1}
    assert graph.waited_seconds([2]) is None


def test_parallel_workers_are_their_leader() -> None:
    """A worker neither blocks its own leader nor appears beside it."""
    worker = lock(101, READ, granted=True, leader=100)
    graph = LockGraph.of([worker, held(100, WRITE), wanted(100, DDL, 3), wanted(7, DDL, 2)])
    assert graph.blockers_of(100) == frozenset()
    assert graph.blockers_of(7) == {100}


def test_prepared_transaction_is_a_root_of_its_own() -> None:
    """It has no pid, yet blocks like any other."""
    graph = LockGraph.of([held(None, WRITE), wanted(5, DDL, 60)])
    assert graph.roots == ("-1/733",)


def test_bystanders_are_no_roots() -> None:
    """Who holds the same lock in a mode that nobody minds blocks nobody."""
    graph = LockGraph.of([held(1, READ), held(2, WRITE), wanted(3, "ShareLock", 9)])
    assert graph.roots == (2,)
    assert graph.victims_of(1) == frozenset()


def test_nothing_waits() -> None:
    """Held locks alone make no graph; predicate locks never do."""
    graph = LockGraph.of([held(1, DDL), held(2, "SIReadLock")])
    assert (graph.roots, graph.queues, graph.longest_chain) == ((), (), ())
    assert graph.victims_of(1) == frozenset()
    assert graph.queue_head(1) is None


def test_deep_and_wide() -> None:
    """Ten thousand waiters of one lock, and ten thousand in a chain, exceed no stack."""
    many = range(2, 10_002)
    convoy = LockGraph.of([held(1, DDL), *(wanted(pid, DDL, 20_000 - pid) for pid in many)])
    assert len(convoy.victims_of(1)) == 10_000
    assert convoy.longest_chain[-1] == 1
    assert len(convoy.longest_chain) == 10_001
    chain = [row for pid in many for row in (held(pid - 1, DDL, pid), wanted(pid, DDL, 1, pid))]
    assert len(LockGraph.of(chain).longest_chain) == 10_001


def by_definition(rows: Sequence[Lock]) -> dict[Holder, set[Holder]]:
    """Who must go first: holders of a conflicting mode, and who stands before me in the queue."""
    queue_of = {lock: q.waiting for q in LockGraph.of(rows).queues for lock in q.waiting}
    edges: dict[Holder, set[Holder]] = {}
    for waiter in (row for row in rows if not row.granted):
        queue = queue_of.get(waiter, ())
        before = queue[: queue.index(waiter)] if waiter in queue else ()
        edges.setdefault(node_of(waiter), set()).update(
            node_of(other)
            for other in rows
            if other.relation == waiter.relation
            and conflicts(other.mode, waiter.mode)
            and (other.granted or other in before)
            and node_of(other) != node_of(waiter)
        )
    return edges


def snapshots() -> st.SearchStrategy[list[Lock]]:
    row = st.builds(
        lock,
        pid=st.integers(1, 12),
        mode=st.sampled_from(MODES),
        granted=st.sampled_from([True, False, False]),
        leader=st.sampled_from([None] * 5 + [1]),
        relation=st.integers(1, 2),
    )
    order = st.permutations([None, None, *range(18)])
    return st.builds(
        lambda rows, times: [
            row if row.granted else replace(row, waited_seconds=waited)
            for row, waited in zip(dict.fromkeys(rows), times, strict=False)
        ],
        st.lists(row, max_size=20),
        order,
    )


@given(rows=snapshots())
def test_same_as_the_definition(rows: list[Lock]) -> None:
    """The compact graph answers every question as the full one would."""
    edges = by_definition(rows)
    graph = LockGraph.of(rows)
    numbers = {node: n for n, node in enumerate(dict.fromkeys([*edges, *map(node_of, rows)]))}
    plain = [[numbers[other] for other in edges.get(node, ())] for node in numbers]
    names = list(numbers)
    blocked_by_somebody = {
        node: {names[n] for n in reachable(plain, plain[numbers[node]])} - {node}
        for node in numbers
    }

    for node in numbers:
        assert graph.blockers_of(node) == edges.get(node, set())
        assert graph.victims_of(node) == {
            victim for victim, blockers in blocked_by_somebody.items() if node in blockers
        }
    assert set(graph.cycles) == {
        frozenset(names[n] for n in component)
        for component in components(plain)
        if len(component) > 1
    }
    assert set(graph.roots) == {b for blockers in edges.values() for b in blockers} - set(edges)
    for waiter, blocker in pairwise(graph.longest_chain):
        # Inside a cycle any order is as good as another.
        assert blocker in blocked_by_somebody[waiter]


@pytest.mark.parametrize("size", [1, 2, 50])
def test_longest_chain_is_the_longest(size: int) -> None:
    """A long chain beats a crowd."""
    chain = [
        row
        for pid in range(1, size + 1)
        for row in (held(pid, DDL, pid), wanted(pid + 1, DDL, 1, pid))
    ]
    crowd = [held(900, WRITE, 99), *(wanted(pid, "ShareLock", pid, 99) for pid in range(901, 999))]
    assert len(LockGraph.of(chain + crowd).longest_chain) == max(2, size + 1)
