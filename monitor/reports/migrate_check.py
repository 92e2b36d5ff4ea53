"""Report of migrate-check: as text, as JSON, and as Markdown for a review comment."""

import json
from collections.abc import Iterable, Iterator

from alerts.migrations.advice import Level
from alerts.migrations.best_hour import Hour
from alerts.migrations.duration import Duration, Range
from alerts.migrations.hours import HOURS
from alerts.migrations.kind import Kind
from alerts.migrations.lock_mode import Blocked
from alerts.migrations.traced import Traced
from alerts.migrations.verdict import Effect, FileVerdict, Verdict
from alerts.plural import plural
from alerts.units import bytes_text, duration_text
from monitor.reports.escape import safe
from monitor.reports.migrate_check_json import as_json, rounded, why_no_hours

WORDS = {
    Level.safe: "safe",
    Level.unknown: "not known",
    Level.caution: "with care",
    Level.danger: "don't run it like this",
}
MARKS = {Level.safe: "ok", Level.unknown: "??", Level.caution: "! ", Level.danger: "!!"}
MOST_EFFECTS = 20
"""Tables of a statement of which it is said who waits; the others are only counted."""
NO_STATEMENTS = "the file has no statements"
SHOWN_LACKING = 5
SHOWN_SAFE = 40
"""Statements that are shown although they are safe; the others are only counted."""


def migration_report(verdict: FileVerdict, format: str) -> str:
    """Return the report in the chosen format."""
    if format == "json":
        return json.dumps(as_json(verdict), indent=2, ensure_ascii=False) + "\n"
    lines = _markdown(verdict) if format == "markdown" else _text(verdict)
    return "\n".join(lines) + "\n"


def _hours(verdict: FileVerdict) -> Iterator[str]:
    """How long it may wait for its locks by hour of the week, and the best hour; said once."""
    choice = verdict.hours
    if not verdict.waits or verdict.live is None:
        return
    if choice is None:
        why = why_no_hours(verdict)
        yield f"Not known: how long it may wait at other hours, and the best hour ({why})."
        return
    now, best = choice.now, choice.best
    if now.longest is None:
        yield f"At this hour ({now.name}) nothing was seen in past weeks."
    else:
        yield (
            f"At this hour ({now.name}) transactions of this database have lasted up to"
            f" {_wait(now.longest)}: it may wait that long for its locks{_rate(now)}."
        )
    if best.number == now.number:
        yield f"No hour is better, of the {choice.hours_known} that were seen."
        return
    of = "" if choice.hours_known == HOURS else f" of the {choice.hours_known} hours that were seen"
    yield f"Best hour{of}: {best.name}, up to {_wait(best.longest)}{_rate(best)}."


def _wait(seconds: float | None) -> str:
    return "a moment" if not seconds or seconds < 0.5 else duration_text(rounded(seconds))


def _rate(hour: Hour) -> str:
    if hour.traffic is None:
        return ""
    return f", beside {rounded(hour.traffic):,g} scans and written rows a second on its tables"


def _text(verdict: FileVerdict) -> Iterator[str]:
    yield _headline(verdict)
    for one in _worth_showing(verdict):
        yield ""
        statement = one.traced.statement
        yield safe(f"{MARKS[one.level]} line {statement.line}: {statement.head}")
        for line in _facts(one):
            yield safe(f"     {line}")
        for advice in one.advice:
            yield safe(f"   - {advice.text}")
            yield from (f"       {line}" for line in _lines(advice.sql))
    yield from _left_out(verdict)


def _headline(verdict: FileVerdict) -> str:
    if not verdict.verdicts:
        return f"Verdict: {WORDS[verdict.level]} ({NO_STATEMENTS})"
    count = plural(len(verdict.verdicts), "statement")
    where = f" on {safe(verdict.live.name)}" if verdict.live else ", without a live server"
    return f"Verdict: {WORDS[verdict.level]} ({count}{where})"


def _worth_showing(verdict: FileVerdict) -> list[Verdict]:
    """Return all statements of a short file, else those that are not simply safe."""
    if len(verdict.verdicts) <= SHOWN_SAFE:
        return list(verdict.verdicts)
    return [one for one in verdict.verdicts if one.level > Level.safe or one.advice]


def _left_out(verdict: FileVerdict) -> Iterator[str]:
    for line in _below(verdict):
        yield ""
        yield safe(line)


