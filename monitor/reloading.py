"""Reloading: reads the configuration again after a signal or a changed file, and has it applied."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from monitor.clock import Clock
from monitor.config.configuration import Configuration
from monitor.config.errors import ConfigurationError
from monitor.config.reload import Stamp, needs_a_restart, stamps, watched_files
from monitor.own_checks.enrolment import enrol, files_of
from monitor.scheduler import Schedule

log = structlog.get_logger("pgvigil")
CHECK_FILES = 5.0
"""Seconds between checks for a changed configuration."""
Load = Callable[[], Configuration]
Apply = Callable[[Configuration, bool], Awaitable[None]]
"""Watches as a configuration says; True: own checks were read anew."""


@dataclass(slots=True)
class Reloading:
    """The configuration in use, and how the last attempt to replace it ended."""

    configuration: Configuration
    load: Load
    """Reads the configuration again. Raises ConfigurationError."""
    apply: Apply
    clock: Clock
    ok: bool = True
    at: float = 0.0
    """Unix seconds when the configuration in use was applied."""
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while targets come and go, and from reading a configuration until it is applied: a
    second reload may begin before the first has ended, and the newest comes last."""
    _checks: dict[Path, Stamp | None] = field(init=False)
    """State of the files of own checks when they were read."""

    def __post_init__(self) -> None:
        self.at = self.clock.now()
        self._checks = stamps(files_of(self.configuration.checks))

    async def reload(self) -> None:
        """Apply a new configuration; an invalid one keeps the previous one in use."""
        async with self.changing:
            try:
                wanted, has_new_checks = self._read_again()
            except ConfigurationError as wrong:
                reason = str(wrong)
                log.error("configuration is invalid, the previous one stays in use", reason=reason)
                self.ok = False
                return
            late = needs_a_restart(self.configuration, wanted)
            if late:
                log.warning("takes effect after a restart", settings=list(late))
            self.configuration = wanted
            await self.apply(wanted, has_new_checks)
            self.ok, self.at = True, self.clock.now()
            log.info("configuration reloaded", servers=[plan.name for plan in wanted.servers])

    def _read_again(self) -> tuple[Configuration, bool]:
        """Return the configuration, and whether own checks were read anew.

        Raises ConfigurationError.
        """
        found = self.load()
        checks = stamps(files_of(found.checks))
        if (found.checks, checks) == (self.configuration.checks, self._checks):
            return found, False
        enrol(found.checks)
        wanted = self.load()  # there may be other findings now that settings name
        self._checks = checks  # last: what was not applied is new at the next attempt too
        return wanted, True

    def watch_files(self, schedule: Schedule) -> None:
        """Reload when a file has changed, and all of them are there."""
        seen = self._stamps()

        async def look() -> None:
            nonlocal seen
            now = self._stamps()
            if now != seen and all(now.values()):
                seen = now
                await self.reload()

        if seen or self.configuration.checks:
            schedule.every("configuration", CHECK_FILES, look, CHECK_FILES)

    def _stamps(self) -> dict[Path, Stamp | None]:
        """Return the state of all files whose change is a reason to read everything again."""
        return stamps((*watched_files(self.configuration), *files_of(self.configuration.checks)))
