"""Model of all settings, with the limits of each finding and the bound of each collector."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from annotated_types import Ge
from pydantic import BaseModel, Field, create_model
from pydantic_core.core_schema import CoreSchema, no_info_plain_validator_function

from alerts._catalogue import all_findings
from collectors._base import Bound
from collectors._catalogue import all_collectors
from monitor.config.fields import Mapped
from monitor.config.settings import Bounds, Findings, Settings


@cache
def settings_type() -> type[Settings]:
    """Return the settings model with the limits of every finding; made once, as it is large."""
    return settings_for({name: finding.limits for name, finding in all_findings().items()})


def settings_for(limits: Mapping[str, Any]) -> type[Settings]:
    """Build the settings model from default limits by finding name; collectors add their bounds."""
    known = all_collectors().items()
    bounds = {name: (_number(c.bound), c.bound.top) for name, c in known if c.bound}
    complete = _with_section(Settings, "bounds", Bounds, bounds)
    fields = {name: (type(limit), limit) for name, limit in limits.items()}
    return _with_section(complete, "findings", Findings, fields)


def _with_section(
    settings: type[Settings], name: str, base: type[BaseModel], fields: dict[str, Any]
) -> type[Settings]:
    filled = create_model(base.__name__, __base__=base, **fields)
    section: Any = (Annotated[filled, WhenGiven(), Mapped], filled.model_construct())
    complete = create_model("Settings", __base__=settings, **{name: section})
    complete.model_fields[name].description = settings.model_fields[name].description
    return complete


class WhenGiven:
    """Marks a section whose validator is built when it is given: its defaults need none."""

    def __get_pydantic_core_schema__(self, model: type[BaseModel], _: Any) -> CoreSchema:
        def validated(given: object) -> object:
            return given if isinstance(given, model) else model.model_validate(given)

        return no_info_plain_validator_function(validated)


def _number(bound: Bound) -> Any:
    order = bound.rank.replace("_", " ")
    about = f"How many have their own metrics, the largest by {order} first; 0 leaves only sums."
    return Annotated[int, Ge(0), Field(description=about)]
