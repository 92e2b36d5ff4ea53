"""Pools behind sessions, in words."""

from alerts.pooler.pooled import Pooled
from collectors.pooled_sessions import PooledSession, pooled_sessions
from tests.fixtures.session_rows import seen, sessions

SHOP = PooledSession(1, "main", "shop", "app", "10.1.2.3", "web")


def pooled(count: int, *known: PooledSession) -> Pooled:
    return Pooled.among(seen((pooled_sessions, known)), sessions(count, first_pid=1))


def test_words() -> None:
    assert Pooled.among(seen(), sessions(1)).sentence() == ""
    none = pooled(3)
    assert (none.sentence(), none.advice(), none.facts()) == ("", (), {})
    one = pooled(1, SHOP)
    assert one.sentence() == (
        " It is a connection of pool shop/app of main, held by the client at 10.1.2.3 (web)."
    )
    two = pooled(3, SHOP, PooledSession(2, "main", "shop", "app"))
    assert two.sentence() == " 2 of these 3 are connections of pool shop/app of main."
    assert two.is_most
    other = pooled(5, SHOP, PooledSession(2, "main", "other", "app"))
    assert "2 of these 5 come through poolers, 1 of them" in other.sentence()
    assert not other.is_most
    assert other.facts()["pooled_connections"] == 2
