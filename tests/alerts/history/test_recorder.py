"""A recorder hands each answer to the histories that want it, each in its home thread."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Thread

import pytest

from alerts.history.crossings import Crossings
from alerts.history.kind import History, HomeThread
from alerts.history.memory import Memory, Namespace
from alerts.history.unchanged import Unchanged
from alerts.history.window import Window
from collectors._base import Answer, AnyAnswer, AnyCollector, Collector, Lane
from tests.fixtures.meters import MINUTE, START, Meter, known, meters, note, watching

READS = Unchanged(meters, "reads")
TRAIL = Crossings(meters, "reads")
many = replace(meters, bulk=True)
MANY = Unchanged(many, "reads")


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns as often as the interpreter can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_what_nobody_wants_is_not_kept() -> None:
    """Memory is for what a finding declared."""
    memory = Memory()
    watched = watching(memory=memory)
    note(watched, 0, Meter("a", 5))
    assert watched.views(START) == {}
    assert watched.view(READS, START) is None
    assert memory.take_changes() == []


def test_an_answer_of_database_size_is_learned_in_the_background() -> None:
    """Until then nothing is known of it; of several that wait the newest counts."""
    watched = watching(MANY)
    assert MANY.home is HomeThread.background
    for second, value in ((0, 1), (10, 7)):
        watched.record(many, Answer((Meter("a", value),), START + second))
    assert watched.is_behind, "the judging has to start the background work"
    assert dict(known(watched, MANY, 10)) == {}
    watched.catch_up()
    assert known(watched, MANY, 10)["a",].value == 7
    assert watched.late_views(START + 10).keys() == {MANY}
    assert not watched.is_behind


def test_a_restart_reaches_the_background_before_the_next_answer() -> None:
    """What waited was of the old server; what comes after it begins anew."""
    window = Window(many, MINUTE)
    watched = watching(window)
    for second in (0, 10):
        watched.record(many, Answer((Meter("a", second),), START + second))
        watched.catch_up()
    assert known(watched, window, 10).step()
    watched.record(many, Answer((Meter("a", 20),), START + 20))
    watched.restart()
    watched.record(many, Answer((Meter("a", 30),), START + 30))
    watched.catch_up()
    assert known(watched, window, 30).step() == {}
    assert known(watched, window, 30).windows.keys() == {("a",)}


def test_another_server_has_its_own_memory() -> None:
    """And on its return the first one finds what it left behind."""
    watched = watching(READS, TRAIL)
    note(watched, 0, Meter("a", 5))
    watched.belong_to("7001", "db1")
    assert known(watched, TRAIL, 0).passed(0)
    watched.belong_to("7002", "db1")
    assert dict(known(watched, READS, 0)) == {}
    assert known(watched, TRAIL, 0).passed(0) is None
    watched.belong_to("7001", "db1")
    assert known(watched, READS, 0)["a",].value == 5


def test_only_the_home_thread_may_learn() -> None:
    """A second one is an error at once, not a broken history much later."""
    watched = watching(READS)
    note(watched, 0, Meter("a", 5))
    caught: list[BaseException] = []

    def learn() -> None:
        try:
            note(watched, 10, Meter("a", 6))
        except AssertionError as error:
            caught.append(error)

    thread = Thread(target=learn)
    thread.start()
    thread.join()
    assert len(caught) == 1


@pytest.mark.usefixtures("switching")
def test_views_can_be_read_while_answers_are_learned() -> None:
    """In another thread, of a collector whose rows come and go: what is read never changes."""
    counts = Collector(row=Meter, lane=Lane.normal, key=("name",), counters=("reads",))
    hour, still = Window(counts, timedelta(hours=1)), Unchanged(counts, "reads")
    watched, errors, done = watching(hour, still), list[BaseException](), False
    views = watched.views(START)

    def read() -> None:
        try:
            while not done:
                seen = views
                first = seen[hour].delta(MINUTE * 5), dict(seen[still])
                assert (seen[hour].delta(MINUTE * 5), dict(seen[still])) == first
        except BaseException as error:
            errors.append(error)

    thread = Thread(target=read)
    thread.start()
    for n in range(80):
        rows = [Meter(f"db{j}", n) for j in range(n % 7 * 30, n % 7 * 30 + 300)]
        watched.record(counts, Answer(rows, START + n))
        views = watched.views(START + n)
    done = True
    thread.join()
    assert not errors


@dataclass(frozen=True)
class Fragile(History[int]):
    """Counts answers; it can't be made until it is mended."""

    mended: list[bool]

    def __hash__(self) -> int:
        return id(self.mended)

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (meters,)

    def recorder(self, memory: Memory, namespace: Namespace) -> "Counting":
        if not self.mended:
            raise RuntimeError("planted")
        return Counting()


class Counting:
    """Recorder that counts answers."""

    seen = 0

    def learn(self, collector: AnyCollector, answer: AnyAnswer) -> None:
        self.seen += 1

    def restart(self) -> None:
        self.seen = 0

    def view(self, at: float) -> int:
        return self.seen


def test_a_kind_that_cannot_be_made_is_unknown_until_it_can() -> None:
    """The others learn; each answer is another try."""
    fragile = Fragile([])
    watched = watching(fragile, READS)
    note(watched, 0, Meter("a", 5))
    assert watched.view(fragile, START) is None
    assert known(watched, READS, 0)["a",].value == 5
    assert {name for name, _ in watched.defects} == {"Fragile"}
    fragile.mended.append(True)
    for second in (1, 2):
        note(watched, second, Meter("a", 5))
    assert known(watched, fragile, 2) == 1


class Unseen(Counting):
    """Recorder that learns, and can't be viewed."""

    def view(self, at: float) -> int:
        raise RuntimeError("planted")


@dataclass(frozen=True)
class Unshown(History[int]):
    """Learned in the background, of which no view can be made."""

    @property
    def collectors(self) -> tuple[AnyCollector, ...]:
        return (many,)

    def recorder(self, memory: Memory, namespace: Namespace) -> Unseen:
        return Unseen()


class Interrupted(list[tuple[str, Exception]]):
    """List of defects; while one is noted the background thread gets its turn."""

    def __init__(self, turn: Callable[[], None]) -> None:
        self.turn = turn

    def append(self, one: tuple[str, Exception]) -> None:
        super().append(one)
        thread = Thread(target=self.turn)
        thread.start()
        thread.join()


def test_a_view_that_fails_while_the_background_learns() -> None:
    """It is told as broken, whatever the other thread has learned just then."""
    watched = watching(Unshown())
    watched.defects = Interrupted(watched.catch_up)
    watched.record(many, Answer((Meter("a", 1),), START))
    assert watched.views(START)[Unshown()].reason == "a defect in pgvigil: Unshown met RuntimeError"
    assert not watched.is_behind
