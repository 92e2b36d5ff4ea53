"""Privilege checks: what our role may do on the server and in each database, and since when."""

from dataclasses import dataclass, field

from collectors._base import Lane, Scope
from collectors._catalogue import all_collectors, of_databases
from monitor.clock import Clock
from monitor.polling.round_log import RoundLog
from monitor.postgres.privileges import Privileges
from monitor.postgres.session import Session

LAST = 20.0
"""Seconds after which privileges in a database are probed again: a GRANT should soon be seen."""


@dataclass(slots=True)
class PrivilegeChecks:
    """The privileges of one server as they were last probed."""

    clock: Clock
    round_log: RoundLog
    deadline: float
    """Seconds that a probe may take."""
    server: Privileges | None = None
    """Those that we have whichever database we are in."""
    databases: dict[str, Privileges] = field(default_factory=dict)
    probed_at: dict[str, float] = field(default_factory=dict)
    """Unix seconds, by database."""

    def forget_server(self) -> None:
        """Have the server's probed anew: a session to it is new."""
        self.server = None

    def forget(self, database: str) -> None:
        self.databases.pop(database, None)

    def is_due(self, lane: Lane) -> bool:
        """Whether the server's are probed in this round: more often while one is missing."""
        if self.server is None or lane is Lane.slow:
            return True
        return lane is Lane.normal and not self.server.complete

    async def on_server(self, session: Session) -> None:
        """Probe what holds for the whole server. Raises ReadFailure."""
        on_server = (c for c in all_collectors().values() if c.scope is Scope.server)
        needs = {need for collector in on_server for need in collector.needs}
        before, self.server = self.server, await Privileges.probe(session, needs, self.deadline)
        if before and before.granted != self.server.granted:
            self.round_log.forgive()

    async def in_database(self, session: Session) -> Privileges:
        """The privileges in the database of that session. Raises ReadFailure."""
        database, now = session.identity.database, self.clock.now()
        before = self.databases.get(database)
        if before is not None and now - self.probed_at[database] < LAST:
            return before
        needs = {need for collector in of_databases() for need in collector.needs}
        after = await Privileges.probe(session, needs, self.deadline)
        self.databases[database], self.probed_at[database] = after, now
        if before and before.granted != after.granted:
            self.round_log.forgive(database)
        return after
