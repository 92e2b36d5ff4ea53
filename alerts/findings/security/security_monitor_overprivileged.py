"""pgvigil itself may do more than read: it needs pg_monitor and a few grants, nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import identifier, remark
from alerts.limits import BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from collectors.own_role import OwnRole, own_role


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: reading is enough."""


ATTRIBUTES = {
    "is_superuser": "NOSUPERUSER",
    "may_create_roles": "NOCREATEROLE",
    "may_create_databases": "NOCREATEDB",
    "may_replicate": "NOREPLICATION",
    "bypasses_row_security": "NOBYPASSRLS",
}
"""By field of the row, the word that takes the attribute away."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    row = snapshot.row(own_role)
    attributes = [word for name, word in ATTRIBUTES.items() if getattr(row, name)]
    # A superuser is a member of every role.
    member_of = [] if row.is_superuser else row.writes_by
    if attributes or member_of or row.owned_databases:
        yield evidence(row, attributes, member_of)


def evidence(row: OwnRole, attributes: list[str], member_of: list[str]) -> Evidence:
    name = identifier(row.rolname)
    owned = plural(row.owned_databases, "database") if row.owned_databases else ""
    beyond = [
        *(word.removeprefix("NO") for word in attributes),
        *member_of,
        *([f"owner of {owned}"] if owned else []),
    ]
    is_of_others = row.is_superuser or row.owned_databases > 0
    cure = role_of_its_own(name) if is_of_others else surplus(row, name, attributes)
    return Evidence(
        subject=row.rolname,
        severity=Severity.warning if row.is_superuser else Severity.info,
        value=len(beyond),
        message=(
            f"pgvigil logs in as {row.rolname}, which may do more than read ({', '.join(beyond)}):"
            " its password in other hands would be worth that much more."
        ),
        facts={"rights": ", ".join(beyond)},
        cure=tuple(cure),
        check=(
            "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
            " FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) SESSION_USER;"
        ),
    )


def role_of_its_own(name: str) -> Iterator[str]:
    """Advise another role: people or applications work as a superuser, or as an owner, too."""
    yield remark("1. Create a role that may only read: pgvigil setup-sql | psql")
    yield remark("2. Put that role into the address of pgvigil, and restart it.")
    yield remark(f"3. Leave {name} as it is: without its rights, others may be locked out.")


def surplus(row: OwnRole, name: str, attributes: list[str]) -> Iterator[str]:
    """Take away what reading does not need."""
    yield remark("First run what `pgvigil setup-sql` prints, so that nothing is missing then.")
    yield remark(f"If others work as {name}, too, use a role of its own for pgvigil instead.")
    if attributes:
        yield f"ALTER ROLE {name} {' '.join(attributes)};"
    for role, grantor in zip(row.held, row.granted_by, strict=True):
        by = f" GRANTED BY {identifier(grantor)}" if grantor else ""
        yield f"REVOKE {identifier(role)} FROM {name}{by};"


finding = Finding(
    title="Monitoring role with too many rights",
    severities=(Severity.info, Severity.warning),
    reads=(own_role,),
    limits=Limits(),
    judge=judge,
    unit="rights",
    kind=FindingKind.review,
)
