"""Cores: how many the server has, where it runs on our machine."""

import os
from dataclasses import dataclass

from collectors._base import Absence
from collectors.processors import Processors, processors
from monitor.postgres.sessions import Sessions
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source

SETTING = "findings.active_session_overload.cores"
ELSEWHERE = Absence("how many cores the server has is not known", setting=SETTING)


@dataclass(frozen=True, slots=True)
class Cores(Source):
    """Supplies the cores of our machine once, if the server runs on it too."""

    outlet: Outlet
    sessions: Sessions
    shares_files: bool
    """Whether the server's data directory is mounted here."""
    name = "cores"

    async def tick(self, now: float) -> None:
        session, count = self.sessions.any, os.cpu_count()
        if session is None:
            return
        if count and (self.shares_files or session.process is not None):
            if processors not in self.outlet.answers.newest:
                self.outlet.supply(processors, (Processors(count),))
        else:
            self.outlet.lack(ELSEWHERE, processors)
