"""Table of wait events: what each means, and what to do where it takes much of the load.

Names are those of PostgreSQL 14 to 18. Some events of the type IO and IPC have changed their case
in 17 (WALSync is WalSync), so they are compared without it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

from alerts.waits.doing import CPU, Event


class Trouble(Enum):
    """Meaning of an event that takes much of a server's load."""

    contention = "contention"
    """Sessions stand in line for a structure in memory: more clients make it slower."""
    storage = "storage"
    """The volume answers slowly, or is asked for too much."""
    elsewhere = "elsewhere"
    """Another finding says it with its cause: locks, synchronous standbys."""
    none = "none"
    """Common on a healthy server."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the table."""

    type: str
    names: tuple[str, ...]
    means: str
    """Completes `sessions …`."""
    advice: str
    """What to do, in one or two sentences."""
    trouble: Trouble = Trouble.contention
    is_grave: bool = False
    """Whether a smaller share of the load is trouble: throughput collapses soon."""
    on_standby: str = ""
    """Advice that replaces the usual one on a standby."""


TABLE = (
    Meaning(
        CPU,
        (CPU,),
        "run, or wait for a free core",
        "Look for the statements with the most time, and limit active sessions by a pool of 10 to"
        " 20 for each core.",
        Trouble.none,
    ),
    Meaning(
        "LWLock",
        ("LockManager",),
        "wait for a partition of the shared table of locks",
        "Statements that lock more relations than the fast path holds (16 before 18, then by"
        " max_locks_per_transaction) take locks there: let partitions be pruned at planning, drop"
        " unused indexes, use prepared statements, and reduce the number of active sessions.",
        is_grave=True,
    ),
    Meaning(
        "LWLock",
        ("LockFastPath",),
        "wait to read or change the fast-path locks of a session",
        "It comes with LockManager: fewer relations in a statement, and fewer strong locks (DDL,"
        " LOCK TABLE) that move all fast-path locks to the shared table.",
    ),
    Meaning(
        "LWLock",
        ("BufferMapping",),
        "wait to find a page in shared buffers, or to put one there",
        "Pages are replaced faster than they can be entered: find statements that read much, index"
        " them, and raise shared_buffers if the pages used often do not fit.",
    ),
    Meaning(
        "LWLock",
        ("BufferContent",),
        "wait to read or change the same pages in memory",
        "Many sessions change one page: a hot row, a counter, the last page of an index on an"
        " increasing key, or foreign keys that all refer to one row. Spread the writes, batch"
        " them, or reduce the number of sessions that write at once.",
    ),
    Meaning(
        "BufferPin",
        ("BufferPin",),
        "wait until others no longer use a page",
        "A cursor or a slow scan keeps a page in use that vacuum or recovery needs alone: close"
        " cursors early.",
        Trouble.none,
    ),
    Meaning(
        "IPC",
        ("BufferIO",),
        "wait for a page that another session is reading",
        "Several sessions need the same pages at once, after a restart or for the same large scan:"
        " look at what reads (DataFileRead).",
        Trouble.storage,
    ),
    Meaning(
        "LWLock",
        ("WALWrite",),
        "wait until another session has written or flushed WAL",
        "Commits come faster than the volume of pg_wal flushes. Make fewer and larger"
        " transactions, move pg_wal to a faster volume, or set synchronous_commit = off for roles"
        " whose last half second may be lost.",
        Trouble.storage,
    ),
    Meaning(
        "IO",
        ("WALSync", "WALWrite"),
        "write WAL to its volume",
        "Commits wait for the volume of pg_wal. Make fewer and larger transactions, move pg_wal to"
        " a faster volume, or set synchronous_commit = off for roles whose last half second may be"
        " lost.",
        Trouble.storage,
    ),
    Meaning(
        "LWLock",
        ("WALInsert",),
        "wait for a place to put WAL into memory",
        "Too many sessions write at once: reduce writers, drop unused indexes, use COPY or"
        " multi-row INSERT, set wal_compression.",
    ),
    Meaning(
        "LWLock",
        ("WALBufMapping",),
        "wait for a free page of WAL buffers",
        "WAL comes faster than it is written: raise wal_buffers to 64 MB or more (restart), and"
        " look at the volume of pg_wal.",
    ),
    Meaning(
        "LWLock",
        ("ProcArray",),
        "wait for the list of running transactions, to take a snapshot or to end",
        "Too many short transactions in too many sessions. Use a pooler in transaction mode, end"
        " idle connections, and avoid savepoints in every statement.",
        is_grave=True,
    ),
    Meaning(
        "IPC",
        ("ProcArrayGroupUpdate",),
        "wait while another session ends their transaction together with its own",
        "Very many transactions end at once: group writes into fewer transactions, and limit"
        " active sessions by a pool.",
    ),
    Meaning(
        "IPC",
        ("XactGroupUpdate",),
        "wait while another session records their commit together with its own",
        "Very many transactions commit at once: group writes into fewer transactions, and limit"
        " active sessions by a pool.",
    ),
    Meaning(
        "LWLock",
        ("XactBuffer", "XactSLRU"),
        "look up whether old transactions were committed",
        "Rows of many different transactions are read for the first time, as after a large load:"
        " VACUUM the tables concerned. From 17, transaction_buffers can be raised.",
    ),
    Meaning(
        "LWLock",
        ("SubtransSLRU", "SubtransBuffer"),
        "look up subtransactions, as a snapshot holds more than fits",
        "A transaction with more than 64 savepoints or EXCEPTION blocks is open; each snapshot"
        " pays for it. End it, and do not loop over savepoints. From 17, subtransaction_buffers"
        " can be raised.",
        is_grave=True,
        on_standby="A transaction with more than 64 savepoints or EXCEPTION blocks is open on the"
        " primary, and makes every snapshot of this standby slow. End that transaction on the"
        " primary; nothing helps on the standby itself.",
    ),
    Meaning(
        "LWLock",
        (
            "MultiXactOffsetSLRU",
            "MultiXactOffsetBuffer",
            "MultiXactMemberSLRU",
            "MultiXactMemberBuffer",
            "MultiXactGen",
        ),
        "look up which transactions share a lock of a row",
        "Many transactions lock the same rows at once: foreign keys to a few rows, SELECT … FOR"
        " SHARE. Shorten these transactions, and VACUUM FREEZE the tables that are referred to."
        " From 17, multixact_member_buffers and multixact_offset_buffers can be raised.",
        is_grave=True,
    ),
    Meaning(
        "IPC",
        ("MultixactCreation",),
        "wait until another session has made its multixact",
        "Many transactions lock the same rows at once: shorten those that lock rows that many"
        " foreign keys refer to.",
        is_grave=True,
    ),
    Meaning(
        "IO",
        ("SLRURead", "SLRUWrite", "SLRUSync", "SLRUFlushSync"),
        "read or write files of transaction status",
        "Old transaction status does not fit into memory; the finding slru_thrash names the cache."
        " From 17 its size can be raised.",
        Trouble.storage,
    ),
    Meaning(
        "LWLock",
        ("NotifyQueue", "NotifyQueueTail", "NotifySLRU", "NotifyBuffer"),
        "wait for the queue of NOTIFY",
        "NOTIFY makes commits of one database wait for each other: notify less often, outside of"
        " transactions that others wait for, or use another queue.",
        is_grave=True,
    ),
    Meaning(
        "LWLock",
        ("SInvalRead", "SInvalWrite"),
        "exchange messages about changed catalogues",
        "DDL, temporary tables or ANALYZE run very often: create temporary tables once per"
        " session, and make fewer changes of the schema.",
    ),
    Meaning(
        "LWLock",
        ("XidGen", "OidGen"),
        "wait for a new transaction id or OID",
        "Very many transactions begin to write at once: group them. For OidGen, large objects or"
        " TOAST values are created in masses.",
    ),
    Meaning(
        "LWLock",
        (
            "PredicateLockManager",
            "SerializableXactHash",
            "SerializableFinishedList",
            "SerializablePredicateList",
            "PerXactPredicateList",
            "SerialSLRU",
            "SerialBuffer",
        ),
        "do the book-keeping of SERIALIZABLE transactions",
        "SERIALIZABLE costs this with many sessions: use it only where it is needed, keep these"
        " transactions short, and declare reading ones READ ONLY.",
    ),
    Meaning(
        "LWLock",
        ("pg_stat_statements",),
        "wait for the table of pg_stat_statements",
        "More different statements run than it holds, or it is being read or reset: raise"
        " pg_stat_statements.max, and send parameters instead of literals.",
    ),
    Meaning(
        "LWLock",
        (
            "RelationMapping",
            "CheckpointerComm",
            "ControlFile",
            "AutoFile",
            "SyncScan",
            "TwoPhaseState",
            "ReplicationSlotControl",
            "ReplicationSlotAllocation",
            "DynamicSharedMemoryControl",
            "ParallelHashJoin",
            "PgStatsData",
            "PgStatsHash",
            "PgStatsDSA",
            "WALSummarizer",
            "CommitTsSLRU",
            "CommitTsBuffer",
        ),
        "wait for a structure in shared memory",
        "See the description of this lock in the manual (pg_wait_events from 17), and the"
        " statements that wait for it.",
    ),
    Meaning(
        "Timeout",
        ("SpinDelay",),
        "wait for a spinlock that is held for unusually long",
        "The session that holds it has no core: the machine is overloaded, or its virtual cores"
        " are taken away. Reduce active sessions.",
        is_grave=True,
    ),
    Meaning(
        "IO",
        (
            "DataFileRead",
            "DataFilePrefetch",
            "AioIoCompletion",
            "AioIoUringExecution",
            "AioIoUringSubmit",
        ),
        "read pages that are not in shared buffers",
        "Find the statements that read most: a missing index is the usual cause. Then compare"
        " shared_buffers with the size of what is used often, and the volume's reads a second with"
        " its limit.",
        Trouble.storage,
    ),
    Meaning(
        "IO",
        ("DataFileWrite", "DataFileFlush", "DataFileSync"),
        "write pages themselves to make room in shared buffers",
        "The background writer and checkpoints do not keep up: raise bgwriter_lru_maxpages and"
        " shared_buffers, and let checkpoints last longer (max_wal_size).",
        Trouble.storage,
    ),
    Meaning(
        "IO",
        ("DataFileExtend",),
        "make a table or index larger",
        "Many sessions add rows to one table at once: write in batches with COPY, or spread the"
        " rows over partitions.",
        Trouble.storage,
    ),
    Meaning(
        "IO",
        ("BufFileRead", "BufFileWrite"),
        "read or write temporary files",
        "Sorts and hashes do not fit into work_mem: the finding temp_spill_live names the"
        " sessions. Raise work_mem for their role, or add an index that makes the sort needless.",
        Trouble.storage,
    ),
    Meaning(
        "IPC",
        ("SyncRep",),
        "wait for a synchronous standby to confirm their commit",
        "Commits take as long as the standby needs: look at its lag, network and volume. While it"
        " is gone they wait for ever; see the finding sync_standby_missing.",
        Trouble.elsewhere,
    ),
    Meaning(
        "LWLock",
        ("SyncRep",),
        "read or change the queue of commits that wait for a standby",
        "Very many commits wait for a synchronous standby: look at its lag, and group writes into"
        " fewer transactions.",
        Trouble.elsewhere,
    ),
    Meaning(
        "Lock",
        ("transactionid",),
        "wait for another transaction to end, usually because it changed the same row",
        "The finding lock_blocker_root names who holds the row, and how to end it.",
        Trouble.elsewhere,
    ),
    Meaning(
        "Lock",
        ("tuple",),
        "stand in line for a row that others wait for already",
        "Many sessions change the same row: see lock_blocker_root, and the row's contention.",
        Trouble.elsewhere,
    ),
    Meaning(
        "Lock",
        ("relation",),
        "wait for a lock on a whole table",
        "DDL, LOCK TABLE or a maintenance command holds or waits for it: see lock_queue_ddl and"
        " lock_blocker_root.",
        Trouble.elsewhere,
    ),
    Meaning(
        "Lock",
        ("extend",),
        "wait to make a table or index larger",
        "Many sessions add rows to one table at once: write in batches with COPY, or spread the"
        " rows over partitions.",
    ),
    Meaning(
        "Lock",
        (
            "advisory",
            "userlock",
            "virtualxid",
            "object",
            "page",
            "frozenid",
            "spectoken",
            "applytransaction",
        ),
        "wait for a lock that another session holds",
        "The finding lock_blocker_root names who holds it, and how to end it.",
        Trouble.elsewhere,
    ),
    Meaning(
        "Client",
        ("ClientRead",),
        "wait for their client to send more, as during COPY",
        "The client or the network is slow, not the server: send COPY data in larger pieces, or"
        " from a machine that is near.",
        Trouble.none,
    ),
    Meaning(
        "Client",
        ("ClientWrite",),
        "wait for their client to take the rows",
        "The client reads slowly, or asks for more rows than it needs: use LIMIT or a cursor.",
        Trouble.none,
    ),
    Meaning(
        "Timeout",
        ("PgSleep",),
        "sleep because they were told to",
        "pg_sleep in an application is a way to wait; LISTEN or a shorter transaction is better.",
        Trouble.none,
    ),
    Meaning(
        "Timeout",
        ("VacuumDelay", "VacuumTruncate"),
        "sleep between two pieces of a vacuum",
        "Vacuum works at the pace that vacuum_cost_delay and vacuum_cost_limit set.",
        Trouble.none,
    ),
    Meaning(
        "IPC",
        (
            "MessageQueueSend",
            "MessageQueueReceive",
            "ExecuteGather",
            "ParallelFinish",
            "HashBuildHashInner",
            "HashBuildHashOuter",
            "ParallelCreateIndexScan",
            "BgWorkerStartup",
            "BgWorkerShutdown",
            "ParallelBitmapScan",
            "BtreePage",
        ),
        "wait for other workers of the same parallel statement",
        "Common in parallel statements. If short statements show it, raise parallel_setup_cost or"
        " min_parallel_table_scan_size.",
        Trouble.none,
    ),
    Meaning(
        "IPC",
        ("CheckpointStart", "CheckpointDone"),
        "wait for a checkpoint that they have asked for",
        "Something asks for checkpoints: CREATE DATABASE, a backup, CHECKPOINT. Avoid them at busy"
        " times.",
        Trouble.none,
    ),
    Meaning(
        "IPC",
        ("SafeSnapshot",),
        "wait for a snapshot that is safe for SERIALIZABLE READ ONLY DEFERRABLE",
        "Long SERIALIZABLE transactions that write delay it: keep them short.",
        Trouble.none,
    ),
    Meaning(
        "Extension",
        ("Extension",),
        "wait inside an extension",
        "See the statements that wait, and the extension's own documentation.",
        Trouble.none,
    ),
)

