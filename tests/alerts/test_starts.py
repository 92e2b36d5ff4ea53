"""Starts of a server, from rows made by hand: what is one, of which kind, and what is none."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from alerts.history.memory import Memory, Namespace
from alerts.starts import STARTS, Start, StartKind, StartsRecorder
from collectors._base import Answer
from collectors.activity import activity
from collectors.server import Server
from collectors.server import server as server_row
from tests.fixtures.lock_rows import filled, session

STARTED = 1_800_000_000.0
ROW: Server = filled(
    Server,
    version_num=180004,
    in_recovery=False,
    timeline=1,
    postmaster_start=STARTED,
    postmaster_seconds=3600.0,
    stats_reset=STARTED - 1e6,
)
HOUR = 3600.0


class Watched:
    """One address over time; `memory` outlives the daemon."""

    def __init__(self, memory: Memory | None = None, cluster: str = "7001") -> None:
        self.memory = memory or Memory()
        made = STARTS.recorder(self.memory, Namespace(cluster, "db1", ""))
        assert isinstance(made, StartsRecorder)
        self.recorder = made

    def sees(self, checkpointer: float | None = None, **row: Any) -> list[tuple[StartKind, float]]:
        """Look at the server; the checkpointer started with the postmaster unless it is told."""
        seen = replace(ROW, **row)
        began = seen.postmaster_start + 0.002 if checkpointer is None else checkpointer
        text = datetime.fromtimestamp(began, UTC).isoformat(sep=" ")
        process = session(9, backend_type="checkpointer", backend_start_text=text)
        self.recorder.learn(activity, Answer((process,), 0.0))
        return self.told(seen)

    def told(self, row: Server) -> list[tuple[StartKind, float]]:
        self.recorder.learn(server_row, Answer((row,), 0.0))
        starts = self.recorder.view(0.0).starts
        return [(start.kind, round(start.at - STARTED)) for start in starts]


def test_another_cluster_at_the_address() -> None:
    """It is told with the one before, also when the first one is back, and after a restart."""
    memory = Memory()
    assert Watched(memory).sees(system_identifier="7001") == []
    other = Watched(memory, "7002")
    assert other.sees(system_identifier="7002", **later(3)) == [(StartKind.another_cluster, 10860)]
    assert other.sees(system_identifier="7002", **later(3)) == [(StartKind.another_cluster, 10860)]
    [start] = Watched(memory, "7002").recorder.log.starts
    assert (start.before, start.loses_statistics, start.empties_unlogged) == ("7001", False, False)
    back = Watched(memory)
    back.sees(system_identifier="7001", **later(4))
    assert [one.before for one in back.recorder.log.starts] == ["7002"]
    Watched(memory, "7002").sees(system_identifier="7002", **later(3))
    again, reset = Watched(memory), STARTED + 5 * HOUR + 2
    again.sees(system_identifier="7001", **later(5, stats_reset=reset))
    kinds = [one.kind for one in again.recorder.log.starts]
    assert kinds[-2:] == [StartKind.unclean, StartKind.another_cluster], (
        "it crashed while it was away"
    )


def later(hours: float, **row: Any) -> dict[str, Any]:
    """What a start so long after the first one changes, seen a minute later."""
    start = STARTED + hours * HOUR
    return {"postmaster_start": start, "postmaster_seconds": 60.0, **row}


def test_a_clean_restart_keeps_the_statistics() -> None:
    watched = Watched()
    assert watched.sees() == watched.sees(postmaster_seconds=7200.0) == []
    assert watched.sees(**later(3)) == [(StartKind.restart, 10800)]


def test_a_start_that_recovered_resets_them() -> None:
    watched = Watched()
    watched.sees()
    reset = STARTED + 3 * HOUR + 90  # after the files were synchronised
    assert watched.sees(**later(3, stats_reset=reset)) == [(StartKind.unclean, 10800)]


def test_a_reset_by_hand_long_after_a_start_is_no_crash() -> None:
    """The daemon was not running for a day."""
    watched = Watched()
    watched.sees()
    row = later(3, stats_reset=STARTED + 20 * HOUR, postmaster_seconds=20 * HOUR)
    assert watched.sees(**row) == [(StartKind.restart, 10800)]


def test_the_crash_of_a_backend_moves_the_checkpointer_alone() -> None:
    """Also where the daemon was started anew in between, and once only."""
    watched = Watched()
    watched.sees()
    again = Watched(watched.memory)
    crashed = [(StartKind.backend_crash, 5000)]
    assert again.sees(STARTED + 5000) == crashed
    assert again.sees(STARTED + 5000) == Watched(watched.memory).sees(STARTED + 5000) == crashed


@pytest.mark.parametrize(("running", "crashes"), [(180004, 1), (140023, 0)])
def test_a_crash_before_we_came(running: int, crashes: int) -> None:
    """Before 15 the checkpointer waits for recovery, however long that takes."""
    assert len(Watched().sees(STARTED + 1800, version_num=running)) == crashes


def test_a_long_recovery_of_14_is_one_start() -> None:
    watched = Watched()
    watched.sees(version_num=140023)
    row = later(3, version_num=140023, stats_reset=STARTED + 4 * HOUR)
    began = STARTED + 4 * HOUR
    told = watched.sees(began, **row)
    assert told == [(StartKind.unclean, 10800)]
    assert watched.sees(began, **row) == told


def test_sessions_are_read_before_the_server_tells_its_start() -> None:
    """A new checkpointer beside the old postmaster is none of that postmaster."""
    watched = Watched()
    watched.sees()
    assert watched.told(replace(ROW, **later(3))) == [(StartKind.restart, 10800)]
    assert watched.sees(**later(3)) == [(StartKind.restart, 10800)]


def test_another_node_behind_the_address() -> None:
    """It ran all the time, so nothing was restarted; with a new timeline it is a failover."""
    for timeline, told in ((1, []), (2, [StartKind.promotion])):
        watched = Watched()
        watched.sees()
        row = {"postmaster_start": STARTED - 9 * HOUR, "postmaster_seconds": 11 * HOUR}
        assert [kind for kind, _ in watched.sees(timeline=timeline, **row)] == told


def test_a_promotion_keeps_the_sessions() -> None:
    watched = Watched()
    assert watched.sees(in_recovery=True) == []
    assert watched.sees(timeline=2) == [(StartKind.promotion, 3600)]


def test_a_standby_of_14_recovers_at_every_start() -> None:
    watched = Watched()
    watched.sees(in_recovery=True, version_num=140023)
    row = later(3, stats_reset=STARTED + 3 * HOUR + 1, in_recovery=True, version_num=140023)
    assert watched.sees(**row) == [(StartKind.restart, 10800)]


def test_what_is_not_told_is_not_guessed() -> None:
    """Without the right to see it, there is no checkpointer."""
    watched = Watched()
    hidden = session(9, backend_type=None, backend_start_text=None)
    watched.recorder.learn(activity, Answer((hidden,), 0.0))
    assert watched.told(ROW) == watched.told(ROW) == []


def test_nonsense_in_memory_is_forgotten() -> None:
    memory = Memory()
    place = Namespace("7001", "db1", "").of("server.starts")
    memory.put(place, "starts", [["x"], [1.0, "restart", False], [2.0, "flood", True]])
    memory.put(place, "standing", "nonsense")
    watched = Watched(memory)
    assert watched.recorder.log.starts == (Start(1.0, StartKind.restart),)
    assert len(watched.sees()) == 1
