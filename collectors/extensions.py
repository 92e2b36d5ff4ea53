"""pg_extension: installed extensions of each database, and the version of their files."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, Scope, gauge

# In the slow lane, because pg_available_extensions() reads every control file.
QUERY = """
    select
        current_database()::text    as datname,
        e.extname::text             as extname,
        n.nspname::text             as schemaname,
        e.extversion                as version,
        a.default_version           as default_version,
        case when e.extversion <> a.default_version then exists (
            select from pg_catalog.pg_extension_update_paths(e.extname) u
            where u.source = e.extversion and u.target = a.default_version and u.path is not null
        ) end                       as has_path
    from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace
    left join pg_catalog.pg_available_extensions() a on a.name = e.extname
"""


@dataclass(frozen=True, slots=True)
class Extension:
    datname: str
    extname: str
    schemaname: str
    version: str
    default_version: str | None
    """The version after ALTER EXTENSION … UPDATE; None if its files are missing."""
    has_path: bool | None = None
    """Whether there are scripts from the one to the other: not where the files are older than what
    the database uses. None where both are the same."""

    @property
    def can_be_updated(self) -> bool | None:
        return None if self.default_version is None else self.version != self.default_version


extensions = Collector(
    row=Extension,
    lane=Lane.daily,
    sql={140000: QUERY},
    scope=Scope.database,
    key=("datname", "extname"),
    metrics=(
        gauge(
            "pg_extension_info",
            "An installed extension, and its version.",
            lambda _: 1,
            ("datname", "extname", "version"),
        ),
        gauge(
            "pg_extension_update_available",
            "Whether its files have another version; absent if the files are missing.",
            lambda row: row.can_be_updated,
            ("datname", "extname"),
        ),
    ),
)
