"""What a new session tells of its server, against what was known, also before this start."""

from dataclasses import replace

import pytest
import structlog

from alerts.history.memory import Memory
from monitor.address.address import Address
from monitor.config.servers import DatabaseChoice, WatchedServer
from monitor.postgres.first_question import Identity
from monitor.postgres.identity import IdentityChange, IdentityTracker

TARGET = WatchedServer("shop", Address(), None, DatabaseChoice())
MET = Identity(
    pid=1,
    version=180000,
    version_text="18.0",
    in_recovery=False,
    started="2026-01-01 00:00:00+00",
    checkpointer_started=1_767_225_600.5,
    system_identifier="7001",
    role="pgvigil",
    database="postgres",
    extensions="{}",
)
CRASHED = replace(MET, checkpointer_started=1_767_229_200.0)
LATER = replace(MET, started="2026-01-02 00:00:00+00")


@pytest.mark.parametrize("daemon_restarted", [False, True])
def test_sessions_of_an_earlier_start_have_ended(daemon_restarted: bool) -> None:
    """Known also where the server was started anew while no daemon ran."""
    memory = Memory()
    before = IdentityTracker(TARGET, memory)
    assert IdentityChange.sessions_ended not in before.meet(MET)
    now = IdentityTracker(TARGET, memory) if daemon_restarted else before
    assert IdentityChange.sessions_ended not in now.meet(MET)
    change = now.meet(LATER)
    assert IdentityChange.sessions_ended in change
    assert IdentityChange.restarted in change
    again = IdentityTracker(TARGET, memory)
    assert again.meet(LATER) is IdentityChange.nothing


def test_a_crash_of_a_backend_is_told_by_the_checkpointer() -> None:
    """The postmaster survives it, but no session and no counter does."""
    memory = Memory()
    now = IdentityTracker(TARGET, memory)
    now.meet(MET)
    assert now.meet(replace(MET, checkpointer_started=None)) is IdentityChange.nothing
    assert now.meet(CRASHED) == IdentityChange.restarted | IdentityChange.sessions_ended
    assert now.meet(CRASHED) is IdentityChange.nothing
    again = IdentityTracker(TARGET, memory)
    assert again.meet(CRASHED) is IdentityChange.nothing
    unseen = replace(MET, checkpointer_started=1_767_232_800.0)
    assert IdentityTracker(TARGET, memory).meet(unseen) is IdentityChange.sessions_ended


def test_a_start_while_nobody_looked() -> None:
    """Windows were not running then; only the sessions are of before."""
    memory = Memory()
    IdentityTracker(TARGET, memory).meet(MET)
    assert IdentityTracker(TARGET, memory).meet(LATER) is IdentityChange.sessions_ended


@pytest.mark.parametrize("daemon_restarted", [False, True])
def test_another_cluster_is_no_restart(daemon_restarted: bool) -> None:
    """The log names both identifiers, also where the address moved while no daemon ran."""
    memory = Memory()
    before = IdentityTracker(TARGET, memory)
    before.meet(MET)
    now = IdentityTracker(TARGET, memory) if daemon_restarted else before
    with structlog.testing.capture_logs() as logged:
        change = now.meet(replace(LATER, system_identifier="7002"))
    assert IdentityChange.another in change
    assert (IdentityChange.restarted in change) is not daemon_restarted
    [line] = logged
    assert line["event"] == "another cluster answers at this address"
    assert (line["before"], line["system_identifier"]) == ("7001", "7002")
