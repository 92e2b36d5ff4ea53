"""What takes long is done less often."""

from dataclasses import dataclass, field

import pytest

from monitor.throttle import Throttled


@dataclass
class Painter:
    """A job that takes as long as it says, on a clock of its own."""

    takes: float
    time: float = 1_000.0
    began: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    async def paint(self) -> None:
        self.began.append(self.time)
        self.time += self.takes


@pytest.mark.parametrize(("takes", "apart"), [(0.01, 1), (0.05, 1), (0.25, 5)])
async def test_a_share_is_kept(takes: float, apart: int) -> None:
    """What is cheap comes each time it is called for, what is dear every few times."""
    painter = Painter(takes)
    job = Throttled(painter.paint, 0.05, painter.now)
    for second in range(1_000, 1_021):
        painter.time = float(second)
        await job()
    assert painter.began == list(range(1_000, 1_021, apart))


async def test_a_job_may_say_what_it_used_itself() -> None:
    """What waited for others most of its time is not dear."""
    painter = Painter(takes=0.5)

    async def paint() -> float:
        await painter.paint()
        return 0.05

    job = Throttled(paint, 0.05, painter.now)
    for second in range(1_000, 1_004):
        painter.time = float(second)
        await job()
    assert painter.began == [1_000, 1_001, 1_002, 1_003]
