"""Costs of statements are kept: over restarts, resets, evictions and upgrades of the server."""

from collections.abc import Sequence
from json import dumps

from alerts.history.memory import Memory, Namespace
from alerts.history.samples import DAY, HOUR
from alerts.plans.baseline import KEPT
from alerts.plans.history import AT_MOST, Costs, StatementCosts, StatementCostsRecorder
from collectors._base import Answer
from collectors.stat_statements import Statement, stat_statements
from tests.fixtures.statement_rows import key, statement

BEGIN = 1_699_833_600.0
"""A Monday, 00:00 UTC."""
PLACE = Namespace("cluster", "server", "")
CALLS = 100


class Server:
    """Statements whose calls cost 0.2 ms and 4 blocks each, until that is changed."""

    def __init__(self, memory: Memory | None = None, place: Namespace = PLACE) -> None:
        self.memory, self.place, self.at = memory or Memory(), place, BEGIN
        self.counted = dict[int, Statement]()
        self.start()

    def start(self) -> None:
        """Start the daemon, with what memory holds."""
        self.recorder: StatementCostsRecorder = StatementCosts().recorder(self.memory, self.place)

    def forget(self, *ids: int) -> None:
        """Evict statements, so that they are counted from nothing when they come again."""
        for query_id in ids or tuple(self.counted):
            del self.counted[query_id]

    def pass_by(
        self,
        windows: int,
        ids: Sequence[int] = (1,),
        seconds: float = 0.0002,
        calls: int = CALLS,
        step: float = 120.0,
        **given: float,
    ) -> Costs:
        for _ in range(windows):
            self.at += step
            for query_id in ids:
                old = self.counted.get(query_id) or statement(query_id, 0)
                self.counted[query_id] = statement(
                    query_id,
                    old.calls + calls,
                    seconds=old.seconds + calls * seconds,
                    shared_blocks_hit=old.shared_blocks_hit + 4 * calls,
                    rows=old.rows + calls,
                    **given,
                )
            self.recorder.learn(stat_statements, Answer(list(self.counted.values()), self.at))
        return self.recorder.view(self.at)

    def stored(self) -> set[str]:
        return set(self.memory.room(self.place.of("plans.costs")))


def test_what_was_evicted_goes_on_when_it_returns() -> None:
    """Its counters are higher than before: without `stats_since` only its absence tells."""
    server = Server()
    server.pass_by(20)
    server.forget()
    assert server.pass_by(10, ids=(2,)).judged == 0
    server.pass_by(1, calls=9000, seconds=0.3)
    costs = server.pass_by(1)
    assert costs.judged == 1
    assert not costs.changes, "what was counted in the meantime is in no window"
    assert server.pass_by(3, seconds=0.02).changes[key(1)].windows == 3


def test_a_statement_that_was_reset_alone_begins_anew() -> None:
    """From version 1.11 of the extension on that is seen even if it has counted more since."""
    server = Server()
    server.pass_by(20, stats_since=5.0)
    server.forget()
    costs = server.pass_by(1, calls=21 * CALLS, seconds=0.02, stats_since=6.0)
    assert costs.judged == 1
    assert not costs.changes
    assert not server.pass_by(3, stats_since=6.0).changes


def test_an_entry_that_is_added_is_no_increase() -> None:
    """Executed inside a function, too: from now on the row is the sum of two entries."""
    server = Server()
    server.pass_by(20)
    assert not server.pass_by(1, seconds=9.0, entries=2).changes
    assert not server.pass_by(5, entries=2).changes


def test_a_reset_of_all_keeps_what_is_usual() -> None:
    server = Server()
    server.pass_by(20)
    server.forget()
    costs = server.pass_by(2, stats_reset=server.at)
    assert costs.judged == 1
    assert server.pass_by(3, seconds=0.02, stats_reset=server.at - 240).changes.keys() == {key(1)}


def test_a_restart_compares_with_the_last_hours() -> None:
    """Of those that are known, the ones before now, and not the last ones of the week."""
    server = Server()
    server.pass_by(7 * 24, seconds=0.02, step=HOUR)
    server.pass_by(KEPT + 12, seconds=0.002, step=HOUR)
    server.start()
    server.pass_by(1)
    [track] = server.recorder.tracks.values()
    assert track.baseline is not None
    assert 0.0015 < track.baseline.call.seconds < 0.008


def test_hours_of_the_week_are_kept_for_what_comes_again() -> None:
    """Reports that run on Monday alone, beside a statement that always runs."""
    server = Server()
    server.pass_by(3, ids=(1, 2), step=HOUR)
    server.forget(2)
    server.pass_by(10 * 24, step=HOUR)
    assert server.stored() == {dumps(key(1)), dumps(key(2))}
    server.start()
    assert server.pass_by(1, ids=(1, 2)).judged == 1, "one hour is too little to judge by"
    server.forget(2)
    server.pass_by(16 * 24, step=HOUR)
    assert server.stored() == {dumps(key(1))}


def test_the_memory_is_bounded() -> None:
    server = Server()
    for first in range(0, 900, 90):
        server.counted = {}
        server.pass_by(3, ids=range(first, first + 90), step=HOUR)
    assert len(server.stored()) <= AT_MOST


def test_what_an_older_version_stored_is_read() -> None:
    """It had no time; it goes first where there are too many, and not for its age."""
    server = Server()
    server.pass_by(24, step=HOUR)
    room = server.place.of("plans.costs")
    [(name, stored)] = server.memory.items(room)
    server.memory.put(room, name, str(stored).partition(" ")[0])
    server.start()
    assert server.pass_by(1).judged == 1
    server.pass_by(3, ids=(2,), step=HOUR)
    assert dumps(key(1)) in server.stored()


def test_after_an_upgrade_all_is_learned_anew() -> None:
    """The same statements have other ids, and the cluster another identifier: no false alarm."""
    old = Server()
    old.pass_by(24, step=HOUR)
    new = Server(old.memory, PLACE._replace(cluster="upgraded"))
    new.at = old.at + HOUR
    costs = new.pass_by(5, ids=(101,), seconds=0.5)
    assert (costs.judged, costs.learning) == (0, 1)
    assert not costs.changes
    assert costs.known_at is not None
    assert costs.known_at - new.at < DAY
    assert new.pass_by(10, ids=(101,), seconds=0.5).judged == 1


def test_other_ids_in_the_same_cluster_are_learned_beside_the_old_ones() -> None:
    """As after an update of the extension, or of what computes the ids."""
    server = Server()
    server.pass_by(24, step=HOUR)
    server.forget()
    assert server.pass_by(5, ids=(101,), seconds=0.5).changes == {}
    assert server.pass_by(20, ids=(101,), seconds=0.5).judged == 1
