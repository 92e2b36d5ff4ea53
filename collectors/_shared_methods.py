"""Shared methods of frozen dataclasses.

`dataclass` compiles `__setattr__`, `__delattr__` and `__repr__` for each class, about 6 kB that are
hardly ever called. pgvigil has more than 600 such classes, so it gives them one set of methods.
"""

import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from reprlib import recursive_repr
from types import ModuleType
from typing import Any, NoReturn

PACKAGES = ("collectors", "alerts", "monitor")
_DONE: set[str] = set()
"""Names of the modules whose classes have them."""


def share_methods() -> None:
    """Give the shared methods to the frozen dataclasses of all modules imported so far."""
    for name, module in list(sys.modules.items()):
        if name not in _DONE and name.partition(".")[0] in PACKAGES:
            _DONE.add(name)
            for made in _frozen_dataclasses(module):
                _share(made)


def _frozen_dataclasses(module: ModuleType) -> Iterator[type]:
    for found in vars(module).values():
        own = vars(found) if isinstance(found, type) else {}
        parameters = own.get("__dataclass_params__")
        is_own = own.get("__module__") == module.__name__ and "__slots__" in own
        if is_own and parameters and parameters.frozen:
            yield found


def _share(made: type) -> None:
    """Replace what `dataclass` has compiled; methods that the class defines itself stay."""
    for name, shared in SHARED.items():
        own: Any = vars(made).get(name)
        compiled = getattr(own, "__wrapped__", own)  # __repr__ is wrapped against recursion
        if compiled is not None and compiled.__code__.co_filename == "<string>":
            setattr(made, name, shared)


def _refuse_assignment(self: object, name: str, value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


@recursive_repr()
def _shown(self: Any) -> str:
    values = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(values)})"


SHARED = {
    "__setattr__": _refuse_assignment,
    "__delattr__": _refuse_deletion,
    "__repr__": _shown,
}
