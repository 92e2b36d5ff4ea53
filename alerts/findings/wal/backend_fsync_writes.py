"""Sessions write and sync data files themselves, which background processes should do for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity, Unjudged
from alerts.cure import remark
from alerts.history.window import Window
from alerts.limits import BaseLimits, Slack
from alerts.setting_owner import change
from alerts.snapshot import Snapshot
from alerts.units import Share, duration_text, share_text
from alerts.wal.checkpoints import HOUR
from alerts.wal.larger import known_number
from collectors._base import Role
from collectors.bgwriter import bgwriter
from collectors.settings import settings
from collectors.stat_io import stat_io

SYNCS = Window(bgwriter, HOUR, ("buffers_backend_fsync", "maxwritten_clean"))
WRITES = Window(stat_io, HOUR, ("writes",))
SESSION = "client backend"
WRITERS = (SESSION, "background writer", "checkpointer")
DIRECT_SYNCS = 170000
"""Since this version, syncs of files that were just made are counted too."""

PAGES, DELAY = 1000, 0.05
"""Pages of a round of the background writer, and seconds between two, of which it does much."""


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    syncs: int = 10
    """Files that sessions had to sync within an hour, because the checkpointer's queue was full."""
    syncs_since_17: int = 5000
    """The same since 17, where the sync of a new index or table is counted with them."""
    writes: Annotated[Share, Slack(0.8)] = 0.5
    """Share of pages that sessions had to write before they could use a buffer."""
    least: int = 360_000
    """Minimum number of pages that sessions wrote within an hour: 100 a second."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    counted = snapshot.of(SYNCS).delta(HOUR).get(())
    if counted is None:
        yield Unjudged("syncs are not counted")
        return
    syncs = counted.increase["buffers_backend_fsync"]
    direct = (snapshot.node.version or 0) >= DIRECT_SYNCS
    if syncs >= (limits.syncs_since_17 if direct else limits.syncs):
        yield by_syncs(snapshot, syncs, counted.seconds)
    elif not counted.full:
        yield Unjudged("syncs have not been counted for long enough yet", until=counted.until)
    own, total = _written(snapshot)
    if own and own >= limits.least and own / total >= limits.writes:
        yield by_writes(snapshot, own, own / total, counted.increase["maxwritten_clean"])


def _written(snapshot: Snapshot) -> tuple[float, float]:
    """Return the pages that sessions wrote in place of the background, and those of all.

    Loads and vacuums write their own pages on purpose, in other contexts.
    """
    if not snapshot.has(stat_io):
        return 0.0, 0.0
    written = {
        key[0]: delta.increase["writes"]
        for key, delta in snapshot.of(WRITES).delta(HOUR).items()
        if key[0] in WRITERS and key[1:] == ("relation", "normal")
    }
    return written.get(SESSION, 0.0), sum(written.values())


def by_syncs(snapshot: Snapshot, syncs: float, seconds: float) -> Evidence:
    return Evidence(
        subject="syncs",
        severity=Severity.warning,
        value=syncs,
        message=(
            f"Sessions had to sync {syncs:,.0f} files themselves in"
            f" {duration_text(round(seconds))}: the checkpointer could not keep up with what it"
            " was told to sync, and each such statement waited for the disk."
        ),
        facts={"syncs": syncs, "within_seconds": seconds},
        cure=(
            remark("The checkpointer's queue has one entry for each shared buffer: increase it"),
            remark("with shared_buffers, or find out why the checkpointer is slow (see"),
            remark("checkpoint_overdue and checkpoint_sync_slow)."),
            *change(snapshot, "shared_buffers", "…"),
        ),
        check="SELECT * FROM pg_catalog.pg_stat_bgwriter;",
    )


def by_writes(snapshot: Snapshot, own: float, share: float, stopped: float) -> Evidence:
    why = f" It stopped {stopped:,.0f} times at bgwriter_lru_maxpages." if stopped else ""
    return Evidence(
        subject="writes",
        severity=Severity.info,
        value=own,
        message=(
            f"Sessions wrote {own:,.0f} pages in an hour themselves ({share_text(share)} of all)"
            f" to have a free buffer; the background writer should do that for them.{why}"
        ),
        facts={"pages_by_sessions": own, "share": share, "bgwriter_stops": stopped},
        cure=(
            *_busier(snapshot),
            remark("If that does not help, the working set is larger than shared_buffers."),
        ),
        check=(
            "SELECT backend_type, context, writes, fsyncs FROM pg_catalog.pg_stat_io"
            " WHERE writes OPERATOR(pg_catalog.>) 0 ORDER BY writes DESC;"
        ),
    )


def _busier(snapshot: Snapshot) -> Iterator[str]:
    """Yield how the background writer does more, unless it is told to already."""
    pages, delay = (
        known_number(snapshot, name) for name in ("bgwriter_lru_maxpages", "bgwriter_delay")
    )
    if pages is None or pages < PAGES:
        yield from change(snapshot, "bgwriter_lru_maxpages", str(PAGES))
    if delay is None or delay > DELAY:
        yield from change(snapshot, "bgwriter_delay", f"'{DELAY * 1000:.0f}ms'")


finding = Finding(
    title="Sessions do the writes of background processes",
    severities=(Severity.info, Severity.warning),
    reads=(bgwriter,),
    consults=(stat_io, settings),
    history=(SYNCS, WRITES),
    limits=Limits(),
    judge=judge,
    kind=FindingKind.review,
    on=Role.primary,
)
