"""The settings for people: the end of `pgvigil run --help`, and docs/configuration.md."""

import re
from collections.abc import Iterable
from itertools import groupby
from textwrap import shorten

from monitor.config.reference import Setting, settings_of
from monitor.config.settings import Settings

INTRODUCTION = """\
# Configuration

Generated from the settings themselves; `make render` brings it up to date.

A setting is looked for in this order, and the first place that has it counts:

1. flags: `--dsn`, `--listen`, and `--set paces.fast=2s` for every other one;
2. environment variables, named in each section;
3. the YAML file given as `--config` or `PGVIGIL_CONFIG`, with the same names as nested keys;
4. for a single server, the names people already have: `DATA_SOURCE_NAME` (several, parted by
   commas), `DATA_SOURCE_URI`, `DATA_SOURCE_USER` and `DATA_SOURCE_PASS` (with their `_FILE` forms),
   `DATABASE_URL`, libpq's `PG*`, then `POSTGRES_USER` and `POSTGRES_PASSWORD`.

Durations are written `250ms`, `15s`, `5m`, `1h30m`, `35d`; sizes `512kB`, `10MB`, `1GB`, counted as
PostgreSQL counts (1 MB is 1,048,576 bytes); shares `75%` or `0.75`. Lists are parted by commas or
written as JSON, and an empty variable counts as none. An unknown name is an error. SIGHUP, or a
change of the file, reloads: servers that are configured as before keep their sessions.

An address may be all that psql takes: a URI, `host=… user=…`, several hosts, a socket's folder, a
`service`, `~/.pgpass`, and the certificates of `sslmode`. Without a database it means `postgres`.
An option that can't be met is an error; options that make no difference here, such as
`connect_timeout`, are left out. Files with secrets are read again at every connection.
"""

HEADER = "| setting | variable | default | what it does |\n|---|---|---|---|\n"


def options_help(settings_type: type[Settings]) -> str:
    """One line for each setting at the top, and how to see the rest."""
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
    """Every setting, in Markdown; the limits of each finding in a table of their own."""
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


def _section(setting: Setting) -> str:
    return setting.path.partition(".")[0].removesuffix("[]")


def _table(settings: Iterable[Setting]) -> str:
    return HEADER + "".join(f"{_row(setting)}\n" for setting in settings)


def _row(setting: Setting) -> str:
    default = f"`{_escaped(setting.default)}`" if setting.default else ""
    about = _escaped(setting.description)
    return f"| `{setting.path}` | `{setting.variable}` | {default} | {about} |"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _first_clause(text: str) -> str:
    return re.split(r"[.;:] |\.$", " ".join(text.split()))[0]
