"""Signal: statements that say in which order they lock their rows, ORDER BY … FOR UPDATE.

Reason: such a statement locks the smaller key first, whatever it was seen to do. So where the key
of a table may be read, one step from a greater key to a smaller one by another statement that
conflicts with it contradicts it.

Known limits: an ORDER BY inside of a function or procedure is not seen, nor that of a subquery.
Only the first column counts, and only upwards. Whether both statements want the same two rows is
not known; they have waited for each other's rows.
"""

from functools import lru_cache

from alerts.query_tokens import tokens

SKIPS = {"skip", "nowait"}


@lru_cache(maxsize=1024)
def sorted_by(statement: str | None) -> str | None:
    """Return the column by which it locks its rows in ascending order; None where it does not."""
    meant = [one for one in tokens(statement or "") if one.kind not in ("space", "comment")]
    words = [text.lower() for _, text in meant]
    if words[:1] != ["select"] or words.count("order") != 1 or words.count("select") != 1:
        return None
    start = words.index("order") + 2
    ends = [n for n, word in enumerate(words) if n >= start and word in ("for", ",", "limit")]
    if not ends or "for" not in words[ends[0] :] or not SKIPS.isdisjoint(words):
        return None
    after = words[len(words) - words[::-1].index("for") :]
    by = words[start : ends[0]]
    if by[-1:] == ["asc"]:
        by.pop()
    is_for_update = after[:1] == ["update"] or after[:3] == ["no", "key", "update"]
    column = meant[start + len(by) - 1].text if len(by) in (1, 3) else ""
    if not is_for_update or (len(by) == 3 and by[1] != "."):
        return None
    return column[1:-1].replace('""', '"') if column.startswith('"') else column.lower() or None
