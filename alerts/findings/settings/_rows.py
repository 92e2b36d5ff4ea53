"""Rows of settings as judges read them; a value that our own role hides is not judged."""

from collections.abc import Iterator, Mapping

from alerts._base import Unjudged
from alerts.snapshot import Snapshot
from collectors.settings import Setting, settings

HIDDEN = "a default of the monitoring role or of its database hides the server's value"


def by_name(snapshot: Snapshot) -> Mapping[str, Setting]:
    """Return the settings of the server. Raises Unknown."""
    return snapshot.answer(settings).by("name")


def hidden(*rows: Setting | None) -> Iterator[Unjudged]:
    """Yield what can't be judged of these settings; None is one that this version has not."""
    for row in rows:
        if row is not None and row.setting is None:
            yield Unjudged(HIDDEN, subject=row.name)


def origin(row: Setting) -> str:
    """Say where a value comes from, as a part of a sentence."""
    if row.sourcefile:
        return f"set in {row.sourcefile}, line {row.sourceline}"
    return "the built-in default" if row.source == "default" else f"set by the {row.source}"
