"""Bytes that are not UTF-8: they come back, never equal another name, and are never printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import raw_text
from alerts.cure import identifier, literal
from monitor.exposition.text_format import label_block

PIECES = st.one_of(
    st.binary(max_size=6),
    st.text(max_size=4).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from(["\U0010fe80", "\U0010feff", "\U0010fdff", "é"]).map(str.encode),
)
DATA = st.lists(PIECES, max_size=6).map(b"".join)


@given(DATA)
def test_bytes_come_back(data: bytes) -> None:
    assert raw_text.encode(raw_text.decode(data)) == data


@given(DATA, DATA)
def test_two_names_stay_two(left: bytes, right: bytes) -> None:
    assert (left == right) == (raw_text.decode(left) == raw_text.decode(right))


@given(DATA)
def test_every_output_is_utf_8_without_marks_of_ours(data: bytes) -> None:
    text = raw_text.decode(data)
    assert not raw_text.is_raw(raw_text.shown(text))
    assert raw_text.shown(text).encode("utf-8").decode("utf-8") == raw_text.shown(text)
    assert not raw_text.is_raw(label_block(("name",), (text,)))


def test_what_is_utf_8_stays_as_it_is() -> None:
    assert raw_text.decode("größe 表 😀".encode()) == "größe 表 😀"
    assert raw_text.shown(raw_text.decode(b"caf\xe9")) == "caf\\xe9"


def test_equal_short_texts_are_kept_once() -> None:
    """The settings of two hundred servers have the same names."""
    assert raw_text.decode(b"work_mem") is raw_text.decode(bytes(bytearray(b"work_mem")))
    long = b"x" * (raw_text.SHORT + 1)
    assert raw_text.decode(long) == long.decode()


def test_a_statement_that_would_miss_its_object_is_a_comment() -> None:
    """Pasted, `DROP INDEX "caf\\xe9"` would find another index, or none."""
    name = identifier("public", raw_text.decode(b"caf\xe9"))
    cure = (
        "SET lock_timeout = '2s';",
        f"DROP INDEX {name};",
        f"REINDEX INDEX {name};",
        f"-- {name}",
    )
    setting, comment, advice = raw_text.printable(cure)
    assert setting == "SET lock_timeout = '2s';"
    assert comment.startswith("-- ")
    assert 'name public."caf\\xe9", whose' in comment
    assert "\n" not in comment
    assert advice == '-- public."caf\\xe9"'


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("ALTER ROLE {identifier} RESET ALL;", '"my ""caf\\xe9"" (2), b"'),
        ("GRANT USAGE ON SCHEMA app TO {identifier};", '"my ""caf\\xe9"" (2), b"'),
        ("SELECT f({literal}::pg_catalog.regclass);", "'my \"caf\\xe9\" (2), b'"),
        ("ALTER TABLE app.{identifier} SET (x);", 'app."my ""caf\\xe9"" (2), b"'),
    ],
)
def test_the_comment_shows_the_whole_name_in_its_quotes(statement: str, name: str) -> None:
    raw = raw_text.decode(b'my "caf\xe9" (2), b')
    written = statement.format(identifier=identifier(raw), literal=literal(raw))
    [comment] = raw_text.printable([written])
    assert f"it would name {name}, whose bytes" in comment
