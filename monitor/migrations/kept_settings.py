"""Settings of a file's session, for another one that takes its place."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from alerts.migrations.set_config import settings_by_query
from alerts.migrations.statement import Statement

BEGINS = ("BEGIN", "START")
COMMITS = ("COMMIT", "PREPARE")
ENDS = (*COMMITS, "ROLLBACK")
"""What ends a transaction, if it does not begin the next one."""
ENDS_ABORTED = (*ENDS, "ROLLBACK_TO")
"""All that the server takes in a transaction after a failure."""


@dataclass(slots=True)
class KeptSettings:
    """Statements that have set up a session, in their order."""

    session: dict[str, None] = field(default_factory=dict)
    """Texts of those that hold until its end."""
    block: list[Statement] = field(default_factory=list)
    """What began the open transaction, its settings and its savepoints."""

    def take(self, statement: Statement, *, aborted: bool = False) -> None:
        """Take note of what set something, or of a transaction's beginning or end.

        `aborted`: a statement of the transaction has failed before.
        """
        done = statement.transaction
        if statement.node == "DiscardStmt":
            if statement.body.get("target") == "DISCARD_ALL":
                self.session.clear()
        elif statement.node == "VariableSetStmt" or settings_by_query(statement):
            self._set(statement)
        elif done in BEGINS:
            self.block = self.block or [statement]
        elif done in ENDS:
            self._end(committed=done in COMMITS and not aborted, chain=chains(statement))
        elif self.block and done == "SAVEPOINT":
            self.block.append(statement)
        elif done in ("RELEASE", "ROLLBACK_TO"):
            self._leave(statement)

    def end(self) -> None:
        """Forget the open transaction, which was rolled back."""
        self.block = []

    def forget_block(self) -> None:
        """Forget the settings of the open transaction, which can't be made again."""
        self.block = [one for one in self.block if one.transaction]

    def _set(self, statement: Statement) -> None:
        if self.block:
            self.block.append(statement)
        elif not _is_local(statement):
            self._keep(statement)

    def _keep(self, statement: Statement) -> None:
        """Keep the last one of those with the same text."""
        self.session.pop(statement.text, None)
        self.session[statement.text] = None

    def _end(self, *, committed: bool, chain: bool) -> None:
        for one in self.block if committed else ():
            if not (one.transaction or _is_local(one)):
                self._keep(one)
        self.block = self.block[:1] if chain else []

    def _leave(self, statement: Statement) -> None:
        """Drop the later savepoints; of what they did, only ROLLBACK TO drops the settings."""
        name = statement.body.get("savepoint_name")
        of_name = [n for n, one in enumerate(self.block) if _is_savepoint(one, name)]
        if not of_name:
            return
        at = of_name[-1]
        if statement.transaction == "ROLLBACK_TO":
            self.block = self.block[: at + 1]
        else:
            self.block[at:] = _without_savepoints(self.block[at:])


def chains(statement: Statement) -> bool:
    """Whether another transaction begins where this one ends."""
    return bool(statement.body.get("chain"))


def _is_local(statement: Statement) -> bool:
    """Whether it holds until the end of its transaction only."""
    if by_query := settings_by_query(statement):
        return all(one.is_local for one in by_query)
    return bool(statement.body.get("is_local")) or statement.body.get("name") == "TRANSACTION"


def _is_savepoint(statement: Statement, name: object) -> bool:
    return statement.transaction == "SAVEPOINT" and statement.body.get("savepoint_name") == name


def _without_savepoints(block: list[Statement]) -> Iterator[Statement]:
    return (one for one in block if not one.transaction)
