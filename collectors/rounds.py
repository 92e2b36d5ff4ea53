"""How the daemon's own questions fare: which collector brings answers, and which does not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Lane, Metric, Sample


@dataclass(frozen=True, slots=True)
class Round:
    """The state of one collector on this server."""

    collector: str
    lane: str
    ok: bool
    error: str | None
    failed_seconds: float | None
    """For how long it has brought nothing; None while it does."""
    age_seconds: float | None
    """Age of its last answer; None: never one."""
    pace_seconds: float
    """Seconds between two rounds as they are now."""
    duration_seconds: float | None = None
    """Of its last answer."""
    was_refused: bool = False
    """It was asked, and an error came back; else it was not asked, for a known reason."""

    blinded: tuple[str, ...] = ()
    """Findings that can't be judged while it brings nothing."""

    @property
    def succeeded(self) -> bool | None:
        """None where the question does not apply: not on this version, not in this role."""
        return True if self.ok else False if self.was_refused else None


def last_duration(rows: Sequence[Round]) -> Iterator[Sample]:
    yield (), sum(row.duration_seconds or 0.0 for row in rows)


OURS = "The collectors are ours, so their names are too; `pgvigil_collector_*` says more."

rounds = Collector(
    row=Round,
    lane=Lane.normal,
    key=("collector",),
    metrics=(
        Metric(
            "pg_exporter_last_scrape_duration_seconds",
            "gauge",
            "What the last rounds of all collectors took together.",
            (),
            last_duration,
            legacy=True,
            note="No scrape waits for it.",
        ),
        Metric(
            "pg_scrape_collector_success",
            "gauge",
            "Whether the collector's last round brought an answer.",
            ("collector",),
            lambda rows: (((row.collector,), row.succeeded) for row in rows),
            legacy=True,
            note=OURS + " Absent where the question does not apply to this server.",
        ),
        Metric(
            "pg_scrape_collector_duration_seconds",
            "gauge",
            "What the collector's last answer took.",
            ("collector",),
            lambda rows: (((row.collector,), row.duration_seconds) for row in rows),
            legacy=True,
            note=OURS,
        ),
    ),
)
