"""Page of locks: current lock waits, recent deadlocks and deadlock risks."""

from alerts.findings.locks import lock_blocker_root
from monitor.views.lock_tree import Branch
from monitor.views.overview import Overview, ServerView
from monitor.web.templating import TEMPLATES, anchor

BLOCKER = lock_blocker_root.finding


def locks_page(overview: Overview, server: str | None = None) -> str:
    return TEMPLATES.get_template("locks.html").render(
        overview=overview,
        server=server,
        blocker=BLOCKER,
        evidence=evidence_address,
        now=overview.at,
    )


def evidence_address(view: ServerView, root: Branch) -> str:
    """Return the address of the evidence of a root; of the finding, while it is not yet ill."""
    page, verdict = f"/findings/{BLOCKER.name}", view.verdicts.get(BLOCKER.name)
    for subject in verdict.subjects if verdict else ():
        if subject.evidence.key == root.key:
            return f"{page}#{anchor(view.name, BLOCKER.name, *subject.evidence.identity)}"
    return page
