"""Culprit: the statement and the client that have most of a load, for messages and facts."""

from collections.abc import Callable
from dataclasses import dataclass

from alerts.client_name import session_name
from alerts.units import share_text
from alerts.waits.doing import Doing, Event
from alerts.waits.history import WaitsView
from alerts.waits.load import Part, WaitLoad

Fact = float | int | str | bool | None
MOST = 0.3
"""Share of a load from which its largest part is named in a sentence."""
Client = tuple[str | None, str | None, str | None]
"""User, application and database."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """The largest parts of a load. None: nothing is known of it."""

    statement: Part[int | None] | None
    client: Part[Client] | None
    text: str | None
    """The statement, without values; None where no session has shown it."""

    @property
    def query_id(self) -> int | None:
        return self.statement.what if self.statement else None

    @property
    def sentence(self) -> str:
        """Return who has most of it, as the end of a message; empty where no one stands out."""
        if self.client is None or self.client.share < MOST:
            return ""
        user, application, database = self.client.what
        if user is None and database is None:
            return ""
        where = f" in {database}" if database else ""
        by = f" {share_text(self.client.share)} of it by {session_name(user, application)}{where}"
        same = ", in one statement" if self._is_one_statement() else ""
        return f"{by}{same}."

    def _is_one_statement(self) -> bool:
        return (
            self.statement is not None
            and self.statement.what is not None
            and self.statement.share >= MOST
        )

    @property
    def facts(self) -> dict[str, Fact]:
        user, application, database = self.client.what if self.client else (None, None, None)
        return {
            "largest_user": user,
            "largest_application": application,
            "largest_database": database,
            "largest_client_share": self.client.share if self.client else None,
            "query_id": None if self.query_id is None else str(self.query_id),
            "statement": self.text,
            "statement_share": self.statement.share
            if self.statement and self.statement.what
            else None,
        }


def culprit(view: WaitsView, load: WaitLoad, chosen: Callable[[Event], bool]) -> Culprit:
    """Return who has most of the events that are chosen."""
    statement = load.largest(lambda doing: doing.query_id, chosen)
    client = load.largest(_client, chosen)
    query_id = statement.what if statement else None
    return Culprit(statement, client, view.texts.get(query_id) if query_id is not None else None)


def _client(doing: Doing) -> Client:
    return doing.usename, doing.application_name, doing.datname
