"""Parser of connection strings in both forms: postgresql://… and key=value."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote_to_bytes

from alerts.raw_text import decode

Options = Mapping[str, str]
"""libpq keyword (host, port, user, dbname, sslmode …) to value, as text."""


class AddressError(ValueError):
    """An address that can't be used; the message is one sentence and shows no secret."""


URI = re.compile(
    r"(?:postgres(?:ql)?://)?"
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<hosts>[^/?]*)(?:/(?P<dbname>[^?]*))?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
HOST = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<name>[^:\[\]@]*))(?::(?P<port>[0-9]*))?")
OPTION = re.compile(
    r"\s*(\w+)\s*=\s*(?:'((?:\\.|[^'\\])*)'(?=\s|$)|((?!')(?:\\.|[^\s\\])*))", re.DOTALL
)
PARAMETER = re.compile(r"[A-Za-z_]\w*=[^&=]*")
NEXT_URI = re.compile(r",\s*(?=postgres(?:ql)?://)")
NEXT_OPTIONS = re.compile(
    r"('(?:\\.|[^'\\])*')|,\s*(?=(?:host|hostaddr|user|dbname|port|service)\s*=)"
)

ENCODE = "write %40 for @, %2F for / and %25 for % inside user name and password"


def parse(dsn: str) -> Options:
    """Parse either form into libpq keywords. A URI may omit its scheme, as in DATA_SOURCE_URI.

    Raises AddressError.
    """
    text = dsn.strip()
    options = _uri(text) if _is_uri(text) else _key_value(text)
    if any("\0" in value for value in options.values()):
        raise AddressError("The address contains a zero byte, which PostgreSQL does not accept.")
    return options


def split(dsns: str) -> tuple[str, ...]:
    """Split a comma-separated list of connection strings, which may contain commas themselves."""
    if _is_uri(dsns.strip()):
        found = NEXT_URI.split(dsns)
    else:
        found = NEXT_OPTIONS.sub(lambda match: match[0] if match[1] else "\0", dsns).split("\0")
    return tuple(text.strip() for text in found if text.strip())


def _is_uri(text: str) -> bool:
    return "://" in text.partition("=")[0] or "=" not in text.partition("?")[0]


def _uri(text: str) -> Options:
    scheme, separator, _ = text.partition("://")
    if separator and scheme not in ("postgres", "postgresql"):
        shown = scheme if re.fullmatch(r"[\w+.-]+", scheme) else "something else"
        raise AddressError(f"An address must begin with postgresql://, not with {shown}://.")
    match = URI.fullmatch(text)
    if match is None or "@" in match["hosts"]:
        raise AddressError(f"The address contains more than one @: {ENCODE}.")
    named = {"user": match["user"], "password": match["password"], "dbname": match["dbname"]}
    options = {key: unquote(value) for key, value in named.items() if value}
    return {**options, **_hosts(match["hosts"]), **dict(_query(match["query"] or ""))}


def unquote(text: str) -> str:
    """Undo percent-encoding; a name may consist of any bytes."""
    return decode(unquote_to_bytes(text))


def _hosts(written: str) -> Options:
    if not written:
        return {}
    found = [HOST.fullmatch(host) for host in written.split(",")]
    if None in found:
        raise AddressError(f"Host and port of the address are ambiguous: {ENCODE}.")
    known = [match for match in found if match]
    ports = [match["port"] or "" for match in known]
    hosts = ",".join(unquote(match["v6"] or match["name"] or "") for match in known)
    return {"host": hosts} | ({"port": ",".join(ports)} if any(ports) else {})


def _query(written: str) -> Iterator[tuple[str, str]]:
    for parameter in filter(None, written.split("&")):
        if not PARAMETER.fullmatch(parameter):
            raise AddressError(
                "The part after ? must be name=value pairs, joined by &: write %3D for = and %26"
                " for & inside a value."
            )
        name, _, value = parameter.partition("=")
        # The spelling of JDBC; libpq accepts it too.
        yield ("sslmode", "require") if parameter == "ssl=true" else (name, unquote(value))


def _key_value(text: str) -> Options:
    options, end = {}, 0
    while match := OPTION.match(text, end):
        name, quoted, plain = match.groups()
        options[name] = re.sub(
            r"\\(.)", r"\1", plain if quoted is None else quoted, flags=re.DOTALL
        )
        end = match.end()
    if text[end:].strip():
        raise AddressError(
            "The address is neither postgresql://… nor key=value pairs: "
            "write a value with blanks or quotes in '…', with \\' and \\\\ inside."
        )
    return options
