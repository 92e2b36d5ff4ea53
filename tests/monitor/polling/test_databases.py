"""The order in which databases are visited: none is left out for ever."""

from typing import Any

from alerts.history.recorder import Recorder
from collectors._base import Lane
from collectors._catalogue import of_databases
from collectors.user_tables import user_tables
from monitor.clock import Clock
from monitor.polling.answers import Answers
from monitor.polling.databases import Databases
from monitor.polling.pacing import Pacing
from monitor.polling.privilege_checks import PrivilegeChecks
from monitor.polling.round_log import RoundLog


def test_the_one_visited_longest_ago_comes_first() -> None:
    """By its newest question, not by the oldest one, which a daily pace keeps old; what was never
    visited comes before all."""
    log = RoundLog()
    target: Any = None
    databases = Databases(
        target,
        Answers(Recorder()),
        log,
        Pacing(dict.fromkeys(Lane, 1.0), 0.01),
        PrivilegeChecks(Clock(), log, 1.0),
        names=("early", "late", "new"),
    )
    for collector in of_databases():
        log.of(collector, "early").asked = 20.0
        log.of(collector, "late").asked = 10.0
    log.of(user_tables, "early").asked = 100.0
    log.of(user_tables, "late").asked = 200.0
    assert list(databases.longest_unvisited_first()) == ["new", "early", "late"]
