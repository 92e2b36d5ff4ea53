"""PgBouncer."""

from grafana.boards._base import Board, Rows


def rows() -> Rows:
    from grafana.pooler_panels import load_panels, pool_panels, pooler_findings

    return {
        "Findings": pooler_findings,
        "Pools": pool_panels,
        "Load": load_panels,
    }


board = Board(
    title="Pooler",
    about="PgBouncer: clients that wait, use of pools, transactions and their time.",
    place=45,
    rows=rows,
    of_poolers=True,
)
