"""Settings of a server by name, as judges of WAL read them."""

from alerts.setting_owner import SettingOwner, owner_of
from alerts.snapshot import Snapshot, Unknown
from collectors.settings import Setting, settings

PROVIDERS = {
    SettingOwner.rds: "Amazon RDS",
    SettingOwner.cloud_sql: "Cloud SQL",
    SettingOwner.azure: "Azure",
}
AURORA = "Aurora's storage has no checkpoints"


def setting_of(snapshot: Snapshot, name: str) -> Setting | None:
    """Return a setting; None if this version does not have it. Raises Unknown without settings."""
    return snapshot.answer(settings).by("name").get(name)


def number_of(snapshot: Snapshot, name: str) -> float | None:
    """Return its value in the base unit; None if the version does not have it, or it is hidden."""
    found = setting_of(snapshot, name)
    return found.number if found else None


def text_of(snapshot: Snapshot, name: str) -> str:
    """Return its text; empty if the version does not have it, or it is hidden."""
    found = setting_of(snapshot, name)
    return (found.setting or "") if found else ""


def needed(snapshot: Snapshot, name: str) -> float:
    """Return its value in the base unit. Raises Unknown if it is not known."""
    value = number_of(snapshot, name)
    if value is None:
        raise Unknown(f"the setting {name} is not known")
    return value


def provider_of(snapshot: Snapshot) -> str | None:
    """Return the provider that owns archiving and backups of this server."""
    if not snapshot.has(settings):
        return None
    return PROVIDERS.get(owner_of(snapshot.answer(settings).by("name")))


def writes_own_storage(snapshot: Snapshot) -> bool:
    """Return True for Aurora, whose storage has neither checkpoints nor files of WAL."""
    if not snapshot.has(settings):
        return False
    return "aurora" in text_of(snapshot, "rds.extensions")
