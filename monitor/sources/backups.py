"""Backups: the reports that backup programs write into a folder."""

from dataclasses import dataclass
from pathlib import Path

from collectors.backup_reports import backup_reports
from monitor.backup_reports.watch import BackupWatch, backup_watch
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source

PATIENCE = 1.0
"""Seconds that a single check waits for the folder."""


@dataclass(frozen=True, slots=True)
class Backups(Source):
    """Supplies the reports whenever their folder was read."""

    watch: BackupWatch
    name = "backups"

    @classmethod
    def of(cls, outlet: Outlet, folder: Path | None, pace: float) -> "Backups":
        return cls(
            backup_watch(
                folder,
                lambda found: outlet.supply(backup_reports, (found,)),
                lambda why: outlet.lack(why, backup_reports),
                pace,
            )
        )

    async def tick(self, now: float) -> None:
        self.watch.tick(now)

    async def settle(self) -> None:
        await self.watch.settled(PATIENCE)
