"""The two spaces of IDs that wrap around: transaction IDs and multixact IDs."""

from collections.abc import Callable
from dataclasses import dataclass

from alerts.snapshot import Snapshot, Unknown
from collectors.databases import WRITABLE, Database
from collectors.oldest_relations import OldestRelation
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class IdSpace:
    """IDs of one kind: what they are called, and where their ages and limits stand."""

    key: str
    """Of the trend of the oldest age."""
    noun: str
    plural: str
    unit: str
    """How the names of facts end."""
    horizon: str
    """The column of pg_database that holds the oldest one."""
    relation_horizon: str
    """The same of a table, in pg_class."""
    age_function: str
    freeze_setting: str
    failsafe_setting: str
    age_of: Callable[[Database], int]
    relation_age: Callable[[OldestRelation], int]
    relation_limit: Callable[[OldestRelation], int]


XIDS = IdSpace(
    key="xid",
    noun="transaction ID",
    plural="transaction IDs",
    unit="transactions",
    horizon="datfrozenxid",
    relation_horizon="relfrozenxid",
    age_function="age",
    freeze_setting="autovacuum_freeze_max_age",
    failsafe_setting="vacuum_failsafe_age",
    age_of=lambda database: database.frozen_xid_age,
    relation_age=lambda relation: relation.xid_age,
    relation_limit=lambda relation: relation.max_xid_age,
)
MXIDS = IdSpace(
    key="mxid",
    noun="multixact ID",
    plural="multixact IDs",
    unit="multixacts",
    horizon="datminmxid",
    relation_horizon="relminmxid",
    age_function="mxid_age",
    freeze_setting="autovacuum_multixact_freeze_max_age",
    failsafe_setting="vacuum_multixact_failsafe_age",
    age_of=lambda database: database.min_mxid_age,
    relation_age=lambda relation: relation.mxid_age,
    relation_limit=lambda relation: relation.max_mxid_age,
)


@dataclass(frozen=True, slots=True)
class AgeLimits:
    """The ages at which a server acts, in IDs."""

    freeze: int
    """Autovacuum freezes a table whatever else holds."""
    failsafe: int
    """Vacuum leaves out all that is not freezing; never below 1.05 of `freeze`."""
    wall: int = WRITABLE
    """The server refuses what needs a new ID."""

    @property
    def losing(self) -> float:
        """Where autovacuum should have been at work for a while."""
        return 1.05 * self.freeze

    @property
    def halfway(self) -> float:
        """Halfway between the age at which autovacuum must act and the emergency."""
        return (self.freeze + self.failsafe) / 2


def age_limits(snapshot: Snapshot, space: IdSpace) -> AgeLimits:
    """Return the limits of the server's settings. Raises Unknown where one is hidden."""
    freeze = number(snapshot, space.freeze_setting)
    return AgeLimits(int(freeze), int(max(number(snapshot, space.failsafe_setting), 1.05 * freeze)))


def number(snapshot: Snapshot, name: str) -> float:
    """Return a numeric setting. Raises Unknown where it is hidden."""
    row = snapshot.answer(settings).by("name").get(name)
    if row is None or row.number is None:
        raise Unknown(f"{name} is unknown")
    return row.number
