"""Guide page: its end lists the findings of its chapters that no practice above names."""

from alerts._catalogue import all_findings
from monitor.generate.marked import by_hand

GUIDE = "docs/guide.md"
GENERATED_END = "<!-- Generated from here on by `make render`. -->\n"
CHAPTERS = ("schema", "migrations", "partitions", "indexes", "settings")
TABLE = """
## Judged beside the guide

| Finding | What for |
|---|---|
"""


def with_others(text: str) -> str:
    """Return the page with its generated end renewed. Raises MarkerMissing."""
    written = by_hand(text, GENERATED_END, GUIDE)
    rows = [
        f"| `{name}` | {finding.why} |\n"
        for name, finding in sorted(all_findings().items())
        if finding.chapter in CHAPTERS and f"`{name}`" not in written
    ]
    return written + TABLE + "".join(rows) if rows else written
