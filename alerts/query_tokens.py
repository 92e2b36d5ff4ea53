"""Tokens of a statement, as the lexers of PostgreSQL 14 to 18 and both string settings read it.

A text may end anywhere (the server cuts it after `track_activity_query_size` bytes) and need not
be valid: pg_stat_activity shows what was sent. So the tokens end where the versions or
`standard_conforming_strings` disagree about what follows, or where PostgreSQL reports an error.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

LETTER = r"A-Za-z_\x80-\U0010ffff"
"""The first character of a name. PostgreSQL takes every byte above 127 for a letter."""
DIGITS = r"[0-9](?:_?[0-9])*+"
TOKEN = re.compile(
    rf"""
      (?P<space>   [ \t\n\r\f\v]++ )
    | (?P<comment> --[^\n\r]*+ )
    | (?P<opening> /\* )
    | (?P<string>  [bBxX]'[^']*+' | [eE]'(?:[^'\\]++|''|\\.)*+'
                   # Whether \' ends a plain string depends on a setting: such a string is none.
                   | (?:[uU]&)?'(?:[^'\\]++|''|\\[^'])*+' )
    | (?P<name>    (?:[uU]&)?"(?:[^"]++|"")*+" )
    | (?P<word>    [{LETTER}][{LETTER}0-9$]*+ )
    # Followed by a letter, older versions read a number and an alias, newer ones an error.
    | (?P<number>  (?: 0[xX](?:_?[0-9A-Fa-f])++ | 0[oO](?:_?[0-7])++ | 0[bB](?:_?[01])++
                   | (?:{DIGITS}(?:\.(?:{DIGITS})?+)?+|\.{DIGITS})(?:[eE][+-]?{DIGITS})?+ )
                   (?![{LETTER}0-9$]) )
    | (?P<param>   \$[0-9]{{1,5}}+(?![{LETTER}0-9]) )
    | (?P<dollar>  \$(?:[{LETTER}][{LETTER}0-9]*+)?+\$ )
    | (?P<sign>    [-+*/<>=~!@\#%^&|`?.,;:()\[\]] )
    """,
    re.VERBOSE | re.DOTALL,
)
GLUED = re.compile(rf"[{LETTER}0-9$\"'][{LETTER}0-9$]*+")
"""What follows a string without a space between."""
MAY_FOLLOW = re.compile(
    r"""
      and | as | asc | at | between | collate | desc | else | end | escape | except | for | from
    | group | having | i?like | in | intersect | is | limit | not | offset | on | or | order | over
    | returning | similar | then | union | using | when | where | with | within
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Words that do so in statements as people write them."""
ENDS_OF_COMMENTS = re.compile(r"/\*|\*/")
LONGEST = 20_000
"""Characters that are read; the rest counts as cut off."""
REPLACED = "\ufffd"
"""Stands for a byte that could not be decoded: two of them need not be the same."""
VALUES = frozenset({"string", "dollar", "number"})


class Token(NamedTuple):
    kind: str
    """Name of its group above; `doubt` is the last one, if the text goes on."""
    text: str


def tokens(statement: str) -> Iterator[Token]:
    """Yield the tokens up to the first doubt, in linear time."""
    text, at = statement[:LONGEST], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        end = _end(text, match) if match else None
        if match is None or end is None:
            yield Token("doubt", "")
            return
        kind = "comment" if match.lastgroup == "opening" else str(match.lastgroup)
        yield Token(kind, text[at:end])
        if kind in ("string", "dollar") and _is_within(text, end):
            yield Token("doubt", "")
            return
        at = end
    if len(statement) > LONGEST:
        yield Token("doubt", "")


def word_of(item: Token) -> str:
    """Return a word or a sign in small letters; empty for another token."""
    return item.text.lower() if item.kind in ("word", "sign") else ""


def name_of(item: Token) -> str | None:
    """Return the name that a token stands for, folded as PostgreSQL folds it."""
    if item.kind == "word":
        return item.text.lower()
    if item.kind == "name" and item.text.startswith('"'):
        return item.text[1:-1].replace('""', '"')
    return None


def _end(text: str, match: re.Match[str]) -> int | None:
    """Return where the token ends; None if its end was cut off or is not certain."""
    if match.lastgroup == "opening":
        return _end_of_comment(text, match.end())
    if match.lastgroup == "dollar":
        tag = match[0]
        found = -1 if REPLACED in tag else text.find(tag, match.end())
        return None if found < 0 else found + len(tag)
    return match.end()


def _is_within(text: str, end: int) -> bool:
    """Return whether the end of a string may be a quote within it, as in `'O'Brien'`."""
    glued = GLUED.match(text, end)
    return glued is not None and not MAY_FOLLOW.fullmatch(glued[0])


def _end_of_comment(text: str, start: int) -> int | None:
    depth = 1
    for mark in ENDS_OF_COMMENTS.finditer(text, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return None
