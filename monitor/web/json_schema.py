"""JSON Schema of what is served, made by pydantic from the types of the JSON.

The types themselves do without pydantic, and so does a daemon that is never asked for a schema.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

T = TypeVar("T")


def closed(kind: type[T]) -> type[T]:
    """Decorate a TypedDict: no other field, and its docstrings are descriptions."""
    settings = {"extra": "forbid", "use_attribute_docstrings": True}
    setattr(kind, "__pydantic_config__", settings)  # noqa: B010
    return kind


@dataclass(frozen=True, slots=True)
class Keyword:
    """Keyword of JSON Schema, in the annotation of a field."""

    name: str
    value: object

    def __get_pydantic_json_schema__(
        self, schema: Any, handler: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        return handler(schema) | {self.name: self.value}


Time = Annotated[str, Keyword("format", "date-time")]
"""A moment, in UTC."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(root: type) -> dict[str, Any]:
    """Return the JSON Schema of a type."""
    from pydantic import TypeAdapter

    return {"$schema": DIALECT} | TypeAdapter(root).json_schema()


def page_of(root: type) -> str:
    """Return it as text, as it is committed and served."""
    return json.dumps(schema_of(root), indent=2, ensure_ascii=False) + "\n"
