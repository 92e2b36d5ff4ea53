"""Front matter of an own check: what its file says before the query."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

from alerts._base import FindingKind, Severity
from alerts.units import Duration
from collectors._base import Lane, Role
from monitor.config.errors import ConfigurationError, one_sentence
from monitor.config.yaml_file import WrongContent, parsed

FENCED = re.compile(r"\s*---[ \t]*\r?\n(.*?\n)---[ \t]*\r?\n(.*)", re.DOTALL)
COMMENTED = re.compile(r"\s*/\*[ \t]*\r?\n(.*?\n)[ \t]*\*/[ \t]*\r?\n(.*)", re.DOTALL)
LONGEST_TITLE = 80
SHORTEST = timedelta(milliseconds=10)
"""Time-out of a query; 0 would be none."""


class WrongCheck(Exception):
    """A file that is no usable check; the reason ends a sentence, without its full stop."""


def _several(written: object) -> object:
    return (written,) if isinstance(written, str) else written


def _plain(text: str) -> str:
    """Refuse what would be a template in an alert, or a second line in a rule."""
    if not text.strip() or len(text) > LONGEST_TITLE or not text.isprintable():
        raise ValueError(f"it must be one line of at most {LONGEST_TITLE} characters")
    if "{{" in text or "}}" in text:
        raise ValueError("it can't have double braces")
    return text.strip()


Line = Annotated[str, AfterValidator(_plain)]
Patterns = Annotated[tuple[Line, ...], BeforeValidator(_several)]


class FrontMatter(BaseModel):
    """Declarations of a check."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    title: Line | None = None
    """What is wrong, in a few words; by default the name of the file."""
    severity: Annotated[tuple[Severity, ...], BeforeValidator(_several)] = (Severity.warning,)
    """One, or those that the column `severity` may have, the usual one first."""
    message: str
    """Sentence about a row; `{name}` stands for a column."""
    kind: FindingKind = FindingKind.incident
    database: Patterns = ()
    """Shell patterns of the databases where it is asked; by default once, in that of the
    address."""
    pace: Literal[Lane.normal, Lane.slow, Lane.daily] = Lane.slow
    """How often: as the setting `paces` says of it."""
    unit: Line | None = None
    """Base unit of the value: seconds, bytes, share, or a plural such as orders."""
    cure: str | tuple[str, ...] = ()
    """Statements; `{name}` stands for a column as a quoted literal."""
    runbook: str | None = None
    """Markdown; by default the file of the same name that ends in .md."""
    on: Role | None = None
    """The only role of a server where it is asked."""
    hold: Duration = timedelta(0)
    """How long a row must be there."""
    timeout: Duration | None = None
    """Time after which the server ends the query, where that is before the `deadline`."""

    @model_validator(mode="after")
    def _has_severities(self) -> Self:
        if not self.severity:
            raise ValueError("severity is empty")
        if self.unit and not re.fullmatch(r"[A-Za-z ]+", self.unit):
            raise ValueError("unit has other characters than letters")
        if self.timeout is not None and self.timeout < SHORTEST:
            raise ValueError("timeout is shorter than 10ms")
        return self


def divided(text: str) -> tuple[FrontMatter, str]:
    """Return the front matter of a file and its query. Raises WrongCheck."""
    found = COMMENTED.fullmatch(text) or FENCED.fullmatch(text)
    if found is None:
        raise WrongCheck("it does not begin with front matter between /* and */, or --- and ---")
    query = found[2].strip().removesuffix(";").rstrip()
    if not query:
        raise WrongCheck("it has no query after the front matter")
    if "\x00" in query:
        raise WrongCheck("its query has a zero byte")
    return _front_matter(found[1]), query


def _front_matter(text: str) -> FrontMatter:
    try:
        plain = parsed(text)
    except yaml.YAMLError as wrong:
        mark = getattr(wrong, "problem_mark", None)
        problem = wrong.reason if isinstance(wrong, WrongContent) else "is not YAML"
        place = f" at line {mark.line + 2}" if mark else ""
        raise WrongCheck(f"its front matter {problem}{place}") from None
    if not isinstance(plain, dict):
        raise WrongCheck("its front matter is no mapping of names to values")
    return validated(plain)


def validated(plain: dict[str, object]) -> FrontMatter:
    """Return the front matter of these values. Raises WrongCheck."""
    from pydantic import ValidationError

    try:
        return FrontMatter(**plain)  # type: ignore[arg-type]
    except ValidationError as wrong:
        raise WrongCheck(one_sentence(wrong, FrontMatter).rstrip(".")) from None
    except ConfigurationError as wrong:
        raise WrongCheck(str(wrong).rstrip(".")) from None
