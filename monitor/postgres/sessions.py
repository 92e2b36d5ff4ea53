"""The three sessions of one server, and what their coming and going says about it."""

from dataclasses import dataclass

from collectors.connection import Cause, Connection
from monitor.config.watch_plan import WatchPlan
from monitor.postgres.connector import Connector
from monitor.postgres.errors import ConnectFailure
from monitor.postgres.roaming import RoamingSession
from monitor.postgres.session import Session
from monitor.postgres.standing import Home, StandingSession

HUNG = 1.0
"""Seconds without an answer after which a server is hung: within three it is reported."""


@dataclass(slots=True)
class Sessions:
    """At most three: one for the fast lane alone, one for the server, one for its databases."""

    plan: WatchPlan
    connector: Connector
    home: Home
    fast: StandingSession
    wide: StandingSession
    roaming: RoamingSession
    down_since: float | None = None
    """Unix seconds since when no standing session answers."""
    refused_since: float | None = None
    """Unix seconds since when no new session was given."""

    @classmethod
    def of(cls, plan: WatchPlan) -> "Sessions":
        connector = Connector(plan.target.address, plan.statement_timeout, plan.connect_deadline)
        home = Home()
        return cls(
            plan,
            connector,
            home,
            StandingSession(connector, home),
            StandingSession(connector, home),
            RoamingSession(connector),
        )

    async def for_lane(self, fast: bool) -> Session:
        """The session of the fast lane, or of the others; one stands in for the other.

        Raises ConnectFailure where there is neither.
        """
        mine, other = (self.fast, self.wide) if fast else (self.wide, self.fast)
        try:
            return await mine.get(other.alive, self.roaming)
        except ConnectFailure:
            if other.alive is None:
                raise
            return other.alive

    @property
    def any(self) -> Session | None:
        return self.fast.alive or self.wide.alive

    @property
    def tried(self) -> bool:
        """Whether the server has ever answered an attempt to connect, if only with a refusal."""
        return self.connector.tried

    def silent(self) -> float:
        """Seconds for which the fast lane's query has not been answered."""
        session = self.fast.alive or self.wide.alive
        return session.silent if session else 0.0

    def open_now(self) -> int:
        roaming = self.roaming.session
        return sum(
            s is not None and not s.lost for s in (self.fast.session, self.wide.session, roaming)
        )

    def connection(self, now: float) -> Connection:
        """How the conversation stands, as a row for the judges."""
        up, cause, message = self._standing(now)
        self.down_since = None if up else self.down_since or now
        failure = self.connector.failure
        self.refused_since = (self.refused_since or now) if failure else None
        address, user = _address_and_user(self.plan)
        return Connection(
            up=up,
            cause=cause,
            message=message,
            down_seconds=None if self.down_since is None else now - self.down_since,
            can_connect=failure is None if self.connector.tried else None,
            connect_cause=failure.cause if failure else None,
            connect_message=failure.message if failure else None,
            refused_seconds=None if self.refused_since is None else now - self.refused_since,
            address=address,
            user=user,
            sessions=self.open_now(),
        )

    def _standing(self, now: float) -> tuple[bool, Cause | None, str | None]:
        silent = self.silent()
        if silent > HUNG:
            return False, Cause.hung, f"a query has not been answered for {silent:.0f} s"
        if self.any:
            return True, None, None
        failure = self.connector.failure
        if failure:
            return False, failure.cause, failure.message
        if now - (self.down_since or now) < HUNG:
            return False, None, None  # the attempt to come back is still under way
        return False, Cause.timeout, "no answer yet"

    async def drop_silent(self) -> None:
        """Give up sessions whose query was not answered in time: what they say next is old."""
        for standing in (self.fast, self.wide):
            if standing.session and standing.session.gave_up:
                await standing.drop()

    async def close(self) -> None:
        await self.fast.drop()
        await self.wide.drop()
        await self.roaming.leave()


def _address_and_user(plan: WatchPlan) -> tuple[str, str | None]:
    """Where it is looked for, without secrets, and as whom; an address that can't be read is said
    elsewhere."""
    try:
        target = plan.target.address.target()
    except (ValueError, OSError):
        return plan.name, None
    return target.name, target.user
