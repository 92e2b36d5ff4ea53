"""Logical decoding writes large transactions to disk, because they don't fit into its memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import equals, literal, remark
from alerts.history.window import Delta, Window
from alerts.limits import FIXED, BaseLimits
from alerts.plural import plural
from alerts.snapshot import Snapshot
from alerts.units import Bytes, Duration, bytes_text, duration_text
from alerts.wal.larger import MIB, larger
from collectors.settings import settings
from collectors.slot_statistics import slot_statistics

WINDOW = timedelta(hours=1)
SPILLED = Window(slot_statistics, WINDOW, ("spill_bytes", "spill_txns", "total_txns"))


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    window: Annotated[Duration, FIXED] = WINDOW
    """Window over which is summed; at most an hour."""
    spilled: Bytes = 1024**3
    """Bytes written to disk within the window."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    for key, delta in snapshot.of(SPILLED).delta(limits.window).items():
        name = str(key[0])
        if delta.increase["spill_bytes"] >= limits.spilled:
            yield evidence(snapshot, name, delta)
        elif not delta.full:
            yield Unjudged(
                "spilled bytes have not been summed for long enough yet",
                subject=name,
                until=delta.until,
            )


def evidence(snapshot: Snapshot, name: str, delta: Delta) -> Evidence:
    spilled, count = delta.increase["spill_bytes"], delta.increase["spill_txns"]
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=spilled,
        message=(
            f"Decoding for the slot {name} wrote {bytes_text(spilled)} to disk in"
            f" {duration_text(round(delta.seconds))}, for"
            f" {plural(round(count), 'transaction')} that did not fit into"
            " logical_decoding_work_mem."
        ),
        facts={
            "spilled_bytes": spilled,
            "spilled_transactions": count,
            "transactions": delta.increase["total_txns"],
            "within_seconds": delta.seconds,
        },
        cure=(
            remark("Each WAL sender of a logical slot may use that much memory:"),
            *larger(snapshot, "logical_decoding_work_mem", 256 * MIB),
            remark("Or send large transactions before they end (streaming = on, or parallel since"),
            remark("16, of the subscription), or change rows in smaller transactions."),
        ),
        check=(
            "SELECT slot_name, spill_txns, spill_bytes, total_txns FROM"
            f" pg_catalog.pg_stat_replication_slots WHERE {equals('slot_name', literal(name))};"
        ),
    )


finding = Finding(
    title="Logical decoding spills to disk",
    severities=(Severity.info,),
    reads=(slot_statistics,),
    consults=(settings,),
    history=(SPILLED,),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
    unit="bytes",
)
