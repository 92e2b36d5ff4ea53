"""pg_hba_file_rules: who may log in from where by which method; options are not read."""

from dataclasses import dataclass

from collectors._base import Collector, Lane
from collectors._permitted import permitted

# The options may have passwords of LDAP or RADIUS in them, so the right to call this function is
# not asked for. All that is read of them is whether a client certificate is asked for.
ROW = """json_build_object(
                ''line'', line_number,
                ''file'', {file},
                ''type'', type,
                ''databases'', left(array_to_string(database, '', ''), 200),
                ''users'', left(array_to_string(user_name, '', ''), 200),
                ''address'', address,
                ''method'', auth_method,
                ''certificate'', array_to_string(options, '' '') ~ ''clientcert'',
                ''error'', error is not null
            )"""
QUERY = """
    select
        right_to.may_read                           as may_read,
        (entry.of ->> 'line')::int4                 as line,
        entry.of ->> 'file'                         as file,
        entry.of ->> 'type'                         as type,
        entry.of ->> 'databases'                    as databases,
        entry.of ->> 'users'                        as users,
        entry.of ->> 'address'                      as address,
        entry.of ->> 'method'                       as method,
        (entry.of ->> 'certificate')::bool          as asks_certificate,
        (entry.of ->> 'error')::bool                as has_error
    from {rows}
"""
FUNCTION = "pg_hba_file_rules()"


def query(file: str) -> str:
    return QUERY.replace("{rows}", permitted(FUNCTION, ROW.replace("{file}", file)))


@dataclass(frozen=True, slots=True)
class HbaRule:
    may_read: bool
    """Whether we may call the function; where not, this is the only row, and nothing is known."""
    line: int | None
    file: str | None
    """None before 16: then it is the file in the setting hba_file."""
    type: str | None
    """local, host, hostssl …"""
    databases: str | None
    """Separated by commas; cut after 200 characters, as the next."""
    users: str | None
    address: str | None
    """None of a local one."""
    method: str | None
    asks_certificate: bool | None
    has_error: bool | None
    """Whether the line is invalid; the server then keeps the rules that it had."""


hba_rules = Collector(
    row=HbaRule,
    lane=Lane.slow,
    sql={140000: query("null"), 160000: query("file_name")},
    key=("file", "line"),
)
