"""Erlang C, and Allen and Cunneen's correction, against known values and against a simulation."""

import heapq
import math
import random

import pytest

from alerts.pooler.queueing import Load, erlang_c, mean_wait, size_for


@pytest.mark.parametrize(
    ("busy", "size", "probability"),
    [(0.5, 1, 0.5), (1.0, 2, 1 / 3), (2.0, 3, 4 / 9), (8.0, 10, 0.40918), (5.0, 5, 1.0)],
)
def test_erlang_c_has_its_known_values(busy: float, size: int, probability: float) -> None:
    assert erlang_c(busy, size) == pytest.approx(probability, abs=1e-5)


def test_one_server_is_the_formula_of_pollaczek_and_khinchine() -> None:
    for variation in (0.0, 1.0, 3.0):
        load = Load(arrivals=8, service=0.1, variation=variation)
        exact = 0.8 * 0.1 * (1 + variation) / 2 / 0.2
        assert mean_wait(load, 1) == pytest.approx(exact)


def test_edges() -> None:
    assert mean_wait(Load(0, 0.1), 3) == 0
    assert math.isinf(mean_wait(Load(31, 0.1), 3))
    assert size_for(Load(31, 0.1), 0.001) == 8
    assert mean_wait(Load(31, 0.1), 8) <= 0.001 < mean_wait(Load(31, 0.1), 7)
    assert size_for(Load(1e9, 1.0), 0.0) is None
    assert 0 < mean_wait(Load(5000, 1.0), 5100) < 1


def test_a_larger_pool_waits_less() -> None:
    waits = [mean_wait(Load(40, 0.1, 2.0), size) for size in range(5, 30)]
    assert waits == sorted(waits, reverse=True)


def simulated(load: Load, size: int, equal: bool, count: int = 60_000) -> float:
    dice, now, waited = random.Random(7), 0.0, 0.0
    free = [0.0] * size
    for _ in range(count):
        now += dice.expovariate(load.arrivals)
        begun = max(now, heapq.heappop(free))
        waited += begun - now
        service = load.service if equal else dice.expovariate(1 / load.service)
        heapq.heappush(free, begun + service)
    return waited / count


@pytest.mark.parametrize("size", [2, 5])
@pytest.mark.parametrize("equal", [True, False])
def test_a_simulation_agrees(size: int, equal: bool) -> None:
    load = Load(0.75 * size / 0.05, 0.05, 0.0 if equal else 1.0)
    assert mean_wait(load, size) == pytest.approx(simulated(load, size, equal), rel=0.15)
