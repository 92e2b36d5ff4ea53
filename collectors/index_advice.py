"""Indexes that the planner would use if they existed, as HypoPG shows; the daemon supplies them."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge

LABELS = ("datname", "userid", "queryid", "schemaname", "relname", "index_columns")


@dataclass(frozen=True, slots=True)
class OtherStatement:
    """Effect of an index on another statement that reads the table."""

    userid: int
    dbid: int
    query_id: int
    cost_before: float
    cost_after: float

    @property
    def key(self) -> tuple[int, int, int]:
        return self.userid, self.dbid, self.query_id

    @property
    def ratio(self) -> float:
        """What is left of its cost."""
        return self.cost_after / self.cost_before if self.cost_before > 0 else 1.0


@dataclass(frozen=True, slots=True)
class IndexAdvice:
    """The best index for one statement, of those that were tried."""

    userid: int
    dbid: int
    query_id: int
    datname: str
    schemaname: str
    relname: str
    columns: tuple[str, ...]
    included: tuple[str, ...]
    """Columns that are only stored in it."""
    null_column: str | None
    """Only rows in which this column is null are in the index; None: all rows are."""
    cost_before: float
    cost_after: float
    """With the hypothetical index, and once it exists the cost with it."""
    size_bytes: float
    """An estimate; equal keys are stored once, so it is often less."""
    advised_at: float
    """Unix seconds."""
    done_at: float | None = None
    """When an index was seen that begins with these columns, in unix seconds."""
    widens: str | None = None
    """An index that begins in the same way, and is not needed beside this one."""
    others: tuple[OtherStatement, ...] = ()

    @property
    def key(self) -> tuple[int, int, int]:
        return self.userid, self.dbid, self.query_id

    @property
    def queryid(self) -> str:
        return str(self.query_id)

    @property
    def index_columns(self) -> str:
        """All columns of the index, as a label."""
        return ", ".join((*self.columns, *self.included))

    @property
    def ratio(self) -> float:
        """What is left of the cost of its statement."""
        return self.cost_after / self.cost_before if self.cost_before > 0 else 1.0


index_advice: Collector[IndexAdvice] = Collector(
    row=IndexAdvice,
    lane=Lane.slow,
    key=("userid", "dbid", "query_id"),
    metrics=(
        gauge(
            "pg_index_advice_cost_before",
            "The planner's cost of a statement when an index was advised for it.",
            "cost_before",
            LABELS,
        ),
        gauge(
            "pg_index_advice_cost_after",
            "The planner's cost of the statement with the advised index: as HypoPG shows it, and"
            " once the index exists as it is.",
            "cost_after",
            LABELS,
        ),
        gauge(
            "pg_index_advice_size_bytes",
            "Size that the advised index would have, as an estimate.",
            "size_bytes",
            LABELS,
        ),
        gauge(
            "pg_index_advice_built",
            "Whether an index exists that begins with the advised columns.",
            lambda row: row.done_at is not None,
            LABELS,
        ),
    ),
)
