"""Privileges of our role: asked by functions, which leave no line in the server's log."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from alerts.cure import identifier
from collectors._base import Absence, Capability
from monitor.postgres.errors import QueryFailure
from monitor.postgres.session import Session

UNUSED = Capability(
    name="unused",
    probe="(pg_catalog.pg_has_role(current_user, 'pg_monitor', 'member')"
    " and not pg_catalog.pg_has_role(current_user, 'pg_monitor', 'usage'))",
    grant="",
    buys="",
)
"""Not a right: whether pg_monitor is granted already, and not inherited."""
MONITOR = "GRANT pg_monitor TO {role};"
INHERITED = "GRANT pg_monitor TO {role} WITH INHERIT TRUE;"
INHERITS = "ALTER ROLE {role} INHERIT;"
PER_GRANT = 160000
"""Version from which each grant says whether it is inherited; before, the role does."""


@dataclass(frozen=True, slots=True)
class Privileges:
    """Privileges of one session, by capability, when it was asked."""

    role: str
    granted: dict[Capability, bool]
    """Without those of which it could not be told; they are not held to be missing."""
    monitor: str = MONITOR
    """The statement that gives us the rights of pg_monitor."""

    @classmethod
    async def probe(
        cls, session: Session, capabilities: Iterable[Capability], deadline: float
    ) -> "Privileges":
        """Ask for all in one query; if that is refused one by one, as the defect of one probe must
        not hide the others. Raises QueryFailure."""
        asked = [*capabilities, UNUSED]
        try:
            granted = await _granted(session, asked, deadline)
        except QueryFailure as failure:
            if not failure.refused:
                raise
            granted = {}
            for capability in asked:
                with suppress_refusal():
                    granted |= await _granted(session, [capability], deadline)
        monitor = MONITOR
        if granted.pop(UNUSED, False):
            is_per_grant = (session.identity.version or 0) >= PER_GRANT
            monitor = INHERITED if is_per_grant else INHERITS
        return cls(session.identity.role, granted, monitor)

    @property
    def complete(self) -> bool:
        return all(self.granted.values())

    def grant(self, capability: Capability) -> str:
        """The statement that would give it to us."""
        statement = self.monitor if capability.grant == MONITOR else capability.grant
        return statement.replace("{role}", identifier(self.role))

    def lacking(self, needs: Iterable[Capability]) -> Absence | None:
        """The first right that is missing, with its cure."""
        for need in needs:
            if not self.granted.get(need, True):
                return Absence(f"no right to see {need.buys}", self.grant(need))
        return None


async def _granted(
    session: Session, capabilities: Sequence[Capability], deadline: float
) -> dict[Capability, bool]:
    if not capabilities:
        return {}
    columns = ", ".join(f"({c.probe})::boolean as c{i}" for i, c in enumerate(capabilities))
    [record] = await session.fetch(f"select {columns}", deadline)
    return {c: bool(record[i]) for i, c in enumerate(capabilities)}


@contextmanager
def suppress_refusal() -> Iterator[None]:
    """Go on where the server refuses a query; any other failure is raised."""
    try:
        yield
    except QueryFailure as failure:
        if not failure.refused:
            raise
