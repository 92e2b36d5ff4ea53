"""Ticker: a forgotten job ends by itself, a stopped one at once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from monitor.ticker import Ticker
from tests.fixtures.until import until


@pytest.fixture
async def ticker() -> AsyncIterator[Ticker]:
    ticker = Ticker()
    yield ticker
    ticker.stop()


class Round:
    """A job that counts its runs, and can be made to wait."""

    def __init__(self) -> None:
        self.begun = self.ended = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self) -> None:
        self.begun += 1
        await self.open.wait()
        self.ended += 1

    async def has_begun(self) -> bool:
        return self.begun > 0


async def test_a_forgotten_job_ends_by_itself(ticker: Ticker) -> None:
    """What it does is not cut off, and it does not come again; one of its name goes on."""
    old, new = Round(), Round()
    old.open.clear()
    ticker.every("one", 0.01, old, 0.0)
    await until(old.has_begun, "it runs")
    [task] = ticker.tasks.values()
    ticker.every("one", 0.01, new, 0.0)
    await until(new.has_begun, "the other runs")
    assert ticker.leaving == {task}
    old.open.set()
    await task
    assert (old.begun, old.ended) == (1, 1)
    assert not ticker.leaving


async def test_stopping_cancels_what_runs(ticker: Ticker) -> None:
    """Also what was forgotten and still runs."""
    rounds = Round(), Round()
    for name, one in zip("ab", rounds, strict=True):
        one.open.clear()
        ticker.every(name, 0.01, one, 0.0)
        await until(one.has_begun, "it runs")
    tasks = list(ticker.tasks.values())
    ticker.forget("a")
    ticker.stop()
    assert await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks)
    assert [one.ended for one in rounds] == [0, 0]
