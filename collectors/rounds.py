"""State of the daemon's own collectors: answers and errors."""

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
    """Seconds without an answer; None while it gets answers."""
    age_seconds: float | None
    """Age of its last answer in seconds; None: it never had one."""
    pace_seconds: float
    """Current seconds between two queries."""
    duration_seconds: float | None = None
    """Seconds that the last answer took."""
    was_refused: bool = False
    """Whether the last query failed; if not, it was not run for a known reason."""

    blinded: tuple[str, ...] = ()
    """Findings that can't be judged without its answers."""
    set_seconds: float | None = None
    """Seconds between two queries if nothing on this server makes them rarer; None: unknown."""

    @property
    def stretch(self) -> float:
        """The factor by which its pace is stretched."""
        return self.pace_seconds / self.set_seconds if self.set_seconds else 1.0

    @property
    def succeeded(self) -> bool | None:
        """Return None if the collector does not apply to this version or role."""
        return True if self.ok else False if self.was_refused else None


def last_duration(rows: Sequence[Round]) -> Iterator[Sample]:
    yield (), sum(row.duration_seconds or 0.0 for row in rows)


OURS = "Named after the collectors of pgvigil; `pgvigil_collector_*` has more details."

rounds = Collector(
    row=Round,
    lane=Lane.normal,
    key=("collector",),
    metrics=(
        Metric(
            "pg_exporter_last_scrape_duration_seconds",
            "gauge",
            "Total duration of the last queries of all collectors.",
            (),
            last_duration,
            legacy=True,
            note="Queries don't run during a scrape.",
        ),
        Metric(
            "pg_scrape_collector_success",
            "gauge",
            "Whether the collector's last query succeeded.",
            ("collector",),
            lambda rows: (((row.collector,), row.succeeded) for row in rows),
            legacy=True,
            note=OURS + " Absent if the collector does not apply to this server.",
        ),
        Metric(
            "pg_scrape_collector_duration_seconds",
            "gauge",
            "Duration of the collector's last query.",
            ("collector",),
            lambda rows: (((row.collector,), row.duration_seconds) for row in rows),
            legacy=True,
            note=OURS,
        ),
    ),
)
