"""Evidence as plain JSON, for the state file and for `/findings`."""

from dataclasses import MISSING, fields
from types import NoneType
from typing import Any

from alerts._base import Evidence, Severity

FACT = (int, float, str, NoneType)
KINDS: dict[str, tuple[type, ...]] = {
    "subject": (str,),
    "severity": (str,),
    "value": (int, float),
    "message": (str,),
    "facts": (dict,),
    "cure": (list, tuple),
    "check": (str,),
    "key": (str,),
    "object": (str, NoneType),
    "database": (str, NoneType),
    "accepted": (str, NoneType),
    "is_consequence": (bool,),
    "culprit": (str,),
    "relfilenode": (int, NoneType),
}
"""Types of each field in JSON."""
REQUIRED = {field.name for field in fields(Evidence) if field.default is MISSING}


def as_json(evidence: Evidence) -> dict[str, Any]:
    """Convert evidence to JSON values, by the names of its fields."""
    plain = {name: getattr(evidence, name) for name in KINDS}
    return plain | {"facts": dict(evidence.facts), "cure": list(evidence.cure)}


def from_json(plain: Any) -> Evidence:
    """Convert JSON values back to evidence. Raises ValueError for anything else."""
    if not isinstance(plain, dict) or not REQUIRED <= plain.keys() <= KINDS.keys():
        raise ValueError("not the fields of evidence")
    if not all(isinstance(value, KINDS[name]) for name, value in plain.items()):
        raise ValueError("a field is of another type")
    if not all(isinstance(line, str) for line in plain["cure"]):
        raise ValueError("a line of the cure is no text")
    if not all(isinstance(fact, FACT) for fact in plain["facts"].values()):
        raise ValueError("a fact is neither number nor text")
    return Evidence(
        **plain | {"severity": Severity(plain["severity"]), "cure": tuple(plain["cure"])}
    )
