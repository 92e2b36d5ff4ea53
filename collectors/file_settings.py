"""pg_file_settings: lines of the configuration files that the server can't use."""

from dataclasses import dataclass

from collectors._base import Collector, Lane
from collectors._permitted import permitted

# The values may have passwords in them, so they are not read, and the right to call this function
# is not asked for.
ROW = """json_build_object(
                ''file'', sourcefile,
                ''line'', sourceline,
                ''name'', name,
                ''error'', left(error, 300)
            )"""
QUERY = """
    select
        right_to.may_read                           as may_read,
        entry.of ->> 'file'                         as file,
        (entry.of ->> 'line')::int4                 as line,
        entry.of ->> 'name'                         as name,
        entry.of ->> 'error'                        as error
    from {rows}
    where entry.of is null or entry.of ->> 'error' is not null
    limit 100
"""


@dataclass(frozen=True, slots=True)
class FileSetting:
    may_read: bool
    """Whether we may call the function; where not, this is the only row, and nothing is known."""
    file: str | None
    """None, as all below, where no line has an error."""
    line: int | None
    name: str | None
    """None where the line can't be read at all."""
    error: str | None
    """In the language of the server; `could not be applied` waits for a restart."""


file_settings = Collector(
    row=FileSetting,
    lane=Lane.slow,
    sql={140000: QUERY.replace("{rows}", permitted("pg_show_all_file_settings()", ROW))},
    key=("file", "line"),
)
