"""Evidence in the state file: every field comes back, and nothing else is taken for evidence."""

import json
from dataclasses import fields

import pytest

from alerts._base import Evidence, Severity
from alerts.verdicts.evidence_json import KINDS, as_json, from_json

EVIDENCE = Evidence(
    "public.orders", Severity.warning, 3.5, "Slow.", {"a_seconds": 1, "b": None}, ("select 1;",), ""
)


def test_every_field_has_a_type_and_comes_back() -> None:
    """A field that is added needs its type there; what is kept has held, and is not young."""
    assert KINDS.keys() == {field.name for field in fields(Evidence)} - {"may_be_young"}
    assert from_json(json.loads(json.dumps(as_json(EVIDENCE)))) == EVIDENCE


@pytest.mark.parametrize(
    "wrong",
    [
        {"subject": 3},
        {"severity": "grave"},
        {"value": "3"},
        {"facts": {"a": []}},
        {"cure": [1]},
        {"more": 1},
        {"key": None},
    ],
)
def test_what_is_no_evidence_is_a_value_error(wrong: dict[str, object]) -> None:
    """One field of another type is enough."""
    with pytest.raises(ValueError, match=r"."):
        from_json(as_json(EVIDENCE) | wrong)
