"""Tables of the benchmark: what was right, what was not known, and what was wrong."""

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from alerts.migrations.kind import Kind
from alerts.migrations.verdict import Verdict
from bench.migrations.execution import Executed
from bench.migrations.forms import Form

PAGE = Path(__file__).parents[1] / "MIGRATIONS.md"
MOST_APART = 10.0


class Outcome(NamedTuple):
    """One form on one version: predicted and executed."""

    version: int
    form: Form
    verdict: Verdict
    truth: Executed
    predicted: dict[str, str]
    """Blocked sessions by table."""

    @property
    def is_known(self) -> bool:
        return self.verdict.kind is not Kind.unknown

    @property
    def fails_as_said(self) -> bool:
        return bool(self.truth.error and self.verdict.failure)

    @property
    def kind_right(self) -> bool:
        return self.fails_as_said or self.verdict.kind is self.truth.kind

    @property
    def blocked_right(self) -> bool:
        really = {name: who.value for name, who in self.truth.blocked.items()}
        return self.fails_as_said or self.predicted == really

    @property
    def range(self) -> tuple[float, float] | None:
        found = self.verdict.duration.range
        return (found.low, found.high) if found and not self.truth.error else None

    @property
    def holds(self) -> bool:
        return self.range is not None and self.range[0] <= self.truth.seconds <= self.range[1]

    @property
    def apart(self) -> float:
        """How many times the high end is the low one; instant statements have no low end."""
        low, high = self.range or (0.0, 0.0)
        return high / low if low else 0.0


def told(one: Outcome) -> str:
    """Return one line about an outcome."""
    marks = "".join(
        "." if right else "X" for right in (one.kind_right, one.blocked_right, one.holds)
    )
    low, high = one.range or (math.nan, math.nan)
    return (
        f"{one.version} {marks} {one.verdict.kind:11} {one.truth.kind:11}"
        f" {low:7.3f} {one.truth.seconds:7.3f} {high:7.3f} {one.form.sql[:70]}"
        + (f" | {one.predicted} {dict(one.truth.blocked)}" if not one.blocked_right else "")
        + (f" | {one.truth.error}" if one.truth.error else "")
        + (f" | {one.verdict.traced.unknown}" if one.verdict.traced.unknown else "")
        + (f" | {one.verdict.failure}" if one.verdict.failure else "")
    )


def tables(outcomes: Sequence[Outcome], seed: int) -> Iterator[str]:
    """Yield the page, line by line."""
    yield "# Migrations: predicted, and executed under traffic"
    yield ""
    yield (
        "Each form of DDL was traced on an empty clone (PostgreSQL 18), judged with facts of the"
        " live server, and executed there with rows, beside two readers and two writers. Who is"
        " blocked was probed at the end of the statement, before its transaction was rolled back."
    )
    yield f"Sizes were drawn with the seed {seed}, after the code was finished."
    yield ""
    yield "| version | forms | kind and blocked right | not known | wrong | seconds known | held |"
    yield "|---|---|---|---|---|---|---|"
    for version in sorted({one.version for one in outcomes}):
        yield _row(str(version), [one for one in outcomes if one.version == version])
    yield _row("all", outcomes)
    yield ""
    longer = [one for one in outcomes if one.range and one.range[0] > 0]
    held = sum(one.holds for one in longer)
    if longer:
        apart = max(one.apart for one in longer)
        yield (
            f"Of the {len(longer)} statements whose time grows with the table the range held"
            f" {held} ({held / len(longer):.1%}); its ends are at most {apart:.1f} times apart."
        )
        yield ""
    yield (
        f"Load of the machine at the end: {os.getloadavg()[0]:.1f}, on {os.cpu_count()} cores."
        " `LOCK TABLE` is told to fail outside of a transaction, and was executed in one."
    )
    yield ""
    yield from _wrong(outcomes)
    yield from _seconds(longer)


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    known = [one for one in outcomes if one.is_known or one.fails_as_said]
    right = sum(one.kind_right and one.blocked_right for one in known)
    ranged = [one for one in outcomes if one.range]
    held = sum(one.holds for one in ranged)
    cells = (
        name,
        len(outcomes),
        f"{right} ({right / max(1, len(known)):.1%} of the known)",
        len(outcomes) - len(known),
        len(known) - right,
        len(ranged),
        f"{held} ({held / max(1, len(ranged)):.1%})",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _wrong(outcomes: Sequence[Outcome]) -> Iterator[str]:
    wrong = [one for one in outcomes if not (one.kind_right and one.blocked_right)]
    if not wrong:
        return
    yield "## Wrong or not known"
    yield ""
    yield "| version | statement | predicted | executed |"
    yield "|---|---|---|---|"
    for one in wrong:
        really = {name: who.value for name, who in one.truth.blocked.items()}
        why = one.verdict.traced.unknown or ""
        yield (
            f"| {one.version} | `{one.form.sql}` | {one.verdict.kind} {one.predicted or ''} {why}"
            f" | {one.truth.kind} {really or ''} {one.truth.error or ''} |"
        )
    yield ""


def _seconds(longer: Sequence[Outcome]) -> Iterator[str]:
    yield "## Seconds"
    yield ""
    yield "Measured, and in parentheses the range that was printed; an empty cell had no range."
    yield ""
    yield "| statement | kind | " + " | ".join(map(str, _versions(longer))) + " |"
    yield "|---|---|" + "---|" * len(_versions(longer))
    for sql in dict.fromkeys(one.form.sql for one in longer):
        cells = []
        for version in _versions(longer):
            found = [one for one in longer if one.form.sql == sql and one.version == version]
            cells.append(_cell(found[0]) if found else "")
        kind = next(one.verdict.kind for one in longer if one.form.sql == sql)
        yield f"| `{sql}` | {kind} | {' | '.join(cells)} |"
    yield ""


def _cell(one: Outcome) -> str:
    low, high = one.range or (0.0, 0.0)
    text = f"{one.truth.seconds:.2f} ({low:.2f} to {high:.2f})"
    return text if one.holds else f"**{text}**"


def _versions(outcomes: Sequence[Outcome]) -> list[int]:
    return sorted({one.version for one in outcomes})


def write(outcomes: Sequence[Outcome], seed: int) -> None:
    PAGE.write_text("\n".join(tables(outcomes, seed)).rstrip() + "\n")
