"""Numbers of things and names of sessions, as a person would write them."""

import pytest

from alerts.client_name import session_name
from alerts.plural import plural


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 sessions"), (1, "1 session"), (2, "2 sessions"), (1200, "1,200 sessions")],
)
def test_a_noun_has_its_number(number: int, text: str) -> None:
    assert plural(number, "session") == text


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert plural(2, "index", "indexes") == "2 indexes"
    assert plural(1, "index", "indexes") == "1 index"


@pytest.mark.parametrize("application", ["", None])
def test_a_session_without_an_application_says_so(application: str | None) -> None:
    """Empty brackets would look like a fault of ours."""
    assert session_name("alice", application) == "alice (no application name)"
    assert session_name("alice", "psql") == "alice (psql)"
