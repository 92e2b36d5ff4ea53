"""Recorder: passes the answers of one server to the kinds of history that findings declare."""

from collections.abc import Iterable, Iterator, Mapping
from threading import Lock, get_ident
from typing import Any

from alerts.history.kind import AnyHistory, Broken, History, HistoryRecorder, HomeThread, View
from alerts.history.memory import Memory, Namespace
from collectors._base import AnyAnswer, AnyCollector
from collectors._columns import Columns

LARGE = 500
"""Rows; an answer with more of them is not looked through in the event loop."""
DEFECTS = 100
"""Maximum number that wait to be logged."""
Views = Mapping[AnyHistory, Any]
Learners = Mapping[AnyHistory, HistoryRecorder[Any]]


class Recorder:
    """Hands each answer to the histories that learn from it, each in its home thread.

    The event loop calls `record`, `restart`, `belong_to`, `views` and `view`. The background
    thread calls `catch_up` and `late_views`: it learns what was recorded for it since.
    """

    def __init__(
        self,
        wants: Iterable[AnyHistory] = (),
        memory: Memory | None = None,
        cluster: str = "",
        server: str = "",
    ) -> None:
        wanted = tuple(dict.fromkeys(wants))
        self._memory = Memory() if memory is None else memory
        self._learned_by = {want: _widest(want, wanted) for want in wanted}
        """For each kind the one whose recorder serves it too."""
        self._learn_from = _by_collector(self._learned_by.values())
        self._lock = Lock()
        """Held for what both threads touch: the learners, the backlog, the restart."""
        self._backlog: dict[AnyCollector, AnyAnswer] = {}
        self._restarted = False
        self._broken: dict[AnyHistory, str] = {}
        """Kinds that met a defect and have learned nothing since, each with the reason."""
        self.defects: list[tuple[str, Exception]] = []
        """Exceptions of kinds of history, for the caller to log."""
        self._threads: dict[HomeThread, int] = {}
        self.version = 0
        """Grows whenever the background thread has learned something, or all begins anew."""
        self._namespace = Namespace(cluster, server, "")
        self._learners = self._anew()

    # In the event loop.

    def belong_to(self, cluster: str, server: str) -> None:
        """Go on with the memory of that server of that cluster."""
        namespace = Namespace(cluster, server, "")
        if namespace != self._namespace:
            self._namespace = namespace
            with self._lock:
                self._learners, self._backlog, self._restarted = self._anew(), {}, False
                self.version += 1

    def record(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        """Take note of an answer, or keep the newest for the background thread."""
        self._check(HomeThread.loop)
        for kind in self._learn_from.get(collector, ()):
            if kind.home is HomeThread.loop:
                self._learn(kind, self._learners[kind], collector, answer)
            else:
                with self._lock:
                    self._backlog[collector] = answer

    def restart(self) -> None:
        """Another server answers now: what was counted on the old one says nothing of this one."""
        self._check(HomeThread.loop)
        for kind, learner in self._learners.items():
            if kind.home is HomeThread.loop:
                learner.restart()
        with self._lock:
            self._backlog, self._restarted = {}, True
            self.version += 1

    @property
    def is_behind(self) -> bool:
        """Whether there is something for the background thread to learn."""
        return bool(self._backlog)

    def views(self, at: float) -> Views:
        """Return a frozen view of every kind that was declared, as learned so far."""
        self._check(HomeThread.loop)
        learners = self._learners
        return {
            want: self._seen(kind, learners[kind], at) for want, kind in self._learned_by.items()
        }

    def views_on_demand(self, at: float) -> Views:
        """Return the same, each view made when it is first asked for: before the next answer."""
        return ViewsOnDemand(self, at)

    def view(self, kind: History[View], at: float) -> View | None:
        """Return the frozen view of one kind; None where none declared it, or it is broken."""
        found = self._learned_by.get(kind)
        seen = self._seen(found, self._learners[found], at) if found else None
        return None if isinstance(seen, Broken) else seen

    # In the background thread.

    def catch_up(self) -> None:
        """Learn what was recorded for the background thread."""
        self._check(HomeThread.background)
        with self._lock:
            backlog, self._backlog = self._backlog, {}
            restarted, self._restarted = self._restarted, False
            learners = self._learners
        for kind, learner in learners.items():
            if kind.home is HomeThread.background:
                if restarted:
                    learner.restart()
                for collector in kind.collectors:
                    if collector in backlog:
                        self._learn(kind, learner, collector, backlog[collector])
        if backlog or restarted:
            with self._lock:
                self.version += 1

    def late_views(self, at: float) -> Views:
        """Return the views of those kinds that learn in the background thread."""
        learners = self._learners
        return {
            want: self._seen(kind, learners[kind], at)
            for want, kind in self._learned_by.items()
            if kind.home is HomeThread.background
        }

    # In both.

    def _learn(
        self,
        kind: AnyHistory,
        learner: HistoryRecorder[Any],
        collector: AnyCollector,
        answer: AnyAnswer,
    ) -> None:
        """Learn an answer; a defect ends that kind of history alone, which begins anew."""
        try:
            learner.learn(collector, answer)
        except Exception as defect:
            self._note(kind, defect)
            anew = self._built(kind)
            with self._lock:
                if self._learners.get(kind) is learner:
                    self._learners = {**self._learners, kind: anew}
        else:
            self._broken.pop(kind, None)

    def _seen(self, kind: AnyHistory, learner: HistoryRecorder[Any], at: float) -> Any:
        if reason := self._broken.get(kind):
            return Broken(reason)
        try:
            return learner.view(at)
        except Exception as defect:
            # Noted for this view alone: its home thread may learn just now.
            return Broken(self._log(kind, defect))

    def _note(self, kind: AnyHistory, defect: Exception) -> None:
        self._broken[kind] = self._log(kind, defect)

    def _log(self, kind: AnyHistory, defect: Exception) -> str:
        """Keep the defect for the log, and return the reason that it gives."""
        name = type(kind).__name__
        if len(self.defects) < DEFECTS:
            self.defects.append((name, defect))
        return f"a defect in pgvigil: {name} met {type(defect).__name__}"

    def _anew(self) -> Learners:
        kinds = dict.fromkeys(self._learned_by.values())
        return {kind: self._built(kind) for kind in kinds}

    def _built(self, kind: AnyHistory) -> HistoryRecorder[Any]:
        """Return what learns a kind; what memory holds may be such that it can't be made."""
        try:
            return kind.recorder(self._memory, self._namespace)
        except Exception as defect:
            self._note(kind, defect)
            return Unbuilt(defect)

    def _check(self, home: HomeThread) -> None:
        """A second thread that learns would break silently, and much later."""
        own = get_ident()
        assert self._threads.setdefault(home, own) == own, f"this belongs into {home.value}"


class ViewsOnDemand(Mapping[AnyHistory, Any]):
    """The views of all kinds, each made when first asked for: a judgement asks for a few."""

    def __init__(self, recorder: Recorder, at: float) -> None:
        self._recorder = recorder
        self._at = at
        self._made: dict[AnyHistory, Any] = {}

    def __getitem__(self, want: AnyHistory) -> Any:
        if want not in self._made:
            self._recorder._check(HomeThread.loop)
            kind = self._recorder._learned_by[want]
            learner = self._recorder._learners[kind]
            self._made[want] = self._recorder._seen(kind, learner, self._at)
        return self._made[want]

    def __iter__(self) -> Iterator[AnyHistory]:
        return iter(self._recorder._learned_by)

    def __len__(self) -> int:
        return len(self._recorder._learned_by)


class Unbuilt:
    """Stands for a recorder that could not be made; each answer is another try to make it."""

    def __init__(self, defect: Exception) -> None:
        self.defect = defect

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        raise self.defect

    def restart(self) -> None:
        """Nothing was learned."""

    def view(self, at: float) -> Any:
        raise self.defect


def is_large(answer: AnyAnswer) -> bool:
    """Whether looking through it all takes longer than others should wait."""
    return isinstance(answer.rows, Columns) and len(answer.rows) > LARGE


def _by_collector(kinds: Iterable[AnyHistory]) -> Mapping[AnyCollector, tuple[AnyHistory, ...]]:
    found: dict[AnyCollector, dict[AnyHistory, None]] = {}
    for kind in kinds:
        for collector in kind.collectors:
            found.setdefault(collector, {})[kind] = None
    return {collector: tuple(learners) for collector, learners in found.items()}


def _widest(want: AnyHistory, wanted: Iterable[AnyHistory]) -> AnyHistory:
    for other in wanted:
        if other.covers(want):
            want = other
    return want
