"""Who blocks whom, from one look at pg_locks: queues, roots, victims, chains and cycles."""

from alerts.lock_graph.conflicts import conflicts
from alerts.lock_graph.graph import LockGraph
from alerts.lock_graph.queue import Node, Queue, node_of

__all__ = ["LockGraph", "Node", "Queue", "conflicts", "node_of"]