def _facts(one: Verdict) -> Iterator[str]:
    """What the statement does, a line each."""
    traced = one.traced
    if one.failure:
        yield f"It will fail: {one.failure.message}."
        return
    if traced.unknown:
        yield f"Not known: {traced.unknown}."
    if traced.locks or one.kind not in (Kind.unknown, Kind.instant):
        yield f"{one.kind.value.capitalize()}: {_lasts(one.duration)}."
    if locks := _locks(traced):
        yield f"Locks: {locks}."
    for effect in one.effects[:MOST_EFFECTS]:
        yield _effect(effect, one)
    if len(one.effects) > MOST_EFFECTS:
        yield f"Sessions of {len(one.effects) - MOST_EFFECTS} more tables wait, too."
    if one.traced.block and one.effects:
        yield f"Its locks are held until the end of the transaction: {_lasts(one.held)}."
    if one.writes_bytes and one.writes_bytes < 64 << 20:
        yield f"Writes about {bytes_text(one.writes_bytes)}."
    if one.way_back and one.kind is not Kind.unknown:
        yield f"Way back: {one.way_back}."


def _locks(traced: Traced) -> str:
    strong = [held for held in traced.locks if held.index is None or held.mode >= 4]
    shown = [
        f"{held.mode.sql} on {'index ' + held.index if held.index else held.table}"
        for held in strong[:6]
    ]
    more = f" and {len(strong) - 6} more" if len(strong) > 6 else ""
    return ", ".join(shown) + more


def _effect(effect: Effect, one: Verdict) -> str:
    table = effect.table
    size = f" ({bytes_text(table.whole)})" if table and table.whole is not None else ""
    who = "All sessions" if effect.blocked is Blocked.all else "Writers"
    how = "wait for that moment" if one.kind is Kind.instant and not one.traced.block else "wait"
    text = f"{who} that use {effect.relation}{size} {how}"
    if effect.per_second is None:
        return f"{text}."
    unit = "statements" if table and table.traffic and table.traffic.counted else "scans and rows"
    return f"{text}: {effect.per_second:,.1f} {unit} a second now."


def _lasts(length: Duration) -> str:
    if length.range is None:
        return f"for how long is not known ({length.reason})"
    return _range(length.range)


def _range(found: Range) -> str:
    if found.high <= 0.5:
        return "a moment"
    return f"{duration_text(rounded(found.low))} to {duration_text(rounded(found.high))}"


def _markdown(verdict: FileVerdict) -> Iterator[str]:
    yield f"### Migration: {WORDS[verdict.level]}"
    yield ""
    if verdict.verdicts:
        yield "| line | statement | kind | blocks | seconds | verdict |"
        yield "|---|---|---|---|---|---|"
    else:
        yield f"There is nothing to judge: {NO_STATEMENTS}."
    for one in _worth_showing(verdict):
        statement = one.traced.statement
        lasts = _range(one.duration.range) if one.duration.range else "not known"
        cells = (
            str(statement.line),
            _code(statement.head),
            one.kind.value,
            one.blocked.value,
            lasts,
            WORDS[one.level],
        )
        yield f"| {' | '.join(cells)} |"
    for one in _worth_showing(verdict):
        if one.advice or one.failure:
            yield from _section(one)
    for line in _below(verdict):
        yield ""
        yield _plain(line)


def _below(verdict: FileVerdict) -> Iterator[str]:
    """What is said of the whole file."""
    quiet = len(verdict.verdicts) - len(_worth_showing(verdict))
    if quiet:
        more = " more" if quiet < len(verdict.verdicts) else ""
        yield f"{quiet:,}{more} {'statement is' if quiet == 1 else 'statements are'} safe."
    yield from _hours(verdict)
    if verdict.why_no_space:
        yield f"Not known: how much disk space is free ({verdict.why_no_space})."
    if verdict.note:
        yield f"{verdict.note}."
    if verdict.lacking:
        yield f"The clone lacks {plural(len(verdict.lacking), 'part')} of the schema:"
        yield from verdict.lacking[:SHOWN_LACKING]


def _section(one: Verdict) -> Iterator[str]:
    yield ""
    yield f"**Line {one.traced.statement.line}** {_code(one.traced.statement.head)}"
    yield ""
    for line in _facts(one):
        yield f"- {_plain(line)}"
    for advice in one.advice:
        yield f"- {_plain(advice.text)}"
        if advice.sql:
            fence = "`" * max(3, max(_ticks(sql) for sql in advice.sql) + 1)
            yield from ("", f"  {fence}sql", *(f"  {line}" for line in _lines(advice.sql)))
            yield from (f"  {fence}", "")


def _lines(statements: Iterable[str]) -> list[str]:
    return [safe(line) for sql in statements for line in sql.splitlines()]


def _ticks(text: str) -> int:
    longest = run = 0
    for c in text:
        run = run + 1 if c == "`" else 0
        longest = max(longest, run)
    return longest


def _plain(text: str) -> str:
    """Escape what Markdown or HTML would act on."""
    text = safe(text).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "\\`*_[]|@" else c for c in text)


def _code(text: str) -> str:
    """Text as code within a cell of a table."""
    fence = "`" * (_ticks(text) + 1)
    return f"{fence} {safe(text).replace('|', chr(92) + '|')} {fence}"
