"""Lock graph of one query of pg_locks: queues, roots, victims, chains and cycles."""

from alerts.locks.graph.conflicts import conflicts
from alerts.locks.graph.graph import LockGraph
from alerts.locks.graph.queue import Holder, Queue, node_of

__all__ = ["Holder", "LockGraph", "Queue", "conflicts", "node_of"]
