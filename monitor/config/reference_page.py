"""Settings as help text (the end of `pgvigil run --help`) and as docs/configuration.md."""

import re
from collections.abc import Iterable
from itertools import groupby
from textwrap import shorten

from monitor.config.reference import SettingReference, settings_of
from monitor.config.settings import Settings

INTRODUCTION = """\
# Configuration

Generated from the settings model; `make render` updates this page.

Each setting is looked up in this order; the first place that sets it takes precedence:

1. flags: `--dsn`, `--listen`, and `--set paces.fast=2s` for every other setting;
2. environment variables, listed in the tables below;
3. the YAML file given as `--config` or `PGVIGIL_CONFIG`, with the same names as nested keys;
4. well-known variables: `DATA_SOURCE_NAME` (several addresses separated by commas),
   `DATA_SOURCE_URI`, `DATA_SOURCE_USER` and `DATA_SOURCE_PASS` (with their `_FILE` forms),
   `DATABASE_URL`, libpq's `PG*`, then `POSTGRES_USER` and `POSTGRES_PASSWORD`.

Durations are written `250ms`, `15s`, `5m`, `1h30m`, `35d`; sizes `512kB`, `10MB`, `1GB`, in the
units of PostgreSQL (1 MB is 1,048,576 bytes); shares `75%` or `0.75`. Lists are separated by commas
or written as JSON. An empty variable counts as not set. An unknown name is an error. SIGHUP, or a
change of the file, reloads the settings; servers whose settings did not change keep their sessions.

An address may be anything that psql accepts: a URI, `host=… user=…`, several hosts, the folder of a
socket, a `service`, `~/.pgpass`, and the certificates of `sslmode`. The default database is
`postgres`. An option that pgvigil does not support is an error; options without effect here, such
as `connect_timeout`, are ignored. Files with secrets are read again at every connection.
"""

HEADER = "| setting | variable | default | what it does |\n|---|---|---|---|\n"


def options_help(settings_type: type[Settings]) -> str:
    """Return one line for each top-level setting, and where to find the others."""
    lines = [
        f"  {name:<18} {shorten(_first_clause(field.description or ''), 78, placeholder=' …')}"
        for name, field in settings_type.model_fields.items()
    ]
    return "\n".join(
        [
            "settings (--set NAME=VALUE, or PGVIGIL_NAME in the environment):",
            *lines,
            "",
            "Parts of a section: --set paces.fast=2s or PGVIGIL_PACES__FAST=2s in the environment.",
            "docs/configuration.md lists every setting with its default.",
        ]
    )


def configuration_page(settings_type: type[Settings]) -> str:
    """Return docs/configuration.md: every setting, with a table for each finding's limits."""
    found = list(settings_of(settings_type))
    general = [setting for setting in found if not setting.path.startswith("findings.")]
    limits = [setting for setting in found if setting.path.startswith("findings.")]
    parts = [INTRODUCTION, "## General\n", _table(s for s in general if "." not in s.path)]
    for section, settings in groupby((s for s in general if "." in s.path), _section):
        about = settings_type.model_fields[section.partition("[")[0]].description or ""
        parts += [f"## `{section}`\n", f"{' '.join(about.split())}\n", _table(settings)]
    parts += ["## Limits of findings\n"] if limits else []
    for finding, settings in groupby(limits, lambda setting: setting.path.split(".")[1]):
        parts += [f"### `{finding}`\n", _table(settings)]
    return "\n".join(parts)


def _section(setting: SettingReference) -> str:
    return setting.path.partition(".")[0].removesuffix("[]")


def _table(settings: Iterable[SettingReference]) -> str:
    return HEADER + "".join(f"{_row(setting)}\n" for setting in settings)


def _row(setting: SettingReference) -> str:
    default = f"`{_escaped(setting.default)}`" if setting.default else ""
    about = _escaped(setting.description)
    return f"| `{setting.path}` | `{setting.variable}` | {default} | {about} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _first_clause(text: str) -> str:
    return re.split(r"[.;:] |\.$", " ".join(text.split()))[0]
