"""What is printed for people to run can't be led astray: every name says its schema.

Cures and checks are read wherever a test makes a finding ill (`tests/fixtures/printed_sql.py`).
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from alerts.cure import OLD_TRANSACTIONS, cancel, concurrently, plain_ddl, terminate
from alerts.findings.availability._reasons import WORDS
from collectors._base import Scope
from collectors._catalogue import all_collectors
from monitor.commands.sql import PATH
from monitor.postgres import plans_role_sql
from monitor.postgres.role_sql import needed, statements
from tests.fixtures.printed_sql import exposed, exposed_in_remarks

HOUSE = Path(__file__).parents[2]
FOLDERS = ("alerts", "docs", "monitor", "grafana", "deploy")
PAGES = [
    *(page for folder in FOLDERS for page in sorted((HOUSE / folder).rglob("*.md"))),
    *HOUSE.glob("*.md"),
]
BLOCK = re.compile(r"^ *```sql(?P<whose>[^\n]*)\n(?P<sql>.*?)^ *```$", re.MULTILINE | re.DOTALL)
APPLICATION = "application"
"""Code of an application's own, in its own database, is no business of ours."""
INLINE = re.compile(r"`((?:SELECT|GRANT|ALTER|CREATE|VACUUM|REINDEX|DROP)\b[^`]*;)`")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HOUSE)))


def blocks(page: Path) -> Iterator[str]:
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        if block["whose"].strip() != APPLICATION:
            yield block["sql"]


@each_page
def test_pages_show_safe_statements(page: Path) -> None:
    """Blocks as they stand, and statements in the middle of a sentence."""
    shown = [f"-- {inline}" for inline in INLINE.findall(page.read_text(encoding="utf-8"))]
    assert [bad for block in blocks(page) for bad in exposed(block)] == []
    assert exposed_in_remarks("\n".join(shown)) == []


def test_pages_were_found() -> None:
    """Runbooks have blocks of SQL."""
    assert sum(len(list(blocks(page))) for page in PAGES) > 30


@pytest.mark.parametrize("databases", [(), ("shop", "it's")])
def test_the_script_of_the_role_is_safe(databases: tuple[str, ...]) -> None:
    """First of all, in each database, and inside the script that it makes for itself."""
    script = "\n".join(statements("pgvigil", databases))
    assert exposed(script) == []
    assert exposed(script.replace("SET search_path", "SET work_mem")) != []
    body, guard, rest = script.rpartition("SET search_path")
    assert exposed(f"{body}SELECT now(); {guard}{rest}") == ["function now"]


@pytest.mark.parametrize("databases", [(), ("shop", "it's")])
@pytest.mark.parametrize("schemas", [(), ("shop", "it's")])
def test_the_script_of_the_login_for_plans_is_safe(
    databases: tuple[str, ...], schemas: tuple[str, ...]
) -> None:
    script = "\n".join(plans_role_sql.statements("plans", databases, schemas))
    assert exposed(script) == []
    assert exposed(script.replace("SET search_path", "SET work_mem")) != []


def test_the_deployed_script_is_safe() -> None:
    """The file that a fresh server in a container runs."""
    assert exposed((HOUSE / "deploy" / "postgres" / "10-role.sql").read_text()) == []


def test_rights_are_asked_for_and_granted_safely() -> None:
    """Probes are checks of a finding, grants its cure."""
    rights = {capability for one in all_collectors().values() for capability in one.needs}
    assert rights >= {capability for scope in Scope for capability in needed(scope)}
    for capability in rights:
        assert exposed(capability.grant.replace("{role}", "pgvigil")) == []
        assert exposed(f"SELECT {capability.probe};") == []


def test_parts_of_cures_are_safe() -> None:
    """Those that no story may happen to use."""
    parts = [OLD_TRANSACTIONS, cancel(1, "b", "x"), terminate(1, "b", None)]
    parts += concurrently("DROP INDEX CONCURRENTLY s.i;", "again")
    parts += plain_ddl("DROP INDEX s.i;")
    advice = (f"-- {line}" for _, lines in WORDS.values() for line in lines)
    assert exposed("\n".join(parts)) == []
    assert exposed_in_remarks("\n".join(advice).replace("{user}", "pgvigil")) == []


