"""Messages of a server, in pieces of any size: nothing is lost, and nothing is too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import raw_text
from collectors import _sizes as sizes
from monitor.postgres.server_messages import ServerMessages, Shutdown, TooLarge


def message(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body


def refused(text: bytes) -> bytes:
    return message(b"E", b"SERROR\0C42P01\0M" + text + b"\0RparserOpenTable\0\0")


def in_pieces(data: bytes, size: int) -> bytes:
    messages = ServerMessages()
    pieces = (data[place : place + size] for place in range(0, len(data), size))
    return b"".join(messages.taken(piece) for piece in pieces)


ROWS = st.binary(max_size=40).map(lambda body: message(b"D", body))
PLAIN = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=20)
ERRORS = PLAIN.map(lambda text: refused(text.encode()))


@given(st.lists(st.one_of(ROWS, ERRORS)).map(b"".join), st.integers(1, 50))
def test_what_is_within_the_limits_passes_unchanged(data: bytes, size: int) -> None:
    assert in_pieces(data, size) == data


@given(st.binary(max_size=30), st.integers(1, 50))
def test_texts_become_utf_8(text: bytes, size: int) -> None:
    given_text = text.replace(b"\0", b"")
    passed = in_pieces(refused(given_text) + message(b"D", b"\xe9"), size)
    expected = refused(raw_text.decode(given_text).encode())
    assert passed == expected + message(b"D", b"\xe9")


@given(st.binary(min_size=4, max_size=30), st.integers(1, 50))
def test_notifications_are_left_out(body: bytes, size: int) -> None:
    """Code that runs at login may listen; the pid in front is no text."""
    row = message(b"D", b"\xe9")
    assert in_pieces(row + message(b"A", body) + row, size) == row + row


@pytest.mark.parametrize("size", [65_000, 1 << 20])
def test_a_long_error_keeps_its_state_and_its_first_words(size: int) -> None:
    """Sixty megabytes take a few kilobytes, and what follows is in order."""
    data = refused(b"no such " + b"x" * (60 << 20)) + message(b"Z", b"I")
    passed = in_pieces(data, size)
    assert len(passed) < sizes.MESSAGE_BYTES + 100
    assert passed.startswith(b"E")
    assert b"C42P01\0Mno such xxx" in passed
    length = int.from_bytes(passed[1:5], "big")
    assert passed[length - 1 : length + 1] == b"\0\0"
    assert passed[length + 1 :] == message(b"Z", b"I")


def test_a_row_beyond_the_limit_is_refused_when_it_is_announced() -> None:
    announced = b"D" + (120 << 20).to_bytes(4, "big") + b"x" * 100
    with pytest.raises(TooLarge, match="a row of 120 MiB is more than the limit, 2 MiB"):
        ServerMessages().taken(announced)


def test_rows_are_counted_for_each_query() -> None:
    row, ready = message(b"D", b""), message(b"Z", b"I")
    messages = ServerMessages()
    for _ in range(3):
        messages.taken(row * sizes.ANSWER_ROWS + ready)
    with pytest.raises(TooLarge, match="more rows than the limit, 200,000"):
        messages.taken(row * (sizes.ANSWER_ROWS + 1))


def test_an_answer_of_many_long_rows_is_refused() -> None:
    row = message(b"D", b"x" * (1 << 20))
    messages = ServerMessages()
    for _ in range(63):
        messages.taken(row)
    with pytest.raises(TooLarge, match="longer than the limit, 64 MiB"):
        messages.taken(row + row)


@pytest.mark.parametrize(
    ("kind", "fields", "shutdown"),
    [
        (b"E", b"C57P01\0Mder Verwalter\0RProcessInterrupts", Shutdown.orderly),
        (b"E", b"C57P01\0Munexpected postmaster exit\0Rsecure_read", None),
        (b"N", b"C57P01\0Mimmediate shutdown\0Rquickdie", Shutdown.immediate),
        (b"N", b"C57P02\0Mcrash of another process\0Rquickdie", None),
        (b"E", b"C57014\0Mcanceling statement\0RProcessInterrupts", None),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_how_a_server_ends_a_session(
    kind: bytes, fields: bytes, shutdown: Shutdown | None, size: int
) -> None:
    """By the code and the routine: the text is translated."""
    data = message(kind, b"SFATAL\0" + fields + b"\0\0")
    messages = ServerMessages()
    for place in range(0, len(data), size):
        messages.taken(data[place : place + size])
    assert messages.shutdown is shutdown
