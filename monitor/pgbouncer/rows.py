"""Rows of a console's answer: text becomes the type of the row's field.

Versions differ in their columns: one that we don't know is ignored, one that is missing is None.
"""

from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from typing import Any, get_args, get_type_hints

from collectors._base import AnyCollector
from monitor.pgbouncer.answer import Record
from monitor.reading import ReadFailure


def rows_of(collector: AnyCollector, records: Iterable[Record]) -> list[Any]:
    """Return the records as rows of that collector. Raises ReadFailure if they can't be."""
    return [collector.row(**_values(collector, record)) for record in records]


def _values(collector: AnyCollector, record: Record) -> dict[str, Any]:
    found = {}
    for name, (before, kind, may_lack) in _columns(collector).items():
        text = record.get(name, record.get(before))
        if text is None and not may_lack:
            raise ReadFailure(f"{collector.console} has no {name}")
        is_empty = not text and may_lack
        found[name] = None if is_empty else _value(collector, name, kind, text or "")
    return found


def _value(collector: AnyCollector, name: str, kind: type, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise ReadFailure(f"{collector.console} has {text[:40]!r} as {name}") from None


@cache
def _columns(collector: AnyCollector) -> dict[str, tuple[str, type, bool]]:
    row = collector.row
    hints = get_type_hints(row)
    return {
        one.name: (one.metadata.get("before", one.name), *_kind(hints[one.name]))
        for one in fields(row)
    }


def _kind(hint: Any) -> tuple[type, bool]:
    kinds = [one for one in get_args(hint) or (hint,) if one is not type(None)]
    return kinds[0], type(None) in get_args(hint)
