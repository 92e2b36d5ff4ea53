"""Certificate: what the server has shown in the handshake of our session."""

from dataclasses import dataclass

from collectors.certificate import certificate
from monitor.postgres.sessions import Sessions
from monitor.sources.outlet import Outlet
from monitor.sources.source import Source


@dataclass(frozen=True, slots=True)
class Certificate(Source):
    """Supplies the certificate of a session that is open."""

    outlet: Outlet
    sessions: Sessions
    name = "certificate"
    every = 5.0

    async def tick(self, now: float) -> None:
        if session := self.sessions.any:
            self.outlet.supply(certificate, (session.certificate,))
