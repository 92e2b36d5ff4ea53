"""The table of the documentation that says which server tells what, beside the declarations."""

import re
from pathlib import Path

import pytest

from alerts._base import AnyFinding
from alerts._catalogue import all_findings
from collectors._base import Role

PAGE = Path(__file__).parents[3] / "docs" / "replication.md"
LINE = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
VIEWS = {name: told for name, *told in LINE.findall(PAGE.read_text(encoding="utf-8"))}
CHAPTERS = ("replication", "wal", "backup")
FINDINGS = [one for one in all_findings().values() if one.chapter in CHAPTERS]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.name)
def test_the_table_says_what_is_declared(finding: AnyFinding) -> None:
    """A view is *not_applicable* where the finding is not judged on that role."""
    primary, standby, everything = VIEWS[finding.name]
    assert primary.startswith("not_applicable") == (
        finding.on is Role.standby or finding.name == "two_primaries"
    )
    assert standby.startswith("not_applicable") == (finding.on is Role.primary)
    assert not everything.startswith("not_applicable")


def test_the_table_has_no_other_findings() -> None:
    """None that was renamed or is gone."""
    assert VIEWS.keys() == {one.name for one in FINDINGS}
