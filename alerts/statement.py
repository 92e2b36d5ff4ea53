"""Statements as they may be shown: without anybody's values in them."""

import re

# Comments may carry values too; what follows an unclosed quote (texts are cut) is dropped.
# Whether \' ends a plain string depends on a setting, and where a comment in a comment ends is
# beyond a regular expression: there everything that follows is dropped, rather than shown.
TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* | /\*(?:(?!/\*).)*?\*/ | /\*.*\Z )
    | (?P<name>    "(?:[^"]|"")*(?:"|\Z) )
    | (?P<string>  \b[eE]'(?:[^'\\]|''|\\.)*(?:'|\\?\Z)
                   | (?:\b[bBxXnN]|\b[uU]&)?'(?:[^'\\]|''|\\[^'])*(?:'|\\'.*\Z|\\?\Z) )
    | (?P<dollar>  \$(?P<tag>[A-Za-z_\x80-\uffff][\w]*|)\$.*?(?:\$(?P=tag)\$|\Z) )
    | (?P<param>   \$\d+ )
    | (?P<word>    [A-Za-z_\x80-\uffff][\w$]* )
    | (?P<number>  \d[\w.]*(?:(?<=[eE])[+-]\d+)? | \.\d[\w]* )
    | (?P<rest>    . )
    """,
    re.VERBOSE | re.DOTALL,
)
KEPT = {"name", "param", "word", "rest"}
VALUES = {"string", "number", "dollar"}
LENGTH = 500


def normalised(statement: str | None, length: int | None = LENGTH) -> str | None:
    """The statement with `?` for every value, on one line, cut to a length fit to be shown."""
    if statement is None:
        return None
    parts = (
        match[0] if match.lastgroup in KEPT else "" if match.lastgroup == "comment" else "?"
        for match in TOKEN.finditer(statement[:20_000])
    )
    line = " ".join("".join(parts).split())
    return line if length is None or len(line) <= length else line[: length - 1] + "…"


def value_rises(one: str | None, other: str | None) -> bool | None:
    """Of statements that differ in one value of their WHERE: whether the other's is greater.

    What they set may differ too: an amount is no key.
    """
    if one is None or other is None or normalised(one, None) != normalised(other, None):
        return None
    pairs = zip(_values_of_where(one), _values_of_where(other), strict=True)
    differing = [pair for pair in pairs if pair[0] != pair[1]]
    if len(differing) != 1:
        return None
    first, second = differing[0]
    if first.isdigit() and second.isdigit():
        return int(second) > int(first)
    both_quoted = first.startswith("'") and second.startswith("'")
    return second > first if both_quoted else None


def _values_of_where(statement: str) -> list[str]:
    tokens = [(m.lastgroup, m[0]) for m in TOKEN.finditer(statement[:20_000])]
    words = (number for number, (_, text) in enumerate(tokens) if text.lower() == "where")
    return [text for kind, text in tokens[next(words, len(tokens)) :] if kind in VALUES]
