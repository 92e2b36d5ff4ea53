"""Well-known environment variables that name a server, such as DATABASE_URL."""

from collections.abc import Mapping
from typing import Any

from monitor.address import Address, AddressError
from monitor.address.dsn import split
from monitor.address.environment import NAMES_A_SERVER

SOURCES = ("DATA_SOURCE_NAME", "DATA_SOURCE_URI", "DATABASE_URL")


def well_known(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return settings from the most specific variables that are set: those of an exporter, of an
    application, PG*, or those of a container image."""
    if names := split(environ.get("DATA_SOURCE_NAME", "")):
        return {"dsn": names[0]} if len(names) == 1 else {"servers": _several(names, environ)}
    if "DATA_SOURCE_URI" in environ or "DATA_SOURCE_URI_FILE" in environ:
        return (
            _either("dsn", "DATA_SOURCE_URI", environ)
            | _either("user", "DATA_SOURCE_USER", environ)
            | _either("password", "DATA_SOURCE_PASS", environ)
        )
    if environ.get("DATABASE_URL"):
        return {"dsn": environ["DATABASE_URL"]}
    return _of_an_image(environ)


def origin(dsn: str | None, environ: Mapping[str, str]) -> str:
    """Return the variable that the DSN came from, for an error message."""
    return next((name for name in SOURCES if dsn and environ.get(name, "").strip() == dsn), "dsn")


def _several(dsns: tuple[str, ...], environ: Mapping[str, str]) -> dict[str, dict[str, str]]:
    servers: dict[str, dict[str, str]] = {}
    for dsn in dsns:
        name = Address.of(dsn, environ).target().name
        if name in servers:
            raise AddressError(
                f"{name} is listed twice; give each a name of its own under servers."
            )
        servers[name] = {"dsn": dsn}
    return servers


def _of_an_image(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return settings from the variables of PostgreSQL's image and of Zalando's operator."""
    user = _either("user", "POSTGRES_USER", environ)
    if not user or environ.get("PGUSER") or environ.get("PGSERVICE"):
        return {}
    password = _either("password", "POSTGRES_PASSWORD", environ)
    place = {} if any(map(environ.get, NAMES_A_SERVER)) else {"dsn": "host=localhost"}
    return place | user | ({} if environ.get("PGPASSWORD") else password)


def _either(field: str, variable: str, environ: Mapping[str, str]) -> dict[str, str]:
    if file := environ.get(f"{variable}_FILE"):
        return {f"{field}_file": file}
    return {field: environ[variable]} if environ.get(variable) else {}
