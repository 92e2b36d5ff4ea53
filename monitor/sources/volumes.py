"""Volumes: the file systems of the server's files, where they are mounted here."""

from dataclasses import dataclass

from collectors._base import Absence
from collectors.volumes import volumes
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source
from monitor.sources.volume_reader import VolumeReader


@dataclass(frozen=True, slots=True)
class Volumes(Source):
    """Supplies what the thread of the volumes has found; the server itself may be down."""

    outlet: Outlet
    reader: VolumeReader
    name = "volumes"

    async def tick(self, now: float) -> None:
        found = self.reader.poll()
        if isinstance(found, Absence):
            self.outlet.lack(found, volumes)
        elif found is not None:
            self.outlet.supply(volumes, tuple(found))

    async def settle(self) -> None:
        await self.reader.settle()
        await self.tick(0.0)
