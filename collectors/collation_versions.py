"""Versions of the libraries that sort text: glibc and ICU, as PostgreSQL uses them here."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge

# One collation of each provider tells the version of its library. That of C and POSIX is none.
QUERY = """
    select
        case p.provider when 'c' then 'libc' when 'i' then 'icu' end    as provider,
        pg_collation_actual_version(p.collation)                        as version
    from (
        select collprovider as provider, min(oid) as collation
        from pg_catalog.pg_collation
        where collnamespace = 'pg_catalog'::regnamespace
            and (
                collprovider = 'i' and collname = 'und-x-icu'
                or collprovider = 'c' and collcollate !~* '^(c|posix)(\\.|$)' and collcollate <> ''
            )
        group by collprovider
    ) as p
"""


@dataclass(frozen=True, slots=True)
class CollationVersion:
    provider: str
    """libc or icu."""
    version: str | None
    """None if the library tells none."""


collation_versions = Collector(
    row=CollationVersion,
    lane=Lane.slow,
    sql={140000: QUERY},
    key=("provider",),
    metrics=(
        gauge(
            "pg_collation_library_info",
            "The library that sorts text, and its version.",
            lambda _: 1,
            ("provider", "version"),
        ),
    ),
)