OF_TYPE = {
    "LWLock": "wait for a structure in shared memory",
    "Lock": "wait for a lock that another session holds",
    "IO": "read or write files",
    "IPC": "wait for another process of the server",
    "Client": "wait for their client",
    "Timeout": "wait for a time to pass",
    "Extension": "wait inside an extension",
    "BufferPin": "wait until others no longer use a page",
    "InjectionPoint": "wait at a test point",
}
"""What sessions do at an event that has no row, by its type."""
MANUAL = "See the description of this event in the manual (pg_wait_events from 17)."
TROUBLES = {"LWLock": Trouble.contention}
"""What an event without a row says, by its type; others say nothing certain."""


def meaning(event: Event) -> Meaning:
    """Return the row of an event; one made of its type where it has none."""
    kind, name = event
    if known := _rows().get((kind, name.lower())):
        return known
    means = OF_TYPE.get(kind, f"wait for {kind}")
    return Meaning(kind, (name,), means, MANUAL, TROUBLES.get(kind, Trouble.none))


@cache
def _rows() -> dict[Event, Meaning]:
    return {(kind, name.lower()): row for kind, name, row in _named()}


def _named() -> Iterator[tuple[str, str, Meaning]]:
    for row in TABLE:
        for name in row.names:
            yield row.type, name, row
