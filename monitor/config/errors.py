"""Error message for a wrong setting: its path, its value and what is expected, in one sentence."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails

NONE: Mapping[str, str] = MappingProxyType({})
UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
# A value under one of these may be a secret, or may have been meant as one.
SECRET_SECTIONS = ("dsn", "servers", "poolers", "user", "password", "basic_auth_users")


class ConfigurationError(Exception):
    """The configuration can't be used; the message is one sentence for the person who wrote it."""


def one_sentence(
    wrong: "ValidationError",
    model: "type[BaseModel]",
    variables: Mapping[str, str] = NONE,
) -> str:
    """Describe the first wrong setting, and count the others.

    `variables`: environment variables by the path of their setting.
    """
    # A misspelt name comes first: it often explains why another setting is missing.
    errors = sorted(wrong.errors(include_url=False), key=lambda error: error["type"] not in UNKNOWN)
    more = len(errors) - 1
    besides = (
        f" ({more} more {'setting is' if more == 1 else 'settings are'} wrong)" if more else ""
    )
    text = f"{_about(errors[0], model, variables)}{besides}"
    # An address with a password may have been written into any setting.
    return re.sub(r"//[^\s/]*@", "//…@", text) + ("" if text.endswith("?") else ".")


def _about(error: "ErrorDetails", model: "type[BaseModel]", variables: Mapping[str, str]) -> str:
    path = _path(error["loc"])
    if error["type"] in UNKNOWN:
        return f"There is no setting {path}{_variable(path, variables)}{_hint(path, model)}"
    if error["type"] == "missing":
        return f"{path} is missing"
    if error["type"] == "value_error":
        # A whole section is wrong: the message of our own validator is already complete.
        return f"{path}: {error['ctx']['error']}" if path else str(error["ctx"]["error"])
    return f"{path}: {_shown(path, error['input'])} {_expectation(error)}"


def _path(location: Sequence[str | int]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in location]
    return "".join(steps).removeprefix(".")


def _variable(path: str, variables: Mapping[str, str]) -> str:
    """Return the variable that sets it, or something inside it; empty if there is none."""
    asking = (name for at, name in variables.items() if at == path or at.startswith(f"{path}."))
    name = next(asking, None)
    return f" ({name})" if name else ""


def _hint(path: str, model: "type[BaseModel]") -> str:
    from monitor.config.reference import settings_of  # with pydantic, which the daemon does without

    known = [setting.path for setting in settings_of(model)]
    known += sorted({path.rpartition(".")[0] for path in known if "." in path})
    close = get_close_matches(path, known, 1, cutoff=0.75)
    return f"; did you mean {close[0]}?" if close else ""


def _shown(path: str, value: Any) -> str:
    hidden = path.startswith(SECRET_SECTIONS) or "password" in str(value)
    return "the value" if hidden or not isinstance(value, (str, int, float)) else repr(value)


def _expectation(error: "ErrorDetails") -> str:
    if error["type"] == "greater_than":
        return "must be more than 0"
    if error["type"] == "string_type":
        return "must be text, in YAML within quotes"
    text = re.sub(r"^Input should", "must", error["msg"])
    mapping = r"a (valid )?dictionary( or (an )?instance of \w+)?"
    return re.sub(mapping, "a mapping of settings", text)
