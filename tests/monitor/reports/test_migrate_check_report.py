"""The report of migrate-check, by verdicts made by hand."""

import json
from dataclasses import replace

from alerts.migrations.lock_mode import LockMode
from alerts.migrations.statement import Statement
from alerts.migrations.traced import Held, Relation, Traced
from alerts.migrations.verdict import judged
from monitor.migrations.parsing import tree
from monitor.reports.migrate_check import MOST_EFFECTS, migration_report


def test_a_statement_that_locks_thousands_of_tables_has_a_short_report() -> None:
    sql = "ALTER TABLE t0 ADD COLUMN x int"
    found = tree(sql)
    one = Traced(Statement(1, 1, sql, next(iter(found)), found), (), lock_timeout=2.0)
    for tables, more in ((MOST_EFFECTS, ""), (5000, "Sessions of 4980 more tables wait, too.")):
        locks = (Held(Relation("public", f"t{n}"), LockMode.AccessExclusive) for n in range(tables))
        told = migration_report(judged([replace(one, locks=tuple(locks))], None), "text")
        assert told.count("All sessions that use") == MOST_EFFECTS
        assert ("more tables wait" in told) is bool(more)
        assert more in told


def test_a_file_without_statements_is_not_called_safe() -> None:
    """A pipe that broke in a build gives an empty file, too."""
    nothing = judged([], None)
    told = "the file has no statements"
    assert nothing.exit_status == 1
    assert migration_report(nothing, "text") == f"Verdict: not known ({told})\n"
    assert told in migration_report(nothing, "markdown")
    assert json.loads(migration_report(nothing, "json"))["verdict"] == "unknown"
