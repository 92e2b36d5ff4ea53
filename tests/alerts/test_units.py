"""What people write into settings is read as they meant it, and can be written back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.units import (
    Bytes,
    Share,
    Unit,
    bytes_text,
    duration_text,
    limit_text,
    moment_text,
    number_text,
    parse_bytes,
    parse_duration,
    parse_names,
    parse_share,
    share_text,
    unit_of,
)

LONGEST = timedelta(days=3650)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("250ms", 0.25),
        ("15s", 15),
        ("5m", 300),
        ("1h30m", 5400),
        ("2 h 3 min", 7380),
        ("35 days", 35 * 86400),
        ("2w", 14 * 86400),
        ("1.5h", 5400),
        ("15", 15),
        (2.5, 2.5),
        ("PT5M", 300),
        ("P1DT2H", 93600),
        (timedelta(minutes=1), 60),
    ],
)
def test_a_duration_is_read_in_every_usual_spelling(written: object, seconds: float) -> None:
    """Each spelling that people or machines use means that many seconds."""
    assert timedelta(seconds=seconds) == parse_duration(written)


@pytest.mark.parametrize(
    "written",
    ["", "abc", "5M", "-5m", "5x", "5m!", "P", "PT", "inf", 1e300, "9" * 40 + "d", True, None],
)
def test_what_is_no_duration_is_refused_in_one_sentence(written: object) -> None:
    """The sentence shows what was written and how to write it right."""
    with pytest.raises(ValueError, match=r"is not a duration such as 250ms") as refused:
        parse_duration(written)
    assert str(refused.value).startswith(repr(written))


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("10MB", 10 << 20),
        ("1GiB", 1 << 30),
        ("10 GB", 10 << 30),
        ("512kB", 1 << 19),
        ("1.5k", 1536),
        ("7", 7),
        (7, 7),
        ("7B", 7),
    ],
)
def test_bytes_count_as_postgresql_counts(written: object, count: int) -> None:
    """MB and MiB are both 1024 squared, as in postgresql.conf."""
    assert count == parse_bytes(written)


@pytest.mark.parametrize("written", ["", "10 megabytes", "-1", "MB", True, None])
def test_what_is_no_number_of_bytes_is_refused(written: object) -> None:
    """The sentence shows what was written and how to write it right."""
    with pytest.raises(ValueError, match=r"is not a number of bytes such as"):
        parse_bytes(written)


@pytest.mark.parametrize(
    ("written", "share"), [("75%", 0.75), ("12.5 %", 0.125), ("0.75", 0.75), (1, 1)]
)
def test_a_share_is_a_percentage_or_a_fraction(written: object, share: float) -> None:
    """Both ways to write a share mean the same."""
    assert share == parse_share(written)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("db2, db3", ("db2", "db3")),
        ('["db 2", "a,b"]', ("db 2", "a,b")),
        (["db2"], ("db2",)),
        ("", ()),
    ],
)
def test_names_are_read_with_commas_or_as_json(written: object, names: tuple[str, ...]) -> None:
    """As lists in all other settings."""
    assert parse_names(written) == names


def test_what_is_no_list_of_names_is_refused() -> None:
    """A number is none."""
    with pytest.raises(ValueError, match="is not a list of names"):
        parse_names([7])


@pytest.mark.parametrize("written", [75, "101%", "-1%", "nan", "%", "", True])
def test_a_share_above_one_is_never_guessed_at(written: object) -> None:
    """75 might mean 75 % or a mistake, so it is refused."""
    with pytest.raises(ValueError, match=r"is not a share such as 75% or 0\.75"):
        parse_share(written)


@given(st.timedeltas(min_value=timedelta(0), max_value=LONGEST))
def test_a_written_duration_reads_back(duration: timedelta) -> None:
    """The text for settings is exact, to the microsecond."""
    assert duration == parse_duration(limit_text(duration))


@given(st.integers(0, 1 << 62))
def test_written_bytes_read_back(count: int) -> None:
    """The text for settings is exact, to the byte."""
    assert count == parse_bytes(limit_text(count, Unit.bytes))


@given(st.floats(0, 1))
def test_a_written_share_reads_back(share: float) -> None:
    """The text for settings is exact, to the last bit."""
    assert share == parse_share(limit_text(share, Unit.share))


def test_limits_are_written_as_short_as_people_write_them() -> None:
    """Settings pages show 35d, 10MB and 75%, not numbers of seconds."""
    assert limit_text(timedelta(days=35)) == "35d"
    assert limit_text(timedelta(minutes=90)) == "1h30m"
    assert limit_text(10 << 20, Unit.bytes) == "10MB"
    assert limit_text(0.75, Unit.share) == "75%"
    assert limit_text(1000) == "1000"
    assert limit_text(None) == "none"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "250 ms"),
        (0.9999, "1 s"),
        (2.5, "2.5 s"),
        (59.9, "1 min"),
        (300, "5 min"),
        (3599.7, "1 h"),
        (7380, "2 h 3 min"),
        (86399, "1 day"),
        (86400, "1 day"),
        (35 * 86400, "35 days"),
        (-300, "-5 min"),
    ],
)
def test_people_read_the_two_largest_units(seconds: float, text: str) -> None:
    """Rounding never shows 60 s or 24 h."""
    assert text == duration_text(seconds) == duration_text(timedelta(seconds=seconds))


def test_people_read_bytes_and_shares_with_one_digit_more() -> None:
    """Sizes never read 1024 KiB, and a small share never reads zero."""
    sizes = [bytes_text(size) for size in (0, 1023, 1536, 1048575, 1.2 * 2**30)]
    assert sizes == ["0 B", "1023 B", "1.5 KiB", "1 MiB", "1.2 GiB"]
    assert [share_text(share) for share in (0.75, 0.125, 1e-6)] == ["75 %", "12.5 %", "< 0.01 %"]
    assert [share_text(share) for share in (1, 10.74)] == ["100 %", "1,070 %"]
    parts = (0.9999, 0.99996, 0.9996, 0.9983)
    assert [share_text(share) for share in parts] == ["99.99 %", "> 99.99 %", "99.96 %", "99.8 %"]


def test_a_number_has_no_exponent() -> None:
    """Whatever its size: a person reads it."""
    shown = {0.0: "0", 1e-5: "< 0.001", 0.1234: "0.123", 99.96: "100", 123_456.7: "123,000"}
    assert {value: number_text(value) for value in shown} == shown
    assert number_text(99.7, 2) == "100"


def test_a_limit_knows_its_unit() -> None:
    """The unit can be found in an annotation, also in an optional one."""
    assert [Unit.bytes, Unit.share, None] == [unit_of(kind) for kind in (Bytes | None, Share, int)]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (1772373900.0, "2026-03-01 14:05 UTC"),
        (1e14, "9999-12-31 23:59 UTC"),
        (-1e14, "1970-01-01 00:00 UTC"),
    ],
)
def test_times_of_no_calendar_are_shown_too(at: float, text: str) -> None:
    """Of a wrong clock or an edited state file: the verdict is still told."""
    assert moment_text(at) == text
