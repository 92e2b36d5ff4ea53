"""Statements that build an advised index, and that take it away again."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from alerts.cure import concurrently, identifier, remark
from alerts.plans.advice_text import index_text
from collectors.index_advice import IndexAdvice

LONGEST = 63
"""Bytes of a name."""


def name_of(advice: IndexAdvice) -> str:
    """Return a name for the index: another one for each that may be advised."""
    stored = ["with", *advice.included] if advice.included else []
    rows = ["where", advice.null_column] if advice.null_column else []
    return of_object((advice.relname, *advice.columns, *stored, *rows, "advised"))


def of_object(parts: Sequence[str]) -> str:
    """Return a name of these parts; one that is too long ends in what tells it from others."""
    name = "_".join(parts)
    if len(name.encode()) <= LONGEST:
        return name
    digest = blake2b("\0".join(parts).encode(errors="replace"), digest_size=4).hexdigest()
    return f"{name.encode()[: LONGEST - 9].decode(errors='ignore')}_{digest}"


def cure(advice: IndexAdvice) -> Iterator[str]:
    """Yield what builds it while the table is in use, and the way back."""
    name = identifier(advice.schemaname, name_of(advice))
    yield remark(
        f"Tried by HypoPG on the generic plan: cost {advice.cost_before:,.0f}, with the index"
        f" {advice.cost_after:,.0f}; {len(advice.others)} other statements of the table were tried"
        " too, and none gets much more expensive."
    )
    yield from concurrently(
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {identifier(name_of(advice))}"
        f" ON {index_text(advice)};",
        f"the index is invalid; DROP INDEX CONCURRENTLY {name}; then build it again.",
    )
    if advice.widens:
        old = identifier(advice.schemaname, advice.widens)
        yield remark(f"It begins with the columns of {old}. Once that is not used any more:")
        yield remark(f"DROP INDEX CONCURRENTLY {old};")
    yield remark(f"The way back: DROP INDEX CONCURRENTLY {name};")
