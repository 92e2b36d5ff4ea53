"""Texts of statements for metrics: the daemon supplies them where the settings ask for it."""

from dataclasses import dataclass

from collectors._base import Collector, Lane, gauge


@dataclass(frozen=True, slots=True)
class StatementLabel:
    """The text of a statement that has series of its own."""

    query_id: int
    query: str
    """Without values."""

    @property
    def queryid(self) -> str:
        return str(self.query_id)


statement_labels = Collector(
    row=StatementLabel,
    lane=Lane.table,
    key=("query_id",),
    metrics=(
        gauge(
            "pg_stat_statements_query_id",
            "The text of a statement, without values; only with `statement_texts: true`.",
            lambda _: 1,
            ("queryid", "query"),
        ),
    ),
)
