"""Privileges of our role: asked by functions, which leave no line in the server's log."""

from collections.abc import Iterable
from dataclasses import dataclass

from alerts.cure import identifier
from collectors._base import Absence, Capability
from monitor.postgres.session import Session


@dataclass(frozen=True, slots=True)
class Privileges:
    """What one session may do, by capability, when it was asked."""

    role: str
    granted: dict[Capability, bool]

    @classmethod
    async def probe(
        cls, session: Session, capabilities: Iterable[Capability], deadline: float
    ) -> "Privileges":
        """All at once, in one query. Raises QueryFailure."""
        asked = list(capabilities)
        if not asked:
            return cls(session.identity.role, {})
        columns = ", ".join(f"({c.probe})::boolean as c{i}" for i, c in enumerate(asked))
        [record] = await session.fetch(f"select {columns}", deadline)
        return cls(session.identity.role, {c: bool(record[i]) for i, c in enumerate(asked)})

    @property
    def complete(self) -> bool:
        return all(self.granted.values())

    def grant(self, capability: Capability) -> str:
        """The statement that would give it to us."""
        return capability.grant.replace("{role}", identifier(self.role))

    def lacking(self, needs: Iterable[Capability]) -> Absence | None:
        """The first right that is missing, with its cure."""
        for need in needs:
            if not self.granted.get(need, True):
                return Absence(f"no right to see {need.buys}", self.grant(need))
        return None
