"""Texts of statements by query id, as sessions show them, without values."""

from collections.abc import Mapping
from types import MappingProxyType

from alerts.query_text import normalised
from alerts.waits.doing import Doing
from alerts.waits.sums import Sums

SEEN = 600
"""Query ids of one minute whose texts are remembered until it ends,"""
KEPT = 100
"""and texts that are kept: those seen last."""


class StatementTexts:
    """Texts of the statements that took most of some minute of the last hour."""

    def __init__(self) -> None:
        self._seen: dict[int, str] = {}
        """Texts as they are, of the minute that has not ended."""
        self._kept: dict[int, str] = {}
        self.shown: Mapping[int, str] = MappingProxyType({})

    def note(self, query_id: int | None, text: str | None) -> None:
        """Remember the text of a statement that is running."""
        if query_id and text and query_id not in self._kept and len(self._seen) < SEEN:
            self._seen.setdefault(query_id, text)

    def keep(self, minute: Sums[Doing]) -> None:
        """Keep the texts of the statements of a minute; each is stripped of values once."""
        kept = dict(self._kept)
        for doing in reversed(minute.keys):
            known = doing.query_id
            if known is None:
                continue
            text = kept.pop(known, None) or normalised(self._seen.get(known))
            if text:
                kept[known] = text  # at the end: it was seen last
        for oldest in list(kept)[: max(0, len(kept) - KEPT)]:
            del kept[oldest]
        self._seen = {}
        self._kept = kept
        self.shown = MappingProxyType(kept)
