"""SHOW CONFIG: the settings of the pooler as they are in force."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane, Metric, Sample


@dataclass(frozen=True, slots=True)
class PoolerSetting:
    key: str
    value: str | None
    default: str | None
    changeable: str | None
    """`yes`: a RELOAD is enough; `no`: it needs a restart."""

    @property
    def number(self) -> float | None:
        try:
            return float(self.value or "")
        except ValueError:
            return None


def _of(key: str) -> Callable[[Sequence[PoolerSetting]], Iterable[Sample]]:
    return lambda rows: (((), row.number) for row in rows if row.key == key)


pooler_config = Collector(
    row=PoolerSetting,
    lane=Lane.normal,
    of=Kind.pgbouncer,
    console="SHOW CONFIG",
    key=("key",),
    metrics=(
        Metric(
            "pgbouncer_config_max_client_connections",
            "gauge",
            "Clients that the pooler accepts: max_client_conn.",
            (),
            _of("max_client_conn"),
        ),
        Metric(
            "pgbouncer_config_max_user_connections",
            "gauge",
            "Server connections that each user may have; 0: not limited.",
            (),
            _of("max_user_connections"),
        ),
    ),
)
