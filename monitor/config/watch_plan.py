"""Watch plan of one server: the settings in the form that its monitor needs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from alerts.limits import BaseLimits
from alerts.verdicts.mutes import Mute
from alerts.verdicts.tracker import Timing
from collectors._base import Lane
from monitor.config.servers import WatchedServer, watched_servers

if TYPE_CHECKING:
    from monitor.config.settings import Settings

PATIENCE = Timing()
HUNG = 30.0
"""Seconds after which a session that does not answer is given up."""


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """Settings of one server. An equal plan after a reload keeps its sessions and history."""

    target: WatchedServer
    paces: Mapping[Lane, float]
    """Seconds."""
    limits: Mapping[str, BaseLimits]
    """By finding."""
    bounds: Mapping[str, int] = field(default_factory=dict)
    """How many rows have their own metrics, by collector; others use the collector's default."""
    mutes: tuple[Mute, ...] = ()
    timing: Timing = PATIENCE
    statement_texts: bool = False
    """Whether metrics have the texts of statements."""
    budget: float = 0.01
    statement_timeout: float = 5.0
    """Seconds after which the server itself ends a query of ours."""
    connect_deadline: float = 5.0
    """Seconds that an attempt to connect may take."""
    hung_deadline: float = HUNG

    @property
    def name(self) -> str:
        return self.target.name

    def same_watch(self, other: "WatchPlan") -> bool:
        """Return True if only settings of judging differ, so that sessions can stay."""
        return self == replace(other, limits=self.limits, mutes=self.mutes, timing=self.timing)


def plans(
    settings: "Settings", environ: Mapping[str, str], hold: bool = True
) -> Iterator[WatchPlan]:
    """Yield a plan for each configured server. Raises ConfigurationError."""
    deadline = settings.deadline.total_seconds()
    for target in watched_servers(settings, environ).values():
        yield WatchPlan(
            target=target,
            paces={lane: getattr(settings.paces, lane.value).total_seconds() for lane in Lane},
            limits=limits(settings),
            bounds=bounds(settings),
            mutes=mutes(settings),
            timing=timing(settings, hold),
            statement_texts=settings.statement_texts,
            budget=settings.budget,
            statement_timeout=deadline,
            connect_deadline=deadline,
            hung_deadline=max(HUNG, deadline + 5),
        )


def mutes(settings: "Settings") -> tuple[Mute, ...]:
    """Return the configured mutes."""
    return tuple(muting.mute() for muting in settings.mute)


def timing(settings: "Settings", hold: bool = True) -> Timing:
    """Return how long verdicts are shown and held."""
    return Timing(
        visible=2 * settings.scrape_interval.total_seconds(),
        unknown=settings.hold_unknown.total_seconds(),
        hold=hold,
    )


def limits(settings: "Settings") -> dict[str, BaseLimits]:
    """Return the configured limits, by finding."""
    section = settings.findings
    return {name: getattr(section, name) for name in type(section).model_fields}


def bounds(settings: "Settings") -> dict[str, int]:
    """Return the configured bounds, by collector."""
    return {name: getattr(settings.bounds, name) for name in type(settings.bounds).model_fields}
