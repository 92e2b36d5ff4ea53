"""pg_namespace: schemas in which every role may create objects."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope

# No ACL is the owner's alone, in a schema.
QUERY = """
    select
        current_database()::text            as datname,
        n.nspname::text                     as schemaname,
        r.rolname::text                     as owner
    from pg_catalog.pg_namespace n
    join pg_catalog.pg_roles r on r.oid = n.nspowner
    where n.nspacl is not null
        and exists (
            select from aclexplode(n.nspacl) as a
            where a.grantee = 0 and a.privilege_type = 'CREATE'
        )
"""


@dataclass(frozen=True, slots=True)
class PublicSchema:
    datname: str
    schemaname: str
    owner: str


public_schemas = Collector(
    row=PublicSchema,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "schemaname"),
)