def test_queries_are_shown_with_their_search_path() -> None:
    """`pgvigil sql` prints what our sessions run, which have it from their first packet."""
    query = next(c.query(180000) for c in all_collectors().values() if c.sql)
    assert exposed(f"{PATH}{query}") == []


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("SELECT now()", ["function now"]),
        ("SELECT pg_catalog.count(*) FROM pg_class", ["relation pg_class"]),
        ("SELECT 1 = 1", ["operator ="]),
        ("SELECT 1 OPERATOR(pg_catalog.=) 1", []),
        ("SELECT 1 IN (1)", ["operator ="]),
        ("SELECT 1 IN (SELECT 1)", ["operator of IN (SELECT …)"]),
        ("SELECT 1 OPERATOR(pg_catalog.=) ANY (SELECT 1)", []),
        ("SELECT 'a' LIKE 'b'", ["operator ~~"]),
        ("SELECT 1 BETWEEN 1 AND 2", ["operator BETWEEN"]),
        ("SELECT 1 IS DISTINCT FROM 2, NULLIF(1, 2)", ["operator ="]),
        ("SELECT CASE 1 WHEN 1 THEN 1 END", ["operator of CASE … WHEN"]),
        ("SELECT 1 FROM a.b JOIN a.c USING (d)", ["operator of JOIN … USING"]),
        ("SELECT '1'::timestamptz", ["type timestamptz"]),
        ("SELECT interval '1 minute', 1::int, coalesce(1, 2), current_user", []),
        ("SELECT 'i'::pg_catalog.regclass", ["relation i"]),
        ("SELECT 'a' COLLATE \"C\"", ["collation C"]),
        ("WITH a AS (SELECT 1) SELECT FROM a", []),
        ("VACUUM t", ["relation t"]),
        ("DROP INDEX CONCURRENTLY i", ["object i"]),
        ("COMMENT ON TABLE t IS 'x'", ["object t"]),
        ("GRANT EXECUTE ON FUNCTION f() TO x", ["object f"]),
        ("DROP FUNCTION f()", ["object f"]),
        ("ALTER FUNCTION s.f() STABLE", []),
        ("ALTER TYPE t ADD VALUE 'x'", ["object t"]),
        ("ALTER COLLATION c REFRESH VERSION", ["object c"]),
        ("CREATE INDEX ON s.t USING gin (a gin_trgm_ops)", ["object gin_trgm_ops"]),
        ("CREATE TRIGGER t BEFORE INSERT ON s.t EXECUTE FUNCTION f()", ["object f"]),
        ("SELECT FROM s.t TABLESAMPLE system(3)", ["object system"]),
        ("SELECT 'x'::pg_catalog.regtype, 's.f'::pg_catalog.regproc", ["relation x"]),
        ("SELECT pg_catalog.nextval('q'), pg_catalog.pg_relation_size('s.t')", ["relation q"]),
        ("DO $$ BEGIN PERFORM now(); END $$", ["what a DO block runs"]),
        ("SET search_path = pg_catalog, pg_temp; SELECT now()", []),
        ("SET search_path = evil, pg_catalog; SELECT now()", ["function now"]),
        ("SET search_path = pg_catalog; RESET search_path; SELECT now()", ["function now"]),
        ("SET search_path = pg_catalog;\n\\connect x\nSELECT now() \\gexec", ["function now"]),
        ("SELECT pg_catalog.replace('\\connect x\nSELECT now()', 'x', 'y')", ["function now"]),
    ],
)
def test_the_rule_can_fail(script: str, found: list[str]) -> None:
    """Each kind of name is found where it lacks its schema, and not where it has one."""
    assert exposed(script) == found


def test_runbooks_travel_with_the_wheel() -> None:
    """The pages read above are those that are shipped."""
    assert (files("alerts.findings.locks") / "deadlocks.md").is_file()
