"""Rows of settings made by hand."""

from collections.abc import Iterable
from typing import Any

from alerts.snapshot import Snapshot
from collectors._base import AnyCollector
from collectors.settings import Setting, settings
from tests.fixtures.session_rows import seen


def setting(name: str, value: str | None, **traits: Any) -> Setting:
    """A setting of type text that is on in a new server."""
    about: dict[str, Any] = {"unit": None, "vartype": "bool", "source": "default"}
    about |= {"pending_restart": False, "short_desc": "", "context": "sighup", "boot_val": "on"}
    return Setting(name=name, setting=value, **about | traits)


def with_settings(*rows: Setting, also: Iterable[tuple[AnyCollector, Any]] = ()) -> Snapshot:
    return seen((settings, rows), *also)
