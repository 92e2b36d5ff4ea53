"""Evidence on an index whose work another one does as well."""

from collections.abc import Mapping

from alerts._base import Evidence, Severity
from alerts.cure import identifier, remark
from alerts.findings.indexes._drop import dropped, place, shown
from collectors.index_layout import IndexLayout


def spare_index(
    spare: IndexLayout, kept: IndexLayout, message: str, facts: Mapping[str, str | int], keep: str
) -> Evidence:
    """Return the evidence with the cure that drops it; `keep` says which one stays, and why."""
    name = identifier(spare.schemaname, spare.indexrelname)
    return Evidence(
        subject=name,
        severity=Severity.info,
        value=spare.size_bytes,
        message=message,
        facts={
            "table": identifier(spare.schemaname, spare.relname),
            **facts,
            "size_bytes": spare.size_bytes,
            "scans": spare.idx_scan,
            "scans_of_other": kept.idx_scan,
        },
        cure=(
            place(spare.datname),
            remark(keep),
            *dropped(spare.schemaname, spare.indexrelname),
        ),
        check=shown(spare.schemaname, spare.indexrelname),
        object=name,
        database=spare.datname,
    )
