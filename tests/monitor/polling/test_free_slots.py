"""Free slots are counted once for each answer, and never guessed."""

from alerts.history.recorder import Recorder
from collectors.activity import activity
from collectors.settings import Setting, settings
from monitor.polling.answers import Answers
from monitor.polling.free_slots import FreeSlots
from tests.fixtures.lock_rows import filled
from tests.fixtures.session_rows import sessions


def known(most: int) -> list[Setting]:
    numbers = {"max_connections": most, "superuser_reserved_connections": 1}
    return [
        filled(Setting, name=name, setting=str(value), vartype="integer")
        for name, value in numbers.items()
    ]


def test_all_are_taken_or_not() -> None:
    """By the newest answer of sessions; without one nothing is said."""
    answers = Answers(Recorder())
    slots = FreeSlots(answers)
    assert not slots.all_taken()
    answers.take(settings, None, known(4), at=1000)
    assert not slots.all_taken()
    answers.take(activity, None, sessions(2), at=1000)
    assert not slots.all_taken()
    answers.take(activity, None, sessions(3), at=1001)
    assert slots.all_taken()
    answers.take(activity, None, sessions(2), at=1002)
    assert not slots.all_taken()
