"""Sources: each at its pace, and a defect of one is its own."""

from collections import Counter

from monitor.defects import DEFECTS, PARTS
from monitor.sources.source import Source, Sources

CALLS: Counter[str] = Counter()


class Often(Source):
    """Ticked every second."""

    name = "often"

    async def tick(self, now: float) -> None:
        CALLS[self.name] += 1


class Rarely(Source):
    """Ticked every ten seconds, and asked to settle by a single check."""

    name = "rarely"
    every = 10.0

    async def tick(self, now: float) -> None:
        CALLS[self.name] += 1

    async def settle(self) -> None:
        CALLS["settled"] += 1


class Broken(Source):
    """Fails whenever it is ticked."""

    name = "broken"

    async def tick(self, now: float) -> None:
        raise ZeroDivisionError

    async def settle(self) -> None:
        raise ZeroDivisionError


async def test_each_is_ticked_at_its_pace_and_a_broken_one_stops_no_other() -> None:
    CALLS.clear()
    before = DEFECTS.counts["source"]
    sources = Sources("it", (Broken(), Often(), Rarely()))
    for second in range(20):
        await sources.tick(1_000_000.0 + second)
    assert CALLS == {"often": 20, "rarely": 2}
    assert DEFECTS.counts["source"] == before + 20
    assert "source" in PARTS


async def test_a_single_check_ticks_all_and_waits_for_them() -> None:
    CALLS.clear()
    sources = Sources("it", (Broken(), Rarely()))
    await sources.tick(1_000_000.0)
    await sources.look_once(1_000_001.0)
    assert CALLS == {"rarely": 2, "settled": 1}


async def test_a_look_is_counted_as_a_tick() -> None:
    CALLS.clear()
    sources = Sources("it", (Rarely(),))
    await sources.look_once(1_000_000.0)
    await sources.tick(1_000_001.0)
    assert CALLS == {"rarely": 1, "settled": 1}
