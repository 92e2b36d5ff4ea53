"""Budget of plans: ten at once, twenty an hour, and no more after a long silence."""

from monitor.planner.budget import PlanBudget


def spend(budget: PlanBudget, now: float) -> int:
    """Ask for all that a visit may have, and return how many it was."""
    allowed = budget.allowed(now)
    for _ in range(allowed):
        budget.spend()
    return allowed


def test_twenty_an_hour_ten_at_once() -> None:
    budget = PlanBudget()
    assert [spend(budget, 0.0) for _ in range(3)] == [10, 10, 0]
    assert [spend(budget, at) for at in (100.0, 180.0, 181.0, 540.0)] == [0, 1, 0, 2]
    assert sum(spend(budget, 540.0 + minute * 60) for minute in range(1, 61)) == 20


def test_a_silence_saves_nothing_beyond_an_hour() -> None:
    budget = PlanBudget()
    spend(budget, 0.0)
    assert [spend(budget, 1e6) for _ in range(3)] == [10, 10, 0]


def test_a_clock_set_back_gives_nothing() -> None:
    budget = PlanBudget()
    assert [spend(budget, 1e6) for _ in range(2)] == [10, 10]
    assert spend(budget, 0.0) == 0
    assert spend(budget, 180.0) == 1
