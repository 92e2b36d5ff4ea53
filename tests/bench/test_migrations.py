"""The bench of migrations: its forms are what they say, and its table counts right and wrong."""

from alerts.migrations.advice import Level
from alerts.migrations.duration import Duration, Range
from alerts.migrations.kind import Kind
from alerts.migrations.lock_mode import Blocked
from alerts.migrations.statement import Statement
from alerts.migrations.traced import Traced
from alerts.migrations.verdict import Verdict
from bench.migrations.execution import Executed
from bench.migrations.forms import FORMS, Form, Sizes
from bench.migrations.table import Outcome, tables
from monitor.migrations.parsing import tree


def test_at_least_sixty_forms_that_parse() -> None:
    assert len({form.sql for form in FORMS}) == len(FORMS) >= 60
    assert [form.sql for form in FORMS if "error" in tree(form.sql)] == []


def test_sizes_follow_the_seed() -> None:
    assert Sizes.drawn(3) == Sizes.drawn(3) != Sizes.drawn(4)


def outcome(kind: Kind, truth: Kind, seconds: float, blocked: Blocked) -> Outcome:
    sql = "ALTER TABLE orders ADD x int"
    length = Duration(Range(1.0, 10.0))
    predicted = Verdict(Traced(Statement(1, 1, sql)), kind, (), length, length, Level.safe)
    executed = Executed(truth, seconds, {"orders": blocked})
    return Outcome(18, Form(sql), predicted, executed, {"orders": "writers"})


def test_what_is_right_wrong_and_not_known() -> None:
    page = "\n".join(
        tables(
            [
                outcome(Kind.scan, Kind.scan, 5.0, Blocked.writers),
                outcome(Kind.scan, Kind.scan, 50.0, Blocked.all),
                outcome(Kind.scan, Kind.rewrite, 5.0, Blocked.writers),
                outcome(Kind.unknown, Kind.rewrite, 5.0, Blocked.writers),
            ],
            seed=1,
        )
    )
    assert "| all | 4 | 1 (33.3% of the known) | 1 | 2 | 4 | 3 (75.0%) |" in page
    assert "at most 10.0 times apart" in page
