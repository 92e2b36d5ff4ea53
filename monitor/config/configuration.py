"""Configuration of the daemon: what follows from the settings, without the library that read them.

The library and its model of all settings take 10 MiB, so the daemon reads settings in a copy of
its process and keeps only this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alerts.limits import BaseLimits
from alerts.verdicts.mutes import Mute
from alerts.verdicts.tracker import Timing
from monitor.config.endpoint import Endpoint
from monitor.config.poolers import PoolerPlan, pooler_plans
from monitor.config.watch_plan import WatchPlan, limits, mutes, plans, timing

if TYPE_CHECKING:
    from monitor.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Configuration:
    """Plain values only, which can be pickled. The settings of the same name tell more."""

    servers: tuple[WatchPlan, ...]
    poolers: tuple[PoolerPlan, ...]
    limits: Mapping[str, BaseLimits]
    """By finding."""
    mutes: tuple[Mute, ...]
    timing: Timing
    file: Path | None
    """The file with these settings, which is read again when it changes."""
    checks: Path | None
    listen: tuple[Endpoint, ...]
    web_config_file: Path | None
    pages: bool
    state_file: Path | None
    subjects_shown: int
    legacy_metrics: bool
    log_level: str
    log_format: str


def configuration(settings: "Settings", environ: Mapping[str, str]) -> Configuration:
    """Return what follows from settings and the PG* variables. Raises ConfigurationError."""
    return Configuration(
        servers=tuple(plans(settings, environ)),
        poolers=tuple(pooler_plans(settings, environ)),
        limits=limits(settings),
        mutes=mutes(settings),
        timing=timing(settings),
        file=settings.config,
        checks=settings.checks,
        listen=settings.listen,
        web_config_file=settings.web_config_file,
        pages=settings.pages,
        state_file=settings.state_file,
        subjects_shown=settings.subjects_shown,
        legacy_metrics=settings.legacy_metrics,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )
