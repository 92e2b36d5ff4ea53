"""Owner of a server's settings, and the way in which one of them is changed there.

ALTER SYSTEM is overwritten by a cluster manager, and refused by a provider.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from alerts.cure import literal, remark
from alerts.snapshot import Snapshot
from collectors.settings import Setting, settings

COMMAND_LINE = "command line"
GIVEN_BY_PATRONI = (
    "cluster_name",
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_worker_processes",
    "track_commit_timestamp",
    "wal_level",
)
"""Patroni starts the server with these on its command line."""
PREFIXES = {"rds": "rds", "cloudsql": "cloud_sql", "azure": "azure"}
LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
"""Settings whose names ALTER SYSTEM takes one by one. Of several in one text, or of an empty text,
it makes a single name, and a library of that name keeps the server from starting."""
ELEMENT = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,]+?))\s*(?:,|\Z)')
AUTO_FILE = "postgresql.auto.conf"
CONTROLLER = "/controller/run"
"""Directory of CloudNativePG's sockets."""


class SettingOwner(StrEnum):
    """Owner of the configuration: who writes its files."""

    files = "files"
    patroni = "patroni"
    cloud_native_pg = "cloud_native_pg"
    rds = "rds"
    cloud_sql = "cloud_sql"
    azure = "azure"


FORMS = {
    SettingOwner.patroni: (
        "Patroni owns the settings: patronictl edit-config, under postgresql.parameters:"
    ),
    SettingOwner.cloud_native_pg: (
        "CloudNativePG owns the settings: in the Cluster, under spec.postgresql.parameters:"
    ),
    SettingOwner.rds: "Amazon RDS owns the settings: in its parameter group:",
    SettingOwner.cloud_sql: (
        "Cloud SQL owns the settings: gcloud sql instances patch --database-flags:"
    ),
    SettingOwner.azure: "Azure owns the settings: az postgres flexible-server parameter set:",
}
RESTARTS = {
    SettingOwner.patroni: "then patronictl restart",
    SettingOwner.cloud_native_pg: "the operator restarts the instances",
    SettingOwner.rds: "then reboot the instance",
    SettingOwner.cloud_sql: "it restarts the instance",
    SettingOwner.azure: "then restart the server",
}


def owner_of(known: Mapping[str, Setting]) -> SettingOwner:
    """Return who owns the settings, as far as they show it."""
    names = "\n".join(("", *known))  # one search in all of them: judges ask often
    for prefix, provider in PREFIXES.items():
        if f"\n{prefix}." in names:
            return SettingOwner(provider)
    sockets = known.get("unix_socket_directories")
    if sockets and CONTROLLER in (sockets.setting or ""):
        return SettingOwner.cloud_native_pg
    shown = [n for n in GIVEN_BY_PATRONI if n in known and known[n].source == COMMAND_LINE]
    return SettingOwner.patroni if len(shown) >= len(GIVEN_BY_PATRONI) - 1 else SettingOwner.files


def change(snapshot: Snapshot, name: str, value: str) -> tuple[str, ...]:
    """Return how to change a setting, as advice: in the form that its owner understands.

    The value is printed as it stands, quoted if it has to be. That of a list is given as the server
    shows it: `a, b`.
    """
    known = snapshot.answer(settings).by("name") if snapshot.has(settings) else {}
    own, owner = known.get(name), owner_of(known)
    restarts = own is not None and own.context == "postmaster"
    if owner is not SettingOwner.files:
        then = f" ({RESTARTS[owner]})" if restarts else ""
        return (remark(f"{FORMS[owner]} {name}: {_in_file(name, value)}{then}"),)
    then = "then restart the server" if restarts else "then SELECT pg_catalog.pg_reload_conf();"
    if name in LISTS and not elements(value):
        return (remark(f"{_emptied(known, own, name)} {then}"),)
    return (remark(f"{_place(known, own)}{_statement(known, own, name, value)} {then}"),)


def elements(value: str) -> list[str]:
    """Return the names of a list, which may be quoted."""
    found = (quoted.replace('""', '"') or plain for quoted, plain in ELEMENT.findall(value))
    return [name for name in found if name]


def _in_file(name: str, value: str) -> str:
    """Write a value as files of settings take it."""
    return literal(value) if name in LISTS else value


def _emptied(known: Mapping[str, Setting], own: Setting | None, name: str) -> str:
    """Return how a list becomes empty, which ALTER SYSTEM can't make."""
    if own is not None and (own.sourcefile or "").endswith(AUTO_FILE) and not _is_locked(known):
        return f"{_place(known, own)}ALTER SYSTEM RESET {name};"
    if _is_given(own) or _is_locked(known):
        return f"{_place(known, own)}{name} = '';"
    where = "there" if own is not None and own.sourcefile else "in postgresql.conf"
    return f"{_place(known, own)}{where}, as ALTER SYSTEM can't empty a list: {name} = '';"


def _statement(known: Mapping[str, Setting], own: Setting | None, name: str, value: str) -> str:
    if _is_given(own) or _is_locked(known):
        return f"{name} = {_in_file(name, value)};"
    written = ", ".join(map(literal, elements(value))) if name in LISTS else value
    return f"ALTER SYSTEM SET {name} = {written};"


def _place(known: Mapping[str, Setting], own: Setting | None) -> str:
    """Say where it is set now, and where it must be changed."""
    if own is not None and _is_given(own):
        return f"It is set by the {own.source} of the server; change it there: "
    file = own.sourcefile if own else None
    where = f"It is set in {file}, line {own.sourceline}" if own and file else ""
    if _is_locked(known):
        return f"{where or 'ALTER SYSTEM is switched off'} (allow_alter_system is off); there: "
    return f"{where}; " if where else ""


def _is_given(own: Setting | None) -> bool:
    return own is not None and own.source in (COMMAND_LINE, "environment variable")


def _is_locked(known: Mapping[str, Setting]) -> bool:
    allowed = known.get("allow_alter_system")
    return allowed is not None and allowed.setting == "off"
