"""Statements that build an advised index, and that take it away again."""

from collections.abc import Iterator

from alerts.cure import concurrently, identifier, remark
from alerts.plans.advice_text import index_text
from collectors.index_advice import IndexAdvice

LONGEST = 63
"""Bytes of a name."""


def name_of(advice: IndexAdvice) -> str:
    """Return a name for the index, cut as the server would."""
    parts = [advice.relname, *advice.columns, "where" if advice.null_column else "", "advised"]
    name = "_".join(part for part in parts if part)
    return name.encode()[:LONGEST].decode(errors="ignore")


def cure(advice: IndexAdvice) -> Iterator[str]:
    """Yield what builds it while the table is in use, and the way back."""
    name = identifier(advice.schemaname, name_of(advice))
    yield remark(
        f"Tried by HypoPG on the generic plan: cost {advice.cost_before:,.0f}, with the index"
        f" {advice.cost_after:,.0f}; {len(advice.others)} other statements of the table were tried"
        " too, and none gets much more expensive."
    )
    yield from concurrently(
        f"CREATE INDEX CONCURRENTLY {identifier(name_of(advice))} ON {index_text(advice)};",
        f"the index is invalid; DROP INDEX CONCURRENTLY {name}; then build it again.",
    )
    if advice.widens:
        old = identifier(advice.schemaname, advice.widens)
        yield remark(f"It begins with the columns of {old}. Once that is not used any more:")
        yield remark(f"DROP INDEX CONCURRENTLY {old};")
    yield remark(f"The way back: DROP INDEX CONCURRENTLY {name};")
