"""Events that change plans: an index that is gone or became invalid, a setting that was changed."""

from collections.abc import Iterator, Mapping
from heapq import nlargest
from typing import NamedTuple

from alerts.history.keys import Key
from alerts.history.kind import SingleHistory
from alerts.history.memory import Memory, Namespace
from alerts.history.samples import DAY
from alerts.plans.index_text import create
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import column, where
from collectors._planner_settings import is_of_planner
from collectors.index_layout import index_layout
from collectors.role_settings import role_settings
from collectors.settings import settings
from collectors.user_indexes import UserIndex, user_indexes

FOLLOWED = 1000
"""Indexes of a server: those that are scanned most often."""
KEPT = DAY
AT_MOST = 50
"""Events of a kind that are kept."""
NOTED = 60.0
"""Seconds by which an event may be noticed after its effect."""


class IndexEvent(NamedTuple):
    """An index that helps no more."""

    at: float
    """Unix seconds when it was noticed."""
    before: float
    """Unix seconds of the answer before that."""
    row: UserIndex
    """As it was last seen."""
    is_gone: bool
    """Whether it is dropped; otherwise it is invalid."""
    create: str | None
    """The statement that makes it again; None where that is not known."""


class SettingEvent(NamedTuple):
    """A setting of the planner that was changed."""

    at: float
    before: float
    """Unix seconds of the answer before that."""
    name: str
    old: str
    new: str


class RoleSettingEvent(NamedTuple):
    """A setting of the planner that was changed for a role, a database, or both."""

    at: float
    before: float
    name: str
    old: str | None
    """None: there was none, and the server's own held."""
    new: str | None
    rolname: str
    """Empty: of every role."""
    datname: str
    """Empty: in every database."""


class IndexEvents(SingleHistory[tuple[IndexEvent, ...]]):
    """Indexes that were dropped or became invalid, over a day."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (user_indexes, index_layout)

    def recorder(self, memory: Memory, namespace: Namespace) -> "IndexEventsRecorder":
        return IndexEventsRecorder()


class IndexEventsRecorder:
    """Keeps the indexes that are scanned most often, with the statements that make them again."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.indexes: dict[Key, UserIndex] = {}
        self.definitions: dict[Key, str] = {}
        self.events: tuple[IndexEvent, ...] = ()

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        if collector is index_layout:
            self._learn_layouts(answer)
            return
        rows = answer.rows
        keys = list(zip(column(rows, "datname"), column(rows, "indexrelid"), strict=True))
        ranked = zip(column(rows, "idx_scan"), keys, strict=True)
        chosen = {key for scans, key in nlargest(FOLLOWED, ranked) if scans}
        wanted = {key[1] for key in chosen | self.indexes.keys()}
        now: dict[Key, UserIndex] = {
            (row.datname, row.indexrelid): row for row in where(rows, "indexrelid", wanted)
        }
        if self.at is not None:
            self._note(now, answer, self.at)
        self.indexes = {key: now[key] for key in chosen if key in now}
        self.at = answer.at

    def _note(self, now: Mapping[Key, UserIndex], answer: AnyAnswer, before: float) -> None:
        lost = list(self._lost(now, answer, before))
        known = tuple(e for e in self.events if answer.at - e.at < KEPT and not _is_back(e, now))
        if lost or len(known) != len(self.events):
            self.events = (*known, *lost)[-AT_MOST:]

    def _lost(
        self, now: Mapping[Key, UserIndex], answer: AnyAnswer, before: float
    ) -> Iterator[IndexEvent]:
        gone = [row for key, row in self.indexes.items() if key not in now]
        kept = set[tuple[str, str, str, int]]()
        if gone:
            # By name: a table may have been replaced with all of its indexes.
            others = where(answer.rows, "relname", {row.relname for row in gone})
            kept = {_what(row) for row in others if row.is_valid}
        for row in gone:
            if row.datname not in answer.missing and _what(row) not in kept:
                yield self._event(answer.at, before, row, is_gone=True)
        for key, row in self.indexes.items():
            if row.is_valid and key in now and not now[key].is_valid:
                yield self._event(answer.at, before, row, is_gone=False)

    def _event(self, at: float, before: float, row: UserIndex, is_gone: bool) -> IndexEvent:
        made = self.definitions.get((row.datname, row.indexrelid))
        return IndexEvent(at, before, row, is_gone, made)

    def _learn_layouts(self, answer: AnyAnswer) -> None:
        wanted = {key[1] for key in self.indexes}
        for row in where(answer.rows, "indexrelid", wanted):
            if text := create(row):
                self.definitions[row.datname, row.indexrelid] = text

    def restart(self) -> None:
        self.__init__()  # type: ignore[misc]

    def view(self, at: float) -> tuple[IndexEvent, ...]:
        return self.events


