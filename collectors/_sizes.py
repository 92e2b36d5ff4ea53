"""Sizes: how much of a text, a row, an answer or a message we take from a server.

Whatever is longer is cut where a part is still of use, and is otherwise unknown.
"""

QUERY_BYTES = 16_384
"""Of the text of a query."""
STATEMENT_BYTES = 4_096
"""Of the normalised text of a statement."""
COMMENT_BYTES = 4_096
"""Of a comment on a relation."""
VALUE_BYTES = 4_096
"""Of the value of a setting."""
MESSAGE_BYTES = 8_192
"""Of an error or a notice; what follows its SQLSTATE and its first words is left out."""
ROW_BYTES = 2 << 20
"""Of a row."""
ANSWER_BYTES = 64 << 20
"""Of all rows of one query."""
ANSWER_ROWS = 200_000
"""Rows of one query."""

SENT = "substring(textsend("


def left(expression: str, octets: int) -> str:
    """Return SQL for the first bytes of a text; they arrive as bytes, and are decoded by us.

    `left()` counts characters, and fails on a text that is not in the encoding of the database.
    """
    return f"{SENT}{expression}) from 1 for {octets})"
