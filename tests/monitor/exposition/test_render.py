"""What the renderer does round after round: sums that grow, and spellings that can be left out."""

from dataclasses import dataclass

from collectors._base import AnyMetric, Collector, Lane, Metric, counter
from monitor.exposition.render import Renderer
from monitor.exposition.store import Store


@dataclass(frozen=True, slots=True)
class Wait:
    event: str


Wait.__module__ = "made.up.waits"
today: AnyMetric = counter("pg_seen_total", "Seen.", lambda _: 7, ("event",))
waits = Collector(
    row=Wait,
    lane=Lane.fast,
    metrics=(
        Metric(
            "pg_samples_total",
            "counter",
            "Samples.",
            ("event",),
            lambda rows: (((row.event,), 1) for row in rows),
            adds_up=True,
        ),
        today,
        today.also("pg_seen"),
    ),
)


def lines(renderer: Renderer, *events: str) -> list[str]:
    fragments, _ = renderer.render([Wait(event) for event in events])
    return fragments["pg_samples_total"].samples.decode().splitlines()


def test_samples_add_up() -> None:
    """What was seen once stays seen, and grows with every further time."""
    renderer = Renderer(waits)
    assert lines(renderer, "a", "a", "b") == [
        'pg_samples_total{event="a"} 2',
        'pg_samples_total{event="b"} 1',
    ]
    assert lines(renderer, "b") == [
        'pg_samples_total{event="a"} 2',
        'pg_samples_total{event="b"} 2',
    ]
    assert lines(renderer) == lines(renderer)


def test_old_spellings_can_be_left_out() -> None:
    """With a setting only today's names are served."""
    both, new = Store(), Store(legacy=False)
    for store in (both, new):
        store.put("shop", waits, None, [Wait("a")])
    assert b'\npg_seen{event="a"} 7\n' in both.page().body
    assert b"pg_seen{" not in new.page().body
    assert b'pg_seen_total{event="a"} 7\n' in new.page().body
