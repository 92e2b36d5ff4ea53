"""Transaction that a file itself has open, and the settings of its session."""

from dataclasses import dataclass, field

from alerts.migrations.statement import Statement
from alerts.migrations.traced import Block
from monitor.migrations.kept_settings import ENDS_ABORTED, KeptSettings


@dataclass(slots=True)
class FileTransaction:
    """State of the file between two statements: it decides how the next one runs."""

    kept: KeptSettings = field(default_factory=KeptSettings)
    number: int | None = None
    """Of the transaction block that is open."""
    blocks: int = 0
    aborted: int | None = None
    """Number of the statement that failed in the open block."""

    @property
    def block(self) -> Block | None:
        return Block(self.number) if self.number is not None else None

    def begin(self) -> None:
        self.blocks += 1
        self.number = self.blocks

    def end(self) -> None:
        self.number, self.aborted = None, None
        self.kept.end()

    def abort(self, statement: Statement) -> None:
        """Take note that the statement failed in it."""
        if self.aborted is None:
            self.aborted = statement.number

    def refuses(self, statement: Statement) -> bool:
        """Whether the server takes nothing like it before the aborted transaction ends."""
        return self.aborted is not None and statement.transaction not in ENDS_ABORTED

    def take(self, statement: Statement) -> None:
        """Take note of what set something, or of the transaction's beginning or end."""
        self.kept.take(statement, aborted=self.aborted is not None)
        if statement.transaction:
            self.aborted = None
