"""What has failed is asked again soon, also where its own pace is an hour."""

import pytest

from monitor.polling.round_log import FIRST, LONGEST, RoundStatus
from monitor.reading import ReadFailure

HOUR = 3600.0


def waits(pace: float, failures: int, failure: ReadFailure | None = None) -> list[float]:
    """Return after how many seconds it was asked again each time."""
    status, now, found = RoundStatus(), 0.0, []
    for _ in range(failures):
        status.asked = now
        status.failure(now, pace, failure or ReadFailure("canceled"))
        again = now
        while status.overdue(again, pace) is None:
            again += 1.0
        found.append(again - now)
        now = again
    return found


@pytest.mark.parametrize("pace", [HOUR, 24 * HOUR, 300.0])
def test_a_rare_question_is_asked_again_soon(pace: float) -> None:
    """Within a minute or so at first, and at its own pace at last."""
    first, second, *_, last = waits(pace, 16)
    assert 1.6 * FIRST <= first <= 2 * FIRST + 1
    assert 3.2 * FIRST <= second <= 4 * FIRST + 1
    assert 0.8 * max(LONGEST, pace) <= last <= max(LONGEST, pace) + 1


def test_a_frequent_question_backs_off() -> None:
    first, *_, last = waits(1.0, 12)
    assert first <= 3
    assert 0.8 * LONGEST <= last <= LONGEST + 1


def test_a_refusal_is_remembered() -> None:
    refusal = ReadFailure("permission denied")
    refusal.refused = True
    [wait] = waits(15.0, 1, refusal)
    assert wait >= 0.8 * HOUR


def test_what_waits_for_another_try_is_behind_what_is_late() -> None:
    """Else a question that never ends would take the place of all others in a visit."""
    failed = RoundStatus(asked=0.0)
    failed.failure(5.0, HOUR, ReadFailure("canceled"))
    late = RoundStatus(asked=0.0)
    assert (failed.overdue(70.0, HOUR) or 0.0) < (late.overdue(70.0, 60.0) or 0.0)


@pytest.mark.parametrize("answers", [True, False])
def test_an_answer_and_a_missing_right_end_it(answers: bool) -> None:
    """Then its pace alone counts."""
    status = RoundStatus(asked=0.0)
    status.failure(0.0, HOUR, ReadFailure("canceled"))
    status.asked = 100.0
    if answers:
        status.success(100.0, 1.0, 1)
    else:
        status.absence(100.0, "no right")
    assert status.overdue(100.0 + HOUR / 2, HOUR) is None
    assert status.overdue(100.0 + HOUR, HOUR) is not None
