"""Reference of all settings: path, environment variable, default and description of each."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from itertools import pairwise
from textwrap import dedent
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from alerts.units import Unit, limit_text, unit_of

STEPS: dict[object, str] = {dict: ".NAME.", tuple: "[]."}


@dataclass(frozen=True, slots=True)
class SettingReference:
    """A single setting. In its path, NAME stands for a name the user chooses, [] for any entry of
    a list."""

    path: str
    default: str | None
    """The default as a user would write it; None if there is no default."""
    description: str

    @property
    def variable(self) -> str:
        """The environment variable; an entry of a list has the variable of the whole list."""
        return variable(self.path.partition("[]")[0])


def variable(path: str) -> str:
    return "PGVIGIL_" + path.upper().replace(".", "__")


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[SettingReference]:
    """Yield the settings of a model and of its sections, in the order of declaration."""
    for name, field in model.model_fields.items():
        path, annotation = f"{prefix}{name}", field.annotation
        if is_dataclass(annotation):
            yield from _limits(annotation, f"{path}.", field.default)
        elif section := _section(annotation):
            yield from settings_of(section, path + STEPS.get(get_origin(annotation), "."))
        else:
            unit = next((mark for mark in field.metadata if isinstance(mark, Unit)), None)
            default = None if field.is_required() else _text(field.default, unit)
            yield SettingReference(path, default, " ".join((field.description or "").split()))


def _section(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside an annotation such as `dict[str, ServerSettings]` or `Paces | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inside = (_section(part) for part in get_args(annotation))
    return next((model for model in inside if model), None)


def _limits(limits: Any, prefix: str, default: object) -> Iterator[SettingReference]:
    described = _docstrings(limits)
    for name, annotation in get_type_hints(limits, include_extras=True).items():
        text = _text(getattr(default, name), unit_of(annotation))
        yield SettingReference(prefix + name, text, described.get(name, ""))


def _docstrings(limits: Any) -> dict[str, str]:
    """Return the docstring below each field, inherited ones too.

    Pydantic reads them for models, not for dataclasses.
    """
    found: dict[str, str] = {}
    bases: list[type] = list(limits.__mro__)
    for base in filter(_has_fields, reversed(bases)):
        (declared,) = ast.parse(dedent(inspect.getsource(base))).body
        for field, below in pairwise(getattr(declared, "body", [])):
            match field, below:
                case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                    found[name] = " ".join(text.split())
    return found


def _has_fields(base: type) -> bool:
    return is_dataclass(base)


def _text(default: object, unit: Unit | None) -> str | None:
    if isinstance(default, tuple):
        return ", ".join(map(str, default)) or None
    return None if default is None else limit_text(default, unit)
