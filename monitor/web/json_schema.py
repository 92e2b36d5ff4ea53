"""JSON Schema of what is served, made from the types of the JSON."""

import json
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, with_config

CLOSED = with_config(ConfigDict(extra="forbid", use_attribute_docstrings=True))
"""Decorates a TypedDict: no other field, and its docstrings are descriptions."""
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A moment, in UTC."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(root: type) -> dict[str, Any]:
    """Return the JSON Schema of a type."""
    return {"$schema": DIALECT} | TypeAdapter(root).json_schema()


def page_of(root: type) -> str:
    """Return it as text, as it is committed and served."""
    return json.dumps(schema_of(root), indent=2, ensure_ascii=False) + "\n"
