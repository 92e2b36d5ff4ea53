"""Answers of functions that only some roles may call: a missing right is a row, and no error.

The right to call a function is checked before a query runs, wherever in it the call stands. ts_stat
runs a query that is given as text, so that it can be left out. Each of its rows is one JSON text of
up to two kilobytes.
"""

NOTHING = "select ''''::tsvector"
QUERY = "select array_to_tsvector(array[({row})::text]) from {function}"
ENTRIES = """
        (select has_function_privilege('{function}', 'execute') as may_read) right_to
        left join lateral (
            select word::json as of
            from ts_stat(case when right_to.may_read then '{query}' else '{nothing}' end)
        ) entry on true
    """


def permitted(function: str, row: str) -> str:
    """Return SQL for `may_read`, and for the rows of a function as JSON in `entry.of`.

    `row` is an expression of JSON on the function's columns, with doubled single quotes. Where
    nothing may be read, or there is none, the entry is NULL.
    """
    query = QUERY.replace("{row}", row).replace("{function}", function)
    entries = ENTRIES.replace("{query}", query).replace("{nothing}", NOTHING)
    return entries.replace("{function}", function)
