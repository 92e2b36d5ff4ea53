"""Values of alerts: one crash, two crashes."""

import pytest

from alerts._catalogue import all_findings
from alerts.prometheus.annotations import HUMANE, counted, singular


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("crashes", "crash"),
        ("indexes", "index"),
        ("passes", "pass"),
        ("primaries", "primary"),
        ("pages", "page"),
        ("releases", "release"),
        ("caches", "cache"),
        ("sessions", "session"),
        ("sessions per core", "sessions per core"),
    ],
)
def test_one_of_them(plural: str, one: str) -> None:
    assert singular(plural) == one


def test_each_unit_is_told_in_both_numbers() -> None:
    """The template's words are those of the unit for many, and its singular for one."""
    for unit in {finding.unit for finding in all_findings().values()} - {"", *HUMANE}:
        words = counted(unit)
        assert words.endswith("{{ end }}") or words == unit == singular(unit)
