"""What a PromQL expression asks for."""

from collections.abc import Iterator
from typing import Any

import promql_parser

PARTS = ("expr", "lhs", "rhs", "param", "vector_selector")


def selectors(expression: Any) -> Iterator[promql_parser.VectorSelector]:
    """Every selector in a parsed expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for part in PARTS:
        if (inner := getattr(expression, part, None)) is not None:
            yield from selectors(inner)
    for argument in getattr(expression, "args", ()):
        yield from selectors(argument)
