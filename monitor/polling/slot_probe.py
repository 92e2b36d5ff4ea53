"""Slot probe: checks whether the server accepts a new session, before one is needed."""

import time
from dataclasses import dataclass, field

import structlog

from monitor.postgres.errors import ConnectFailure
from monitor.postgres.roaming import RoamingSession
from monitor.postgres.session import Session

log = structlog.get_logger("pgvigil")
PROBE = 60.0
"""Seconds without a connect after which one is tried."""
PROBE_WHEN_FULL = 10.0
"""The same while all slots are taken."""


@dataclass(slots=True)
class SlotProbe:
    """Probes one server with the third session, so that we never have a fourth."""

    server: str
    roaming: RoamingSession
    tried: float = field(default=float("-inf"))
    """Monotonic time of the last probe."""

    async def make_room(self, standing: Session) -> None:
        """While all slots are taken give the third session back, and probe whether one is free."""
        if self.roaming.is_busy:
            return
        if self.roaming.session:
            await self.roaming.leave()
        elif time.monotonic() - self.tried >= PROBE_WHEN_FULL:
            await self._probe(standing)

    def forget(self) -> None:
        """Slots are free: once they are all taken again, that is probed at once."""
        self.tried = float("-inf")

    async def probe_if_due(self, standing: Session) -> None:
        """Probe if nothing has connected for a while."""
        if time.monotonic() - self.roaming.opened >= PROBE:
            await self._probe(standing)

    async def _probe(self, standing: Session) -> None:
        self.tried = time.monotonic()
        session = self.roaming.session or standing
        try:
            await self.roaming.probe(session.identity.database, standing)
        except ConnectFailure as failure:
            log.warning("no new session", server=self.server, cause=failure.cause.value)
