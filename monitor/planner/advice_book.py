"""Book of advice: what was advised, what it would save, and what it saved once it was followed."""

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields

from alerts.history.memory import Json, Memory, Namespace
from alerts.statements.uses import Key
from collectors.index_advice import IndexAdvice, OtherStatement
from collectors.plans import StatementPlan

ROOM = "index_advice"
ESTIMATES = "extended_statistics"
LISTS = ("columns", "included")
MOST = 500
"""Statements of which something is kept: their ids change with each text that an application
sends, so what was noted first goes first."""


@dataclass(slots=True)
class AdviceBook:
    """The advice for one server, kept over restarts."""

    memory: Memory
    place: Namespace
    known: dict[Key, IndexAdvice] = field(default_factory=dict)

    @classmethod
    def of(cls, memory: Memory, server: str) -> "AdviceBook":
        """Begin with what is remembered."""
        place = Namespace("", server, ROOM)
        read = (unpacked(stored) for _, stored in memory.items(place))
        return cls(memory, place, {one.key: one for one in read if one is not None})

    @property
    def estimates(self) -> Namespace:
        """Where the estimates are kept that extended statistics may mend."""
        return self.place.of(ESTIMATES)

    @property
    def mended(self) -> list[tuple[float, float]]:
        """Return the estimates that have changed, before and after."""
        found = []
        for _, stored in self.memory.items(self.estimates):
            match stored:
                case [float() | int() as before, float() | int() as after]:
                    found.append((float(before), float(after)))
        return found

    @property
    def open(self) -> set[Key]:
        """Statements for which an index is advised that does not exist yet."""
        return {key for key, one in self.known.items() if one.done_at is None}

    def note(self, key: Key, found: IndexAdvice | None) -> None:
        """Replace what was advised for a statement; None: nothing is, any more."""
        if found == self.known.get(key):
            return
        name = "/".join(map(str, key))
        if found is None:
            del self.known[key]
            self.memory.forget(self.place, name)
        else:
            self.known.pop(key, None)
            self.known[key] = found
            self.memory.put(self.place, name, packed(found))
            for old in list(self.known)[:-MOST]:
                self.note(old, None)

    def note_estimate(self, plan: StatementPlan) -> None:
        """Remember how many rows were expected before there were extended statistics, and after."""
        if not plan.shares:
            return
        place, name = self.estimates, "/".join(map(str, _key_of(plan)))
        stored, rows = self.memory.get(place, name), plan.nodes[0].rows
        before = stored[0] if isinstance(stored, (list, tuple)) and stored else None
        if not plan.has_statistics:
            self.memory.put(place, name, [rows, None])
            for old, _ in list(self.memory.items(place))[:-MOST]:
                self.memory.forget(place, old)
        elif before is not None:
            self.memory.put(place, name, [before, rows])

    def rows(self, matters: Collection[Key]) -> tuple[IndexAdvice, ...]:
        """Return the advice for statements that matter now."""
        return tuple(one for key, one in self.known.items() if key in matters)


def packed(advice: IndexAdvice) -> Json:
    """Return it as it is stored."""
    stored: Json = {**asdict(advice), "others": [list(asdict(o).values()) for o in advice.others]}
    return stored


def unpacked(stored: object) -> IndexAdvice | None:
    """Return advice as it was stored; None where it is not of this form."""
    names = {one.name for one in fields(IndexAdvice)}
    if not isinstance(stored, dict) or stored.keys() != names:
        return None
    try:
        lists = {name: tuple(map(str, stored[name])) for name in LISTS}
        others = tuple(OtherStatement(*one) for one in stored["others"])
        return IndexAdvice(**{**stored, **lists, "others": others})
    except (TypeError, ValueError):
        return None


def _key_of(plan: StatementPlan) -> Key:
    return plan.userid, plan.dbid, plan.query_id
