"""Deadlocks before they happen: in which order transactions lock, learned from looks at them."""

from alerts.lock_order.batches import Disorder
from alerts.lock_order.book import NAMING, LockBook
from alerts.lock_order.captures import Captive, Capture
from alerts.lock_order.meeting import Party
from alerts.lock_order.risks import Level, Risk, Sighting
from alerts.lock_order.tables import Table

__all__ = [
    "NAMING",
    "Captive",
    "Capture",
    "Disorder",
    "Level",
    "LockBook",
    "Party",
    "Risk",
    "Sighting",
    "Table",
]
