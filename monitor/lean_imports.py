"""Imports of libraries without those of their own imports that pgvigil never uses.

They would cost memory in every sidecar: colours, a command line, process pools, an HTTP client.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType


class Nothing:
    """Takes any arguments and has no entries, as the plug-ins of a library that has none."""

    def __init__(self, *arguments: object, **named: object) -> None:
        pass

    def __iter__(self) -> Iterator[object]:
        return iter(())


def nothing(*names: str) -> dict[str, object]:
    """Return the contents of a module in which each of these names is a class that does nothing."""
    return {name: type(name, (Nothing,), {}) for name in names}


@contextmanager
def without(unused: Mapping[str, Mapping[str, object]]) -> Iterator[None]:
    """Until the end, replace modules that are not imported yet by modules of these contents."""
    placed = {name: ModuleType(name) for name in unused if name not in sys.modules}
    for name, module in placed.items():
        vars(module).update(unused[name])
    sys.modules |= placed
    try:
        yield
    finally:
        for name in placed:
            del sys.modules[name]
