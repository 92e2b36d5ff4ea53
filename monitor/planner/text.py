"""Text of a statement, as far as it must be known before the planner may see it."""

from dataclasses import dataclass

from alerts.plans.expressions import SIGNS, name_of
from alerts.query_tokens import Token, tokens
from alerts.statements.texts import KnownText

QUERIES = frozenset({"select", "with", "values", "table"})
CHANGES = frozenset({"insert", "update", "delete", "merge", "into", "share"})
"""Words of statements that write or lock rows; as names of columns they are rare."""
LONGEST = 63
"""Bytes of a name."""
CUT = "its text is cut off"
UNCLEAR = "its text can be read in two ways"
NO_QUERY = "it is no query"
WRITES = "it writes, or locks rows"


@dataclass(frozen=True, slots=True)
class Names:
    """Names of functions and types that a text may call."""

    words: tuple[str, ...]
    """All names in it;"""
    called: tuple[str, ...]
    """those before a parenthesis;"""
    signs: tuple[str, ...]
    """and runs of characters that operators are made of."""


def obstacle(text: KnownText) -> str | None:
    """Return why the planner is not asked about a statement; None where it may be."""
    if text.is_cut:
        return CUT
    found = [one for one in tokens(text.query) if one.kind not in ("space", "comment")]
    if any(map(_is_unclear, found)):
        return UNCLEAR
    words = [one.text.lower() for one in found if one.kind == "word"]
    if not words or words[0] not in QUERIES:
        return WRITES if CHANGES.intersection(words[:1]) else NO_QUERY
    if CHANGES & {*words}:
        return WRITES
    return None


def _is_unclear(one: Token) -> bool:
    """Whether the server may read it as something else: it cuts names, and knows escapes."""
    if one.kind in ("word", "name"):
        return len(one.text.encode(errors="replace")) > LONGEST or name_of(one) is None
    return one.kind == "doubt"


def names(query: str) -> Names:
    """Return the names and operators in a text that has no obstacle."""
    words, called, signs, run = list[str](), list[str](), list[str](), ""
    found = [one for one in tokens(query) if one.kind != "comment"]
    last = list[str]()
    for one in found:
        if one.kind == "sign" and one.text in SIGNS:
            run += one.text
            continue
        if run:
            signs.append(run)
            run = ""
        if one.kind == "space":
            continue
        if one.text == "(":
            called += last
        last = _spellings(one)
        words += last
    return Names(*(tuple(dict.fromkeys(these)) for these in (words, called, signs)))


def _spellings(one: Token) -> list[str]:
    """Return a name as the server may fold it: beyond ASCII that depends on its encoding."""
    if one.kind == "name" and (name := name_of(one)) is not None:
        return [name]
    if one.kind == "word":
        folded = "".join(letter.lower() if letter.isascii() else letter for letter in one.text)
        return list(dict.fromkeys((folded, one.text.lower())))
    return []
