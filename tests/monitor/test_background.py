"""The background thread calculates without collections, and lets the loop have its turns."""

import gc
import sys
from collections.abc import Iterator

import pytest

from monitor.background import SWITCH, in_background, is_busy, yield_often


@pytest.fixture
def usual() -> Iterator[float]:
    interval = sys.getswitchinterval()
    yield interval
    sys.setswitchinterval(interval)


def test_the_loop_waits_for_a_millisecond_at_most(usual: float) -> None:
    """Five of Python's own turns would be half of what the loop may stand still."""
    yield_often()
    assert sys.getswitchinterval() == pytest.approx(SWITCH)
    assert usual > SWITCH


async def test_nothing_is_collected_while_it_calculates() -> None:
    assert await in_background(gc.isenabled) is False
    assert gc.isenabled()
    assert not is_busy()