def _what(row: UserIndex) -> tuple[str, str, str, int]:
    """Return what an index serves; one that serves the same takes its place."""
    return row.datname, row.schemaname, row.relname, row.definition


def _is_back(event: IndexEvent, now: Mapping[Key, UserIndex]) -> bool:
    row = now.get((event.row.datname, event.row.indexrelid))
    return row is not None and row.is_valid


class SettingEvents(SingleHistory[tuple[SettingEvent, ...]]):
    """Settings of the planner that were changed, over a day."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (settings,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "SettingEventsRecorder":
        return SettingEventsRecorder()


class SettingEventsRecorder:
    """Compares each answer with the one before."""

    def __init__(self) -> None:
        self.at = 0.0
        self.known: dict[str, str] = {}
        self.events: tuple[SettingEvent, ...] = ()

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        now = {
            row.name: row.setting
            for row in answer.rows
            if row.setting is not None and is_of_planner(row.name)
        }
        changed = tuple(
            SettingEvent(answer.at, self.at, name, old, now[name])
            for name, old in self.known.items()
            if name in now and now[name] != old
        )
        back = {event.name for event in changed}
        kept = tuple(
            e
            for e in self.events
            if answer.at - e.at < KEPT and not (e.name in back and now[e.name] == e.old)
        )
        if changed or len(kept) != len(self.events):
            known = {e.name: e.old for e in self.events}
            news = (e for e in changed if known.get(e.name) != e.new)
            self.events = (*kept, *news)[-AT_MOST:]
        self.known, self.at = {**self.known, **now}, answer.at

    def restart(self) -> None:
        self.__init__()  # type: ignore[misc]

    def view(self, at: float) -> tuple[SettingEvent, ...]:
        return self.events


class RoleSettingEvents(SingleHistory[tuple[RoleSettingEvent, ...]]):
    """Settings of the planner that were changed for a role or a database, over a day."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (role_settings,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "RoleSettingEventsRecorder":
        return RoleSettingEventsRecorder()


class RoleSettingEventsRecorder:
    """Compares each answer with the one before; what was set back is no event any more."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.known: dict[Key, str] = {}
        self.events: tuple[RoleSettingEvent, ...] = ()

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        now: dict[Key, str] = {
            role_settings.key_of(row): row.value for row in answer.rows if row.value is not None
        }
        if self.at is not None:
            changed = {key for key, _ in now.items() ^ self.known.items()}
            kept = {_of_role(e): e for e in self.events if answer.at - e.at < KEPT}
            for key in changed:
                rolname, datname, name = map(str, key)
                event = kept.pop(key, None)
                old = event.old if event else self.known.get(key)
                if now.get(key) != old:
                    kept[key] = RoleSettingEvent(
                        answer.at, self.at, name, old, now.get(key), rolname, datname
                    )
            self.events = tuple(kept.values())[-AT_MOST:]
        self.known, self.at = now, answer.at

    def restart(self) -> None:
        self.__init__()  # type: ignore[misc]

    def view(self, at: float) -> tuple[RoleSettingEvent, ...]:
        return self.events


def _of_role(event: RoleSettingEvent) -> Key:
    return event.rolname, event.datname, event.name
