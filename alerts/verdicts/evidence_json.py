"""Evidence as plain JSON, for the state file and for `/findings`."""

from dataclasses import fields
from typing import Any

from alerts._base import Evidence, Severity


def as_json(evidence: Evidence) -> dict[str, Any]:
    """Convert evidence to JSON values, by the names of its fields."""
    plain = {field.name: getattr(evidence, field.name) for field in fields(Evidence)}
    return plain | {"facts": dict(evidence.facts), "cure": list(evidence.cure)}


def from_json(plain: Any) -> Evidence:
    """Convert JSON values back to evidence."""
    return Evidence(
        **plain | {"severity": Severity(plain["severity"]), "cure": tuple(plain["cure"])}
    )
