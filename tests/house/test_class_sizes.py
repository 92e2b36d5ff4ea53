"""Classes have one trade: one with many methods is parted at its joint, or says why it is not."""

from tests.fixtures.source_modules import modules

MOST = 15
"""Methods of a class that needs no reason."""
ONE_TRADE = {
    "alerts.history.memory.Memory": "a store: each method is one operation under its one lock",
    "alerts.history.recorder.Recorder": "who calls in which thread stands on one screen",
    "bench.flips.watch.Watched": "one server through one film, act by act",
    "monitor.demo.launcher.Postgres": "verbs of pg_ctl, most of one line each",
    "monitor.polling.answers.Answers": "the newest answers: all of them change one state",
    "monitor.polling.pacing.Pacing": "seven verbs by which it is told, and what it then answers",
    "monitor.postgres.session.Session": "one connection: opened, asked, measured, closed",
    "monitor.views.summary.Summary": "one list for each part of a page; none has a state",
}
"""Larger classes that are left whole, each with a reason."""


def large() -> dict[str, int]:
    """The number of methods of each class with more than most, by its dotted name."""
    return {
        f"{module.name}.{name}": methods
        for module in modules()
        for name, methods in module.methods.items()
        if methods > MOST
    }


def test_a_large_class_has_one_trade() -> None:
    new = {name: methods for name, methods in large().items() if name not in ONE_TRADE}
    assert not new, "part it at its joint, or give a reason in ONE_TRADE"


def test_every_reason_is_still_needed() -> None:
    assert not set(ONE_TRADE) - set(large())
