"""A look just before a waiting session checks for a deadlock, if nothing else looks then."""

from dataclasses import replace

import pytest

from monitor.polling.aimed_look import AHEAD, SAVED, AimedLook
from tests.fixtures.lock_rows import lock

WAIT = lock(2, "transactionid", 0.3)
COST = 0.01


def saved(looks: float = 1.0) -> AimedLook:
    return AimedLook(looks * COST)


@pytest.mark.parametrize(
    ("until", "timeout", "due"),
    [
        pytest.param(101.0, 1.0, 100.6, id="before the next look"),
        pytest.param(100.72, 1.0, 100.6, id="the next look may be a little late"),
        pytest.param(100.6, 1.0, None, id="the next look is early enough"),
        pytest.param(101.0, 0.5, None, id="it was seen just now"),
        pytest.param(103.0, 3.0, 102.6, id="with a longer timeout"),
    ],
)
def test_it_is_due_before_the_check(until: float, timeout: float, due: float | None) -> None:
    """The session waits since 99.7, and was seen at 100."""
    moment = saved().moment([WAIT], 100.0, until, COST, timeout)
    assert moment == (None if due is None else pytest.approx(due))


def test_only_those_who_wait_check() -> None:
    """The first of them decides; for a moment it is not known since when one waits."""
    rows = [lock(1, "transactionid"), replace(WAIT, waited_seconds=None)]
    assert saved().moment(rows, 100.0, 101.0, COST, 1.0) is None
    rows += [WAIT, replace(WAIT, waited_seconds=0.5)]
    assert saved().moment(rows, 100.0, 101.0, COST, 1.0) == pytest.approx(100.5 - AHEAD)


def test_it_is_paid_from_what_was_saved() -> None:
    """Not more than for a few of them; what is overdrawn saves nothing."""
    aimed = AimedLook()
    assert aimed.moment([WAIT], 100.0, 101.0, COST, 1.0) is None
    aimed.save(0.005, COST, 100.0)
    aimed.save(-0.5, COST, 101.0)
    aimed.save(0.005, COST, 104.0)
    assert aimed.saved == pytest.approx(0.015)
    assert aimed.moment([WAIT], 100.0, 101.0, COST, 1.0)
    aimed.spend(COST)
    assert aimed.moment([WAIT], 100.0, 101.0, COST, 1.0) is None
    aimed.save(0.005, COST, 1_000.0)
    assert aimed.saved == pytest.approx(SAVED * COST)
