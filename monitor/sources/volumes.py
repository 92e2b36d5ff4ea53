"""Volumes: the file systems of the server's files, where they are mounted here."""

from dataclasses import dataclass
from pathlib import Path

from collectors.volumes import Volume, volumes
from monitor.folder_watch import FolderWatch
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source
from monitor.sources.volume_reader import PATIENCE, volume_watch


@dataclass(frozen=True, slots=True)
class Volumes(Source):
    """Supplies what a look has found; the server itself may be down."""

    watch: FolderWatch[list[Volume]]
    name = "volumes"

    @classmethod
    def of(cls, outlet: Outlet, data: Path | None, wal: Path | None) -> "Volumes":
        return cls(
            volume_watch(
                data,
                wal,
                lambda found: outlet.supply(volumes, found),
                lambda why: outlet.lack(why, volumes),
            )
        )

    async def tick(self, now: float) -> None:
        self.watch.tick(now)

    async def settle(self) -> None:
        await self.watch.settled(PATIENCE)
