"""One of the small caches of transaction states misses often: all sessions wait for its reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, Outcome, Severity, Unjudged
from alerts.cure import equals, literal, remark
from alerts.history.window import Delta, Window
from alerts.limits import FIXED, BaseLimits, Slack
from alerts.snapshot import Snapshot
from alerts.units import Duration, Share, duration_text, share_text
from alerts.wal.larger import MIB, larger
from collectors.settings import settings
from collectors.slru import slru

WINDOW = timedelta(minutes=10)
LOOKUPS = Window(slru, WINDOW, ("blks_hit", "blks_read"))


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = WINDOW
    """Window over which lookups are counted; at most ten minutes."""
    misses: Annotated[Share, Slack(0.8)] = 0.05
    """Share of lookups that had to read a block."""
    reads: Annotated[float, Slack(0.8)] = 100.0
    """Minimum number of reads a second; few of them cost nothing."""


REASONS = {
    "subtransaction": (
        "Long transactions with savepoints make all sessions look up subtransactions: see",
        "subtransaction_overflow. Shorten them, or use fewer savepoints (and EXCEPTION blocks).",
    ),
    "multixact_member": (
        "Many transactions share locks on the same rows, mostly for foreign keys: shorten them,",
        "and avoid SELECT FOR SHARE on rows that all of them need.",
    ),
    "multixact_offset": (
        "Many transactions share locks on the same rows, mostly for foreign keys: shorten them,",
        "and avoid SELECT FOR SHARE on rows that all of them need.",
    ),
    "transaction": (
        "Old rows are read whose transactions are spread widely: VACUUM the tables that are read",
        "most, so that their rows no longer need a lookup; end old transactions.",
    ),
    "notify": (
        "A listener is far behind the notifications: find the session that LISTENs but does not",
        "end its transaction.",
    ),
    "commit_timestamp": ("track_commit_timestamp is on, and old commits are looked up.", ""),
    "serializable": ("Long SERIALIZABLE transactions: use READ ONLY DEFERRABLE for reports.", ""),
}
SINCE = 170000
"""Since this version, each cache has a setting."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    deltas = snapshot.of(LOOKUPS).delta(limits.window)
    for row in snapshot.rows(slru):
        delta = deltas.get(slru.key_of(row))
        if delta is None:
            continue
        if _thrashes(delta, limits) and delta.full:
            yield evidence(snapshot, row.name, delta)
        elif not delta.full:
            yield Unjudged(
                "lookups have not been counted for long enough yet",
                subject=row.name,
                until=delta.until,
            )


def _thrashes(delta: Delta, limits: Limits) -> bool:
    read = delta.increase["blks_read"]
    return read >= limits.reads * delta.seconds and _missed(delta) >= limits.misses


def _missed(delta: Delta) -> float:
    read, hit = delta.increase["blks_read"], delta.increase["blks_hit"]
    return read / (read + hit) if read else 0.0


def evidence(snapshot: Snapshot, name: str, delta: Delta) -> Evidence:
    read, share = delta.increase["blks_read"], _missed(delta)
    return Evidence(
        subject=name,
        severity=Severity.warning,
        value=read / delta.seconds,
        message=(
            f"The cache {name} had to read {read / delta.seconds:,.0f} blocks a second over"
            f" {duration_text(round(delta.seconds))} ({share_text(share)} of its lookups); sessions"
            " wait for each other there."
        ),
        facts={
            "cache": name,
            "reads": read,
            "hits": delta.increase["blks_hit"],
            "misses_share": share,
            "within_seconds": delta.seconds,
        },
        cure=_cure(snapshot, name),
        check=f"SELECT * FROM pg_catalog.pg_stat_slru WHERE {equals('name', literal(name))};",
    )


def _cure(snapshot: Snapshot, name: str) -> tuple[str, ...]:
    advice = tuple(remark(line) for line in REASONS.get(name, ()) if line)
    if (snapshot.node.version or 0) < SINCE or name not in REASONS:
        return (*advice, remark("Since PostgreSQL 17 the size of this cache is a setting."))
    size = 32 if name in ("transaction", "subtransaction", "commit_timestamp") else 8
    return (
        *advice,
        remark("A larger cache helps as well:"),
        *larger(snapshot, f"{name}_buffers", size * MIB),
    )


finding = Finding(
    title="Cache of transaction states thrashes",
    severities=(Severity.warning,),
    reads=(slru,),
    consults=(settings,),
    history=(LOOKUPS,),
    limits=Limits(),
    judge=judge,
    unit="reads",
    because=("subtransaction_overflow",),
)
