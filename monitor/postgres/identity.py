"""Server identity: detects a restart, a crash, a promotion, or another server at the address."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Flag, auto

import structlog

from alerts.history.memory import Json, Memory, Namespace
from alerts.snapshot import ServerIdentity
from collectors._base import Role
from monitor.config.servers import WatchedServer
from monitor.postgres.first_question import Identity

log = structlog.get_logger("pgvigil")


class IdentityChange(Flag):
    """Result of comparing the server's identity."""

    nothing = 0
    restarted = auto()
    """Whether it was restarted, also by its postmaster after the crash of a backend."""
    another = auto()
    """Whether it is another cluster: all history is invalid."""
    role = auto()
    sessions_ended = auto()
    """Whether it was restarted since it was last seen, also while the daemon was not running."""


@dataclass(slots=True)
class IdentityTracker:
    """Tracker of a server's identity."""

    target: WatchedServer
    memory: Memory
    moved: Callable[[], None] = lambda: None
    """Called when the cluster has changed."""
    node: ServerIdentity = field(init=False)
    identity: Identity | None = None

    def __post_init__(self) -> None:
        remembered = self.memory.get(self._namespace(), "system_identifier")
        system = remembered if isinstance(remembered, str) else None
        self.node = ServerIdentity(
            self.target.name, system_identifier=system, cluster=self._cluster(system)
        )

    def meet(self, identity: Identity) -> IdentityChange:
        """Compare the identity of a new session."""
        known, self.identity = self.identity, identity
        news = IdentityChange.nothing
        started = self.memory.get(self._namespace(), "started")
        if started is not None and started != identity.started:
            news |= IdentityChange.sessions_ended
        self.memory.put(self._namespace(), "started", identity.started)
        # Our role may have lost the right to read it: then it is what it was.
        system = identity.system_identifier or self.node.system_identifier
        another = system != self.node.system_identifier
        if another and self.node.system_identifier:
            log.warning(
                "another cluster answers at this address",
                server=self.target.name,
                system_identifier=system,
                before=self.node.system_identifier,
            )
            news |= IdentityChange.restarted if known else IdentityChange.nothing
        elif known and known.started != identity.started:
            log.warning("server restarted", server=self.target.name, started=identity.started)
            news |= IdentityChange.restarted
        elif self._crashed(identity):
            log.warning("a backend crashed, and all were restarted", server=self.target.name)
            news |= IdentityChange.sessions_ended
            news |= IdentityChange.restarted if known else IdentityChange.nothing
        if another:
            self.memory.put(self._namespace(), "system_identifier", system)
            news |= IdentityChange.another
        news |= self.notice(identity.in_recovery)
        before = self.node.cluster
        self.node = replace(
            self.node,
            version=identity.version,
            system_identifier=system,
            cluster=self._cluster(system),
        )
        if self.node.cluster != before:
            self.moved()
        return news

    def notice(self, in_recovery: bool) -> IdentityChange:
        """Compare the current role, because a promotion keeps sessions open."""
        role = Role.standby if in_recovery else Role.primary
        before = self.node.role
        if before is role:  # asked at each judgement
            return IdentityChange.nothing
        self.node = replace(self.node, role=role)
        if before is None:
            return IdentityChange.nothing
        log.warning("role changed", server=self.target.name, role=role.value)
        return IdentityChange.role

    def _crashed(self, identity: Identity) -> bool:
        """Whether the checkpointer is another one than before, but the postmaster is not."""
        began = identity.checkpointer_started
        if began is None:
            return False
        before = self.memory.get(self._namespace(), "checkpointer")
        now: Json = [identity.started, began]
        self.memory.put(self._namespace(), "checkpointer", now)
        match before:
            case [str(started), int() | float() as earlier]:
                return started == identity.started and began != earlier
        return False

    def _cluster(self, system_identifier: str | None) -> str | None:
        apart = self.target.cluster
        return f"{system_identifier}/{apart}" if system_identifier and apart else system_identifier

    def _namespace(self) -> Namespace:
        return Namespace("", self.target.name, "identity")
