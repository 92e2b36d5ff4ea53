"""Deadlocks before they happen: the order in which transactions lock, learned from looks at them.

Signals are what one look shows: the conflicts (`conflict`), what a transaction has done
(`footprint`), what its statement is about (`target`, `keys`), where statements and applications
lock rows (`statement_tables`, `row_writers`; `footprint_reader` reads footprints with them), and
what statements alone show (`patterns`). Evidence is what they say about an order (`table_steps`,
`table_evidence`). Proofs are contradictions in it: between tables (`table_order`), rows of one
table by the keys in statements (`row_order`), advisory locks by waits (`advisory_order`), and rows
and advisory locks by who holds them (`held_order`), in the form of `risks`. What is not seen again
fades (`decay`). Deadlocks that happen are captured (`captures`). `tables` has the names, `store`
feeds all of them, and `history` is what others see.
"""

from alerts.locks.order.captures import Captive, Capture
from alerts.locks.order.conflict import Party
from alerts.locks.order.history import LOCK_ORDER, LockOrderView
from alerts.locks.order.patterns import Hint, Pattern
from alerts.locks.order.risks import Level, Risk, Sighting
from alerts.locks.order.row_order import Disorder
from alerts.locks.order.store import NAMING, LockStore
from alerts.locks.order.tables import Table

__all__ = [
    "LOCK_ORDER",
    "NAMING",
    "Captive",
    "Capture",
    "Disorder",
    "Hint",
    "Level",
    "LockOrderView",
    "LockStore",
    "Party",
    "Pattern",
    "Risk",
    "Sighting",
    "Table",
]
