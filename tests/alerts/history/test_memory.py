"""Memory loses nothing, whichever threads put, forget and write down at the same time."""

import sys
from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from alerts.history.memory import BATCH, Change, Memory, Namespace

PLACE = Namespace("7301", "shop", "user_indexes.idx_scan")
OTHER = Namespace("7301", "shop", "index_unused")
KEYS = 60_000


@pytest.fixture(autouse=True)
def switching() -> Iterator[None]:
    """Threads take turns as often as the interpreter can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def taken_while(memory: Memory, work: Callable[[], None]) -> list[list[Change]]:
    """All that is handed over again and again while another thread works, and after it."""
    thread = Thread(target=work)
    thread.start()
    handed = []
    while thread.is_alive():
        handed.append(memory.take_changes())
    thread.join()
    return [*handed, memory.take_changes()]


def test_every_key_that_one_thread_puts_is_handed_over_to_the_other() -> None:
    """Each key is put once, so a lost one would never be written down."""
    memory = Memory()

    def put() -> None:
        for number in range(KEYS):
            memory.put(PLACE, f"k{number}", [number, 0.0, True, "e"])

    handed = taken_while(memory, put)
    assert len(handed) > 100
    assert {key for batch in handed for _, key, _ in batch} == {f"k{n}" for n in range(KEYS)}


def test_the_last_value_of_every_key_is_handed_over() -> None:
    """The same keys move in each round, in large batches, and some are forgotten."""
    memory, rounds, keys = Memory(), 30, 3 * BATCH
    final = {f"k{n}": rounds if n % 3 else None for n in range(keys)}

    def put() -> None:
        for number in range(1, rounds + 1):
            memory.update(PLACE, {f"k{n}": number for n in range(keys)})
        memory.update(PLACE, final)

    written: dict[str, object] = {}
    for batch in taken_while(memory, put):
        written |= {key: value for _, key, value in batch}
    assert written == final
    assert dict(memory.items(PLACE)) == {k: v for k, v in final.items() if v is not None}


def test_what_could_not_be_written_is_handed_over_again() -> None:
    """With its newest value, and only once."""
    memory = Memory()
    memory.put(PLACE, "a", 1)
    memory.put(PLACE, "b", 1)
    failed = memory.take_changes()
    memory.put(PLACE, "a", 2)
    memory.give_back(failed)
    assert sorted(memory.take_changes()) == [(PLACE, "a", 2), (PLACE, "b", 1)]
    assert memory.take_changes() == []


def test_what_is_on_disk_is_not_written_again() -> None:
    """A start reads everything and changes nothing."""
    memory = Memory()
    memory.restore([(PLACE, "a", [1, 2.0])])
    memory.put(PLACE, "a", [1, 2.0])
    memory.forget(PLACE, "never there")
    assert memory.take_changes() == []


def test_a_room_stays_as_it_was_handed_out() -> None:
    """Whatever another thread puts or forgets: a judge may still be reading it."""
    memory = Memory()
    memory.put(PLACE, "a", 1)
    room = memory.room(PLACE)
    assert memory.room(PLACE) == room
    memory.update(PLACE, {"a": 2, "b": 1})
    memory.forget(PLACE, "a")
    assert (dict(room), dict(memory.room(PLACE))) == ({"a": 1}, {"b": 1})


def test_a_room_can_be_read_while_another_thread_writes() -> None:
    """Each one is whole: both keys are put in one batch, and are equal in every room."""
    memory = Memory()

    def put() -> None:
        for number in range(20_000):
            memory.update(PLACE, {"a": number, "b": number})
            memory.put(OTHER, f"{number % 50}", number)

    thread = Thread(target=put)
    thread.start()
    seen = 0
    while thread.is_alive():
        room = memory.room(PLACE)
        assert room.get("a") == room.get("b")
        seen += sum(1 for _ in memory.items(OTHER))
    thread.join()
    assert seen
