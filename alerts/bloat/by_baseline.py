"""Bloat of a heap by its baseline, where that is more certain than its column statistics."""

from alerts.bloat.baseline import Baseline
from alerts.bloat.estimate import Basis, Confidence, HeapEstimate, NotEvaluated, Obstacle
from alerts.bloat.heap import Heap
from alerts.bloat.packing import LINE_POINTER, PAGE_HEADER

BLIND = (
    Obstacle.statistics_hidden,
    Obstacle.statistics_missing,
    Obstacle.changed_since_analyze,
)
"""Obstacles that don't matter where rows are compared with what they took before."""
ERROR = 0.03
"""Likely error of the pages that unchanged rows take, as a share of them."""
LONGER, SHORTER = 0.5, 1 / 3
"""Share by which changed rows may be longer, or shorter, than the others."""
DOUBT = 0.12
"""Share of the file that changed rows may need more than is likely, up to which it is sure."""


def by_baseline(
    heap: Heap, baseline: Baseline | None, found: HeapEstimate | NotEvaluated | None
) -> HeapEstimate | None:
    """Return the estimate by the baseline if it is to be believed rather than the one found."""
    if baseline is None or heap.relpages <= 0:
        return None
    learned = _estimate(heap, baseline)
    if found is None or isinstance(found, NotEvaluated):
        return learned if found is None or found.obstacle in BLIND else None
    if not baseline.is_rewrite:
        return None
    is_surer = learned.confidence is Confidence.high and found.confidence is Confidence.low
    # The file is as the rewrite left it, so there is no bloat that widths could prove. Space of
    # columns that were dropped since then is no part of the comparison.
    is_refuted = baseline.is_untouched and not found.has_dropped_columns
    return learned if is_surer or (is_refuted and learned.high < found.low) else None


def _estimate(heap: Heap, baseline: Baseline) -> HeapEstimate:
    need, changed = baseline.needed_share, baseline.changed_share
    share = max(0.0, 1.0 - need)
    # A file that has grown may have grown for the changed rows, however long they are.
    longest = max(need * changed * (1.0 + LONGER), baseline.grown_share)
    most = need * (1.0 - changed) * (1.0 + ERROR) + longest
    least = need * (1.0 - SHORTER * changed) * (1.0 - ERROR)
    fit = heap.reltuples / max(1.0, need * heap.relpages)
    row = (heap.block_size - PAGE_HEADER) / fit if fit else 0.0
    bloat = round(share * heap.relpages * heap.block_size)
    dead = None if heap.n_dead_tup is None else min(bloat, round(heap.n_dead_tup * row))
    return HeapEstimate(
        bloat_share=share,
        low=max(0.0, 1.0 - most),
        high=max(0.0, 1.0 - least) if baseline.is_rewrite else 1.0,
        bloat_bytes=bloat,
        dead_bytes=dead,
        free_bytes=None if dead is None else bloat - dead,
        tuple_bytes=max(0.0, row - LINE_POINTER),
        rows_per_page=fit,
        confidence=Confidence.high if most - need <= DOUBT else Confidence.low,
        is_outdated=False,
        has_dropped_columns=any(column.attisdropped for column in heap.columns),
        basis=Basis.rewrite if baseline.is_rewrite else Basis.best,
    )
