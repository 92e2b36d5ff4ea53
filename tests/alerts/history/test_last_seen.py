"""Who was there and is no more."""

from datetime import timedelta

from alerts.history.last_seen import LastSeen
from tests.fixtures.meters import Meter, known, meters, note, watching

NAMES = LastSeen(meters, "name", timedelta(hours=1))


def test_who_is_gone_is_remembered_for_a_while() -> None:
    """With how long it was there before; it is forgotten after the span, and not while present."""
    watched = watching(NAMES)
    note(watched, 0, Meter("a", 0), Meter("b", 0))
    note(watched, 100, Meter("a", 0), Meter("b", 0))
    note(watched, 200, Meter("b", 0))
    before = known(watched, NAMES, 250)
    gone = {name: (who.seconds, who.stayed) for name, who in before.gone().items()}
    assert gone == {"a": (150, 100)}
    note(watched, 3701, Meter("b", 0))
    assert known(watched, NAMES, 3701).gone() == {}
    assert before.gone().keys() == {"a"}, "a view stays as it was"
