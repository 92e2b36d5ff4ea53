"""Conditions of a filter that must all hold: which columns they compare, and how."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from alerts.query_tokens import Token, name_of


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NO_FUNCTIONS = _words("""
    in any all some exists values and or not on using between like ilike is as where when then else
    case row array
""")
"""Words before a parenthesis that call nothing."""
NO_COLUMNS = _words("""
    from for in null true false interval both leading trailing
    current_date current_timestamp localtimestamp
""")
COMPARES = _words("= < > like ilike in between")
PATTERNS = _words("like ilike")
NEGATED = PATTERNS | _words("in between similar")
"""Words after a NOT that belongs to their comparison."""
TEXTS = _words("text varchar")
WORDS_OF_TYPES = {
    ("double", "precision"): "float8",
    ("character", "varying"): "varchar",
    ("char", "varying"): "varchar",
    ("bit", "varying"): "varbit",
}
"""Types whose names are two words, as the server calls them."""
TIMES = _words("timestamp time")
TIME_ZONES = {("with", "time", "zone"): "tz", ("without", "time", "zone"): ""}
"""What may follow such a type, and what the server appends to its name."""
AT_TIME_ZONE = ("at", "time", "zone")
DEEPEST = 20
"""Parentheses around conditions that are opened."""
LONGEST = 200
"""Tokens of a call."""
VALUES = frozenset({"param", "string", "number", "dollar"})


class Wrapped(NamedTuple):
    """A column that is compared inside of a function or after a cast, so no plain index helps."""

    function: str
    """Or the type of the cast."""
    column: str
    is_cast: bool
    alone: bool
    """Whether the column is its only argument."""
    is_pattern: bool = False
    """Whether it is compared with a pattern."""
    qualifier: str | None = None
    """The table or alias before the column."""


def conditions(
    words: Sequence[str], first: int, last: int, level: int = 0
) -> Iterator[tuple[int, int]]:
    """Yield where each condition begins and ends that must hold; none that has alternatives."""
    parts = list[tuple[int, int]]()
    depth, start = 0, first
    for at in range(first, last):
        depth += (words[at] in ("(", "[")) - (words[at] in (")", "]"))
        if depth == 0 and words[at] in ("or", "case"):
            return
        if depth == 0 and words[at] == "and":
            parts.append((start, at))
            start = at + 1
    for begin, end in (*parts, (start, last)):
        if begin < end and words[begin] == "(" and _closing(words, begin, end) == end - 1:
            if level < DEEPEST:
                yield from conditions(words, begin + 1, end - 1, level + 1)
        elif not _has_alternatives(words[begin:end]):
            yield begin, end


def _has_alternatives(words: Sequence[str]) -> bool:
    """Whether it contains OR, CASE or a NOT; `is not` and `not in` are comparisons."""
    return any(
        word in ("or", "case")
        or (
            word == "not"
            and words[at - 1 : at] != ["is"]
            and NEGATED.isdisjoint(words[at + 1 : at + 2])
        )
        for at, word in enumerate(words)
    )


def equal_columns(items: Sequence[Token], words: Sequence[str]) -> Iterator[str]:
    """Yield the columns that are compared with a value by `=`."""
    types = _places_of_types(items, words)
    for at in range(1, len(items) - 1):
        name = None if at - 1 in types else name_of(items[at - 1])
        is_value = items[at + 1].kind in VALUES
        is_column = name is not None and words[at - 1] not in NO_COLUMNS
        is_whole = at + 2 >= len(items) or words[at + 2] in ("and", "", ")", ":")
        if words[at] == "=" and is_column and is_value and is_whole and name is not None:
            if at >= 2 and words[at - 2] in ("<", ">", "=", ":", "+", "-", "*", "/"):
                continue
            yield name


def wrapped_columns(items: Sequence[Token], words: Sequence[str]) -> Iterator[Wrapped]:
    """Yield the columns that are compared inside of a function or after a cast."""
    for at in range(1, len(items)):
        if words[at] == "(" and items[at - 1].kind == "word":
            found = _in_function(items, words, at)
        elif words[at - 1] == words[at] == ":" and at >= 2 and at + 2 < len(items):
            found = _after_cast(items, words, at)
        else:
            continue
        if found is not None:
            yield found


def _in_function(items: Sequence[Token], words: Sequence[str], at: int) -> Wrapped | None:
    """Return the one column inside the parentheses that open there, if the result is compared."""
    end, function = _closing(words, at, at + LONGEST), words[at - 1]
    if end is None or function in NO_FUNCTIONS or not _is_compared(items, words, at - 1, end):
        return None
    is_pattern = words[end + 1 : end + 2] != [] and words[end + 1] in PATTERNS
    first, last, is_cast = at + 1, end, False
    if function == "extract":
        first += 1
    elif function == "cast" and "as" in words[at:end]:
        last = words.index("as", at, end)
        function, is_cast = _type_at(items, words, last + 1)[0], True
        if is_pattern and function in TEXTS:
            return None
    columns = _columns(items[first:last], words[first:last])
    if len(columns) != 1:
        return None
    [(qualifier, column)] = columns
    alone = is_cast or _is_path(words, at, end)
    return Wrapped(function, column, is_cast, alone, is_pattern, qualifier)


def _after_cast(items: Sequence[Token], words: Sequence[str], at: int) -> Wrapped | None:
    """Return the column before the `::` that ends there; a pattern compares text in any case."""
    name_of_type, after = _type_at(items, words, at + 1)
    is_pattern = words[after : after + 1] != [] and words[after] in PATTERNS
    is_type = name_of_type != "" and _compares(words, after)
    if not is_type or (is_pattern and name_of_type in TEXTS):
        return None
    before = at - 2
    if words[before] == ")":
        start = _opening(words, before)
        if start is None or (start and items[start - 1].kind == "word"):
            return None
        columns = _columns(items[start:before], words[start:before])
    else:
        first = before - 2 if before >= 2 and words[before - 1] == "." else before
        columns = _columns(items[first : before + 1], words[first : before + 1])
    if len(columns) != 1:
        return None
    [(qualifier, name)] = columns
    return Wrapped(name_of_type, name, True, True, is_pattern, qualifier)


def _type_at(items: Sequence[Token], words: Sequence[str], at: int) -> tuple[str, int]:
    """Return the type whose name begins there, and where it ends; an empty name for none."""
    if at >= len(items) or items[at].kind != "word":
        return "", at
    name, at = words[at], at + 1
    if words[at : at + 1] == ["."]:
        name, at = (words[at + 1] if at + 1 < len(words) else ""), at + 2
    second = (name, *words[at : at + 1])
    if second in WORDS_OF_TYPES:
        name, at = WORDS_OF_TYPES[second], at + 1
    if words[at : at + 1] == ["("]:
        at = (_closing(words, at, at + LONGEST) or at) + 1
    if name in TIMES and tuple(words[at : at + 3]) in TIME_ZONES:
        name, at = name + TIME_ZONES[words[at], "time", "zone"], at + 3
    return name, at


def _places_of_types(items: Sequence[Token], words: Sequence[str]) -> frozenset[int]:
    """Return where the words of types stand that follow `::`."""
    starts = (at + 1 for at in range(1, len(words)) if words[at - 1] == words[at] == ":")
    return frozenset(
        place for start in starts for place in range(start, _type_at(items, words, start)[1])
    )


def _is_path(words: Sequence[str], start: int, end: int) -> bool:
    """Whether parentheses contain one column as text and nothing else, perhaps with its table."""
    if words[end - 3 : end - 1] == [":", ":"] and words[end - 1] in TEXTS:
        end -= 3
    return end - start == 2 or (end - start == 4 and words[start + 2] == ".")


def _closing(words: Sequence[str], at: int, end: int) -> int | None:
    """Return where the parenthesis that opens there is closed."""
    depth = 0
    for place in range(at, min(end, len(words))):
        depth += (words[place] == "(") - (words[place] == ")")
        if depth == 0:
            return place
    return None


def _opening(words: Sequence[str], at: int) -> int | None:
    """Return where the parenthesis that is closed there was opened."""
    depth = 0
    for place in range(at, max(-1, at - LONGEST), -1):
        depth += (words[place] == ")") - (words[place] == "(")
        if depth == 0:
            return place
    return None


def _is_compared(items: Sequence[Token], words: Sequence[str], function: int, end: int) -> bool:
    """Whether a call is compared with what follows, or with the value before it."""
    if _compares(words, end + 1):
        return True
    first = function
    while first >= 2 and words[first - 1] == ".":
        first -= 2
    is_last = end + 1 == len(words)
    return is_last and first >= 2 and words[first - 1] in "=<>" and items[first - 2].kind in VALUES


def _compares(words: Sequence[str], at: int) -> bool:
    """Whether a comparison begins there that an index could serve, so not `<>`."""
    return at < len(words) and words[at] in COMPARES and words[at : at + 2] != ["<", ">"]


def _columns(items: Sequence[Token], words: Sequence[str]) -> list[tuple[str | None, str]]:
    """Return the columns that are named, each with what stands before it, without functions."""
    found = list[tuple[str | None, str]]()
    types = _places_of_types(items, words)
    zone = 0
    for at, item in enumerate(items):
        name = name_of(item)
        if tuple(words[at : at + 3]) == AT_TIME_ZONE:
            zone = at + 3
        follows = words[at + 1] if at + 1 < len(words) else ""
        is_other = at < zone or at in types or follows in (".", "(") or words[at] in NO_COLUMNS
        if name is not None and not is_other:
            is_qualified = at >= 2 and words[at - 1] == "."
            found.append((name_of(items[at - 2]) if is_qualified else None, name))
    return found
