"""What a server is not asked, and of which missing right nothing is said here."""

from types import SimpleNamespace
from typing import Any, cast

from alerts.raw_text import decode
from collectors._base import Absence, AnyCollector
from collectors.activity import activity
from collectors.column_statistics import column_statistics
from collectors.functional_dependencies import functional_dependencies
from monitor.views.unread import unread

REFUSED = Absence("no right to see it", "GRANT …")


def gaps(
    absent: dict[AnyCollector, Absence], absent_in: dict[AnyCollector, dict[str, Absence]]
) -> list[tuple[str | None, tuple[str, ...]]]:
    answers = SimpleNamespace(absent=absent, absent_in=absent_in, newest={})
    databases = SimpleNamespace(obstacles={}, pacing=SimpleNamespace(homes={}))
    found = unread(cast(Any, answers), cast(Any, databases), None)
    return [(gap.database, gap.collectors) for gap in found]


def test_a_missing_right_is_a_gap() -> None:
    assert gaps({activity: REFUSED}, {}) == [(None, ("activity",))]
    assert gaps({}, {column_statistics: {"shop": REFUSED}}) == [("shop", ("column_statistics",))]
    assert gaps({activity: Absence("a standby", expected=True)}, {}) == []


def test_an_optional_right_is_none() -> None:
    """The finding that needs it tells of it, where there is something to see; a failure is one."""
    refused = {functional_dependencies: {"shop": REFUSED}}
    assert gaps({functional_dependencies: REFUSED}, refused) == []
    failed = {functional_dependencies: {"shop": Absence("statement timeout")}}
    assert gaps({}, failed) == [("shop", ("functional_dependencies",))]


def test_a_grant_on_a_name_that_is_no_text_is_a_comment() -> None:
    """Pasted, it would name another schema, whose name has a backslash."""
    grant = f'GRANT USAGE ON SCHEMA "{decode(bytes([0xE9]))}" TO pgvigil;'
    answers = SimpleNamespace(absent={activity: Absence("no", grant)}, absent_in={}, newest={})
    databases = SimpleNamespace(obstacles={}, pacing=SimpleNamespace(homes={}))
    [gap] = unread(cast(Any, answers), cast(Any, databases), None)
    assert gap.grant is not None
    assert gap.grant.startswith("-- No statement can be printed here")
    assert "\\xe9" in gap.grant
