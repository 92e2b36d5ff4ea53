"""Effect of a migration on queries on standbys: strong locks are replayed there."""

from collections.abc import Iterator

from alerts.migrations.advice import Advice
from alerts.migrations.duration import Duration
from alerts.migrations.live import LiveServer
from alerts.migrations.lock_mode import LockMode
from alerts.migrations.traced import Traced
from alerts.plural import plural
from alerts.units import duration_text

LONG = 1.0
"""Seconds from which on a lock on a standby is worth a word."""


def on_standbys(traced: Traced, held: Duration, live: LiveServer | None) -> Iterator[Advice]:
    """Yield what happens on standbys while the lock is held for long."""
    if live is None or not live.standbys or traced.created:
        return
    is_exclusive = any(held.mode is LockMode.AccessExclusive for held in traced.locks)
    if not is_exclusive or (held.range is not None and held.range.high <= LONG):
        return
    delay = live.standby_delay
    if delay is None:
        cancelled = "queries that are in its way are cancelled after their max_standby_*_delay"
    elif delay < 0:
        cancelled = "replay waits for queries that are in its way, however long they take"
    else:
        cancelled = (
            "queries that are in its way are cancelled after max_standby_streaming_delay"
            f" ({duration_text(delay)} here; a standby may have its own)"
        )
    count = len(live.standbys)
    yield Advice(
        f"Its ACCESS EXCLUSIVE lock is taken on {plural(count, 'standby', 'standbys')}, too:"
        f" statements there wait as here, and {cancelled}."
    )
