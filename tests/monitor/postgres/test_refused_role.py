"""A refused role: one that is missing, one that may not log in, and words of other languages."""

import asyncpg
import pytest

from collectors.connection import Cause
from monitor.postgres.errors import ConnectFailure, connecting


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ('role "x" does not exist', Cause.no_role),
        ('role "x" is not permitted to log in', Cause.no_login),
        ("Rolle »x« existiert nicht", Cause.no_role_or_login),
        ("Rolle »x« hat keine Berechtigung zum Einloggen", Cause.no_role_or_login),
    ],
)
def test_which_of_the_two_it_is(message: str, cause: Cause) -> None:
    """Both have one SQLSTATE and one routine; what the words don't tell is not guessed."""
    fields = {"S": "FATAL", "C": "28000", "M": message, "R": "InitializeSessionUserId"}
    with pytest.raises(ConnectFailure) as refused, connecting():
        raise asyncpg.PostgresError.new(fields)
    assert refused.value.cause is cause
