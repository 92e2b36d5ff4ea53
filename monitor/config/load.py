"""Loader of settings: flags, then PGVIGIL_* variables, the YAML file, the well-known names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import InitSettingsSource

from monitor.config.errors import ConfigurationError, one_sentence
from monitor.config.poolers import pooler_plans
from monitor.config.servers import watched_servers
from monitor.config.settings import Settings
from monitor.config.well_known import well_known

PREFIX = "PGVIGIL_"
# Kubernetes sets such variables in every container, for each Service of its namespace.
SERVICE_LINK = re.compile(r"(?P<service>PGVIGIL(?:_\w+?)?)_(?:SERVICE_(?:HOST|PORT)|PORT)(?:_\w+)?")


class WellKnownSource(InitSettingsSource):
    """Settings from well-known variables, used only if no server is configured by our own."""

    def __init__(self, settings_type: type[Settings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_type, {})
        self.environ = environ

    def __call__(self) -> dict[str, Any]:
        known = self.current_state.keys()
        if known & {"dsn", "dsn_file", "servers"}:
            return {}
        own = {kind for kind in ("user", "password") if known & {kind, f"{kind}_file"}}
        found = well_known(self.environ)
        return {name: text for name, text in found.items() if name.removesuffix("_file") not in own}


def load(
    flags: Mapping[str, str],
    environ: Mapping[str, str],
    settings_type: type[Settings] = Settings,
) -> Settings:
    """Read and validate all settings.

    `flags` maps the path of a setting (`paces.fast`) to its text. Raises ConfigurationError.
    """
    variables = _nested(_variables(environ), "__")
    given = _nested(flags, ".")
    path = given.get("config") or variables.get("config")
    written = _yaml(Path(path)) if path else {}
    if "dsn" in given:
        # The flag asks for one server only, so servers configured elsewhere don't count.
        for elsewhere in (variables, written):
            elsewhere.pop("servers", None)
            elsewhere.pop("poolers", None)
            elsewhere.pop("dsn_file", None)
    layers = [InitSettingsSource(settings_type, layer) for layer in (given, variables, written)]
    try:
        last = WellKnownSource(settings_type, environ)
        # mypy sees the fields as the only arguments.
        settings = settings_type(_build_sources=((*layers, last), {}))  # type: ignore[call-arg]
    except ValidationError as wrong:
        named = {path: name for path, name in _names(environ).items() if path not in flags}
        raise ConfigurationError(one_sentence(wrong, settings_type, named)) from None
    except ValueError as wrong:
        raise ConfigurationError(f"DATA_SOURCE_NAME: {wrong}") from None
    watched_servers(settings, environ)
    list(pooler_plans(settings, environ))
    return settings


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the PGVIGIL_* variables by lower-case name; empty ones count as not set."""
    services = {match["service"] for match in map(SERVICE_LINK.fullmatch, environ) if match}
    services = {name for name in services if f"{name}_SERVICE_HOST" in environ} | {"PGVIGIL"}
    return {
        name.removeprefix(PREFIX).lower(): text
        for name, text in environ.items()
        if name.startswith(PREFIX) and text and not _is_link(name, services)
    }


def _names(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the PGVIGIL_* variables by the path of their setting."""
    own = (name for name in environ if name.startswith(PREFIX))
    return {name.removeprefix(PREFIX).lower().replace("__", "."): name for name in own}


def _is_link(name: str, services: set[str]) -> bool:
    return any(name.startswith((f"{s}_PORT", f"{s}_SERVICE_")) for s in services)


def _nested(flat: Mapping[str, str], separator: str) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, text in sorted(flat.items()):
        *sections, last = name.split(separator)
        node = tree
        for section in sections:
            node = node.setdefault(section, {})
            if not isinstance(node, dict):
                whole = ".".join(sections)
                raise ConfigurationError(
                    f"{whole} is set as a whole, and {last} inside it is set again; keep one."
                )
        node[last] = text
    return tree


def _yaml(path: Path) -> dict[str, Any]:
    from monitor.config.yaml_file import read_yaml  # 1 MiB, which most sidecars do without

    found = read_yaml(path, "The configuration")
    if not isinstance(found, dict | None):
        raise ConfigurationError(f"The configuration {path} is not a mapping of settings.")
    if found and "config" in found:
        raise ConfigurationError(f"The configuration {path} can't name another configuration file.")
    return found or {}
