"""bench runway: what is drawn is what it says, and its page has both figures."""

from bench.runway import slow
from bench.runway.__main__ import TITLES, figures, page
from bench.runway.series import connections, honest, leaking


def test_honest_servers_never_run_out_and_leaks_do() -> None:
    quiet, leak = honest(5), leaking(5)
    assert max(value for _, value in connections(quiet, 0.5)) < quiet.slots
    assert leak.leak > 0
    *_, (_, last) = connections(leak, 8.0, pace=120.0)
    assert last == leak.slots


def test_the_same_seed_draws_the_same() -> None:
    assert list(connections(honest(7), 0.1)) == list(connections(honest(7), 0.1))
    growth = slow.drawn(7, runs_out=True)
    assert growth == slow.drawn(7, runs_out=True)
    values = [value for _, value in slow.hours(growth)]
    assert values == sorted(values)


def test_the_page_has_every_figure() -> None:
    text = page([figures(3, servers=1, days=0.2)])
    assert all(title in text for title, _ in TITLES)
    assert "seeds 3." in text
