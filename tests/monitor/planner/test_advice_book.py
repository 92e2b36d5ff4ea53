"""Book of advice: however many statements come and go, what is remembered is bounded."""

from dataclasses import replace

from alerts.history.memory import Memory
from collectors.index_advice import IndexAdvice
from collectors.plans import ColumnShare, PlanNode, StatementPlan
from monitor.planner.advice_book import MOST, AdviceBook

ADVICE = IndexAdvice(1, 2, 0, "shop", "public", "orders", ("a",), (), None, 9.0, 1.0, 8.0, 1.0)
SHARES = ColumnShare("a", 0.1), ColumnShare("b", 0.1)


def test_the_book_is_bounded() -> None:
    """What was noted first goes first; what is noted again stays."""
    memory = Memory()
    book = AdviceBook.of(memory, "it")
    nodes = (PlanNode(0, "Seq Scan", 10.0, 8, 0.0, 9.0),)
    for number in range(MOST + 20):
        if number == MOST:
            book.note(ADVICE.key, replace(ADVICE, cost_after=2.0))
        book.note((1, 2, number), replace(ADVICE, query_id=number))
        book.note_estimate(StatementPlan(1, 2, number, "shop", 1.0, nodes=nodes, shares=SHARES))
    assert len(book.known) == len(list(memory.items(book.estimates))) == MOST
    assert AdviceBook.of(memory, "it").known == book.known
    assert {(1, 2, 0), (1, 2, MOST + 19)} <= book.known.keys()
    assert (1, 2, 1) not in book.known
