"""Collations in the clone: stand-ins for those that the build of its server lacks.

The package that brings the server has no ICU, and few machines have every locale. Locks, rewrites
and rebuilt indexes depend on whether two collations are the same, not on how they sort.
"""

import re
from collections.abc import Iterator

from alerts.cure import identifier

MOST = 500
"""Collations of one schema."""
NAME = r'"(?:[^"]|"")+"|[A-Za-z_][\w$]*'
USED = re.compile(
    rf'\bCOLLAT(?:E|ION\s*=)\s*(?P<system>(?:pg_catalog|"pg_catalog")\s*\.\s*)?(?P<name>{NAME})',
    re.IGNORECASE,
)
OF_SYSTEM = re.compile(r'".*-x-icu"|"?[a-z]{2,3}_[A-Z]{2}(?:\.utf-?8)?"?|"unicode"', re.IGNORECASE)
"""Names that ICU and the locales of a system bring."""
CREATES = re.compile(
    rf"(\s*CREATE\s+COLLATION\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:(?:{NAME})\s*\.\s*)?(?:{NAME}))\s*\(",
    re.IGNORECASE,
)
SORTS_BY_BYTES = "(provider = builtin, locale = 'C')"
ALWAYS = ('"default"', '"C"', '"POSIX"', "ucs_basic")


def stand_in(statement: str) -> str:
    """Return CREATE COLLATION with a provider that each build has, and all others as they are."""
    found = CREATES.match(statement)
    return f"{found[1]} {SORTS_BY_BYTES}" if found else statement


def of_system(*scripts: str) -> Iterator[str]:
    """Yield statements for a superuser that make the collations of the system that are named."""
    names: dict[str, None] = {}
    for script in scripts:
        for found in USED.finditer(script):
            if found["system"] or OF_SYSTEM.fullmatch(found["name"]):
                names[found["name"]] = None
    for name in list(names)[:MOST]:
        if name not in ALWAYS:
            plain = name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
            made = f"CREATE COLLATION IF NOT EXISTS pg_catalog.{identifier(plain)}"
            yield f"{made} {SORTS_BY_BYTES}"
