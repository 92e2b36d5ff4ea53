"""Findings about subscriptions and publications, by rows made by hand."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Severity, State
from alerts.findings.replication import (
    logical_apply_errors,
    logical_spill,
    logical_subscription_down,
    logical_table_not_synced,
    replica_identity_missing,
    subscription_auto_disabled,
)
from alerts.verdicts.tracker import VerdictTracker
from collectors._base import Absence, AnyCollector
from collectors.settings import settings
from collectors.slot_statistics import SlotStatistics, slot_statistics
from collectors.subscription_tables import SubscriptionTable, subscription_tables
from collectors.subscriptions import Subscription, subscriptions
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import later, seen
from tests.fixtures.wal_rows import GiB, given, rounds

ALL = (
    logical_apply_errors.finding,
    logical_spill.finding,
    logical_subscription_down.finding,
    logical_table_not_synced.finding,
    replica_identity_missing.finding,
    subscription_auto_disabled.finding,
)


def subscription(**more: Any) -> Subscription:
    facts: dict[str, Any] = {
        "datname": "shop",
        "subname": "news",
        "enabled": True,
        "pid": 7,
        "silent_seconds": 3.0,
        "received_lsn": 5,
        "sync_workers": 0,
        "apply_errors": 0,
        "sync_errors": 0,
        "slot_name": "news",
    }
    row: Subscription = filled(Subscription, **facts | more)
    return row


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (subscription(), State.healthy),
        (subscription(pid=None, silent_seconds=None), State.ill),
        (subscription(received_lsn=None), State.ill),  # tries to connect
        (subscription(silent_seconds=299.0), State.healthy),
        (subscription(silent_seconds=300.0), State.ill),
        (subscription(enabled=False, pid=None), State.healthy),
    ],
)
def test_down(row: Subscription, state: State) -> None:
    assert (
        verdict_of(logical_subscription_down.finding, seen((subscriptions, [row]))).state is state
    )


@pytest.mark.parametrize("timeout", [0.0, 600.0])
def test_a_publisher_may_be_silent_where_nothing_asks_it(timeout: float) -> None:
    """Without timeouts an idle publisher sends nothing for hours."""
    rows = [subscription(received_lsn=None), subscription(silent_seconds=1100.0)]
    known = given(wal_receiver_timeout=timeout)
    told = seen((subscriptions, rows), (settings, known))
    assert verdict_of(logical_subscription_down.finding, told).state is State.healthy


def test_a_worker_that_is_started_again_alerts_nobody() -> None:
    """It must be missing for a minute."""
    book, finding = VerdictTracker(), logical_subscription_down.finding
    gone = seen((subscriptions, [subscription(pid=None)]))
    assert verdict_of(finding, gone, book).state is State.learning
    assert verdict_of(finding, later(gone, 61), book).state is State.ill


@pytest.mark.parametrize(
    ("before", "last", "state"),
    [
        (0, 2, State.healthy),
        (0, 3, State.ill),
        (3, 3, State.healthy),  # repaired: no error within the last minute
        (200, 203, State.ill),
    ],
)
def test_errors_that_go_on(before: int, last: int, state: State) -> None:
    finding = logical_apply_errors.finding
    told = (
        (0, {subscriptions: [subscription()]}),
        (300, {subscriptions: [subscription(apply_errors=before)]}),
        (360, {subscriptions: [subscription(apply_errors=last)]}),
    )
    assert verdict_of(finding, rounds(finding, *told)).state is state


def test_errors_are_not_counted_before_15() -> None:
    finding = logical_apply_errors.finding
    row = subscription(apply_errors=None, sync_errors=None)
    assert verdict_of(finding, rounds(finding, (0, {subscriptions: [row]}))).state is State.unknown
    assert verdict_of(finding, rounds(finding, (0, {subscriptions: []}))).state is State.healthy


def test_skip_is_a_comment_with_what_it_loses() -> None:
    finding = logical_apply_errors.finding
    told = [
        (at, {subscriptions: [subscription(apply_errors=at, insert_exists=at)]})
        for at in (0, 30, 60)
    ]
    [subject] = verdict_of(finding, rounds(finding, *told)).subjects
    cure = subject.evidence.cure
    assert all(line.startswith("--") for line in cure)
    assert any("loses the WHOLE transaction" in line for line in cure)
    assert "Conflicts so far: insert_exists" in subject.evidence.message


@pytest.mark.parametrize(
    ("row", "severity"),
    [
        (subscription(disable_on_error=True), None),
        (subscription(disable_on_error=True, enabled=False), Severity.warning),
        (subscription(disable_on_error=True, enabled=False, sync_errors=1), Severity.critical),
        (subscription(disable_on_error=False, enabled=False), None),
        (subscription(enabled=False), None),  # 14 has no such option
    ],
)
def test_disabled_by_an_error(row: Subscription, severity: Severity | None) -> None:
    finding = subscription_auto_disabled.finding
    assert verdict_of(finding, seen((subscriptions, [row]))).severity is severity


def table(relid: int = 1, pid: int | None = None, state: str = "i") -> SubscriptionTable:
    return SubscriptionTable("shop", "news", relid, "public", f"t{relid}", state, ord(state), pid)


@pytest.mark.parametrize(
    ("first", "later", "seconds", "state"),
    [
        ([table()], [table()], 1800, State.ill),
        ([table()], [table()], 1799, State.learning),
        ([table()], [table(state="d")], 1800, State.learning),
        # One is copied, which may take hours; the others wait for their turn.
        ([table(), table(2)], [table(), table(2, pid=9)], 90_000, State.healthy),
        ([table()], [], 1800, State.healthy),
    ],
)
def test_tables_that_nothing_works_on(
    first: list[SubscriptionTable], later: list[SubscriptionTable], seconds: float, state: State
) -> None:
    finding = logical_table_not_synced.finding
    begun: dict[AnyCollector, Any] = {
        subscriptions: [subscription()],
        subscription_tables: first,
    }
    told = rounds(finding, (0, begun), (seconds, {subscription_tables: later}))
    assert verdict_of(finding, told).state is state


@pytest.mark.parametrize(("spilled", "state"), [(GiB - 1, State.healthy), (GiB, State.ill)])
def test_spilled_in_an_hour(spilled: int, state: State) -> None:
    finding = logical_spill.finding

    def row(count: int) -> SlotStatistics:
        made: SlotStatistics = filled(
            SlotStatistics, slot_name="cdc", spill_bytes=count, spill_txns=1, total_txns=1
        )
        return made

    told = (0, {slot_statistics: [row(5)]}), (3600, {slot_statistics: [row(5 + spilled)]})
    assert verdict_of(finding, rounds(finding, *told)).state is state


@pytest.mark.parametrize("finding", ALL, ids=lambda finding: finding.name)
def test_without_an_answer_it_is_unknown(finding: AnyFinding) -> None:
    blind = replace(seen(), absent=dict.fromkeys(finding.reads, Absence("refused")))
    assert verdict_of(finding, blind).state is State.unknown
