"""An advised index in words: its table and columns, and what it would do or did to the cost."""

from alerts.cure import identifier
from alerts.units import share_text
from collectors.index_advice import IndexAdvice


def index_text(advice: IndexAdvice) -> str:
    """Return table and columns, as CREATE INDEX has them."""
    table = identifier(advice.schemaname, advice.relname)
    return f"{table} ({', '.join(map(identifier, advice.columns))}){_rest(advice)}"


def _rest(advice: IndexAdvice) -> str:
    text = ""
    if advice.included:
        text += f" INCLUDE ({', '.join(map(identifier, advice.included))})"
    if advice.null_column:
        text += f" WHERE {identifier(advice.null_column)} IS NULL"
    return text


def advice_text(advice: IndexAdvice) -> str:
    """Return a sentence with the cost before and after."""
    index, costs = index_text(advice), (advice.cost_before, advice.cost_after)
    before, after = (f"{cost:,.0f}" for cost in costs)
    if advice.done_at is not None:
        return f"Since an index on {index} exists, its cost is {after}; it was {before}."
    saved = share_text(1 - advice.ratio)
    return f"With an index on {index} its cost would be {after} instead of {before}: {saved} less."
