"""Parties of a lock conflict, as facts of the evidence."""

from collections.abc import Iterable, Mapping

from alerts.client_name import session_name
from alerts.locks.order import Party
from collectors.activity import Session

Fact = float | int | str | bool | None


def who(party: Party) -> str:
    """Format user, application and pid of a party."""
    return f"{session_name(party.user, party.application)}, pid {party.pid}"


def party_facts(name: str, party: Party) -> Mapping[str, Fact]:
    """Return the facts of a party, with names that begin with `name`."""
    return {
        f"{name}_pid": party.pid,
        f"{name}_user": party.user,
        f"{name}_application": party.application,
        f"{name}_client": party.client,
        f"{name}_query_id": None if party.query_id is None else str(party.query_id),
        f"{name}_statement": party.statement,
    }


def session_facts(name: str, session: Session | None) -> Mapping[str, Fact]:
    """Return the facts of a session; none if it is unknown or has ended."""
    return party_facts(name, Party.of(session)) if session else {}


def row_text(relation: str | None, ctid: tuple[int, int] | None) -> str | None:
    """Format a row with its ctid: `public.orders ctid (7,3)`."""
    if relation is None or ctid is None:
        return relation
    return f"{relation} ctid ({ctid[0]},{ctid[1]})"


def listed(names: Iterable[str]) -> str:
    """Join names as `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
