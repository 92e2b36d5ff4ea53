"""The texts of the statements of one server as a kind of history, by query id."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from alerts.history.kind import HomeThread, SingleHistory
from alerts.history.memory import Memory, Namespace
from alerts.query_text import normalised
from alerts.query_tokens import tokens, word_of
from alerts.statements.names import StatementNames, names_of
from alerts.statements.shape import StatementShape, shape_of
from collectors._base import AnyAnswer, AnyCollector
from collectors.stat_statements import stat_statements
from collectors.statement_texts import statement_texts

MOST = 2000
"""Texts that are kept;"""
MOST_CHARACTERS = 2 << 20
"""and their characters in all. What was read first goes first, and is read again if it matters."""


class KnownText(NamedTuple):
    """The text of one statement."""

    query: str
    """As pg_stat_statements has it, but what is prepared where it is a PREPARE: never to be shown,
    as it may contain literals."""
    is_cut: bool
    shown: str
    """On one line, with `?` for every value."""
    shape: StatementShape | None = None
    """None where it is not certain: the statement is cut off, or is not plain."""
    names: StatementNames | None = None
    """None where the statement is cut off."""

    @property
    def size(self) -> int:
        return len(self.query) + len(self.shown)


@dataclass(frozen=True, slots=True)
class StatementTexts:
    """Known texts."""

    known: Mapping[int, KnownText] = field(default_factory=dict)
    """By query id."""
    missing: Mapping[int, float] = field(default_factory=dict)
    """Query ids for which there was no text, with the time (unix seconds) of the question."""

    def shown(self, query_id: int) -> str | None:
        """Return the text of a statement, as it may be shown; None if it is not known."""
        found = self.known.get(query_id)
        return found.shown if found else None

    def shape(self, query_id: int) -> StatementShape | None:
        """Return the shape of a statement, where its text is known and its shape certain."""
        found = self.known.get(query_id)
        return found.shape if found else None


class StatementTextHistory(SingleHistory[StatementTexts]):
    """The texts that were read since the daemon knows this server; there is one per server."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return stat_statements, statement_texts

    @property
    def home(self) -> HomeThread:
        """Run in the background thread: texts are read token by token."""
        return HomeThread.background

    def recorder(self, memory: Memory, namespace: Namespace) -> "TextRecorder":
        return TextRecorder()


STATEMENT_TEXTS = StatementTextHistory()


class TextRecorder:
    """Adds texts as they arrive; they live in RAM alone."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._view = StatementTexts()

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is not statement_texts or not answer.rows:
            return
        known, missing = dict(self._view.known), dict(self._view.missing)
        for row in answer.rows:
            known.pop(row.query_id, None)
            missing.pop(row.query_id, None)
            if row.query is None:
                missing[row.query_id] = answer.at
            else:
                known[row.query_id] = _read(row.query, bool(row.is_cut))
        size = sum(one.size for one in known.values())
        while len(known) > MOST or size > MOST_CHARACTERS:
            size -= known.pop(next(iter(known))).size
        for query_id in list(missing)[:-MOST]:
            del missing[query_id]
        self._view = StatementTexts(MappingProxyType(known), MappingProxyType(missing))

    def view(self, at: float) -> StatementTexts:
        return self._view


def _read(text: str, is_cut: bool) -> KnownText:
    query = executed(text)
    shown = normalised(query) or ""
    if is_cut:
        return KnownText(query, is_cut, shown)
    return KnownText(query, is_cut, shown, shape_of(query), names_of(query))


def executed(text: str) -> str:
    """Return what a PREPARE prepares: what is counted under its text are the executions of that."""
    at, depth, is_first = 0, 0, True
    for token in tokens(text):
        at += len(token.text)
        word = word_of(token)
        if token.kind in ("space", "comment"):
            continue
        if is_first and word != "prepare":
            break
        is_first = False
        depth += (word == "(") - (word == ")")
        if word == "as" and depth == 0:
            return text[at:].lstrip()
    return text
