"""Reviews as Markdown for a ticket: a box to tick for each point."""

from monitor.reports.baseline import Compared
from monitor.reports.markdown import block, code, prose
from monitor.reports.review import (
    SUBJECTS,
    YOUNG,
    by_cure,
    gone_name,
    grouped,
    heading,
    headline,
    shown,
    unknown_reasons,
    worth,
    young_ones,
)
from monitor.views import wording
from monitor.views.overview import Overview


def as_markdown(overview: Overview, against: Compared | None = None) -> str:
    """Return the list for a ticket: a box to tick for each subject."""
    [*down, first] = headline(overview, against)
    lines = [f"# pgvigil review: {first}", "", f"As of {wording.clock(overview.at)}."]
    lines += [prose(line) for line in down]
    for number, (head, together) in enumerate(grouped(shown(overview, against)), 1):
        lines += ["", f"## {number}. {prose(heading(head))}", "", f"{worth(head)}."]
        for cure, same in by_cure(together[:SUBJECTS]):
            lines += ["", *(f"- [ ] {prose(point.evidence.message)}" for point in same)]
            lines += ["", block(cure)] if cure else []
        if len(together) > SUBJECTS:
            lines += ["", f"And {len(together) - SUBJECTS} more."]
    if against is not None and against.gone:
        lines += [
            "",
            "## No longer found",
            "",
            *(f"- {code(gone_name(one))}" for one in against.gone),
        ]
    if young := [*young_ones(overview)]:
        lines += ["", "## May be young", "", YOUNG, "", *(f"- {prose(line)}" for line in young)]
    if unknown := [*unknown_reasons(overview)]:
        lines += ["", "## Not judged", "", *(f"- {prose(line)}" for line in unknown)]
    return "\n".join(lines) + "\n"
