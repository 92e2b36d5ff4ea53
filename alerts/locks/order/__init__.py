"""Deadlocks before they happen: in which order transactions lock, learned from looks at them."""

from alerts.locks.order.captures import Captive, Capture
from alerts.locks.order.conflict import Party
from alerts.locks.order.history import LOCK_ORDER, LockOrderView
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
    "Level",
    "LockOrderView",
    "LockStore",
    "Party",
    "Risk",
    "Sighting",
    "Table",
]
