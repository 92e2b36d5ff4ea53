"""Triggers of autovacuum: how many changed rows make a table due, as PostgreSQL itself computes it.

A table is due once a count is greater than its trigger. Options of the table go before the
server's settings.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.snapshot import Snapshot, Unknown
from collectors.settings import settings


@dataclass(frozen=True, slots=True)
class AutovacuumSettings:
    """The server's settings of autovacuum; times in seconds."""

    enabled: bool
    """autovacuum and track_counts, both of which it needs."""
    vacuum_threshold: float = 50
    vacuum_scale_factor: float = 0.2
    vacuum_max_threshold: float = -1
    """Upper limit of the vacuum trigger since 18; -1: none."""
    vacuum_insert_threshold: float = 1000
    """-1: inserts alone never make a table due."""
    vacuum_insert_scale_factor: float = 0.2
    analyze_threshold: float = 50
    analyze_scale_factor: float = 0.1
    naptime: float = 60
    max_workers: float = 3
    """How many there can be: the setting, but no more than the slots for them."""
    worker_slots: float | None = None
    """Reserved at the start of the server, since 18; None before."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> "AutovacuumSettings":
        """Read them. Raises Unknown where one is not known."""
        known = snapshot.answer(settings).by("name")

        def number(name: str) -> float | None:
            row = known.get(name)
            return row.number if row else None

        counts, most = number("track_counts"), number("autovacuum_vacuum_max_threshold")
        slots = number("autovacuum_worker_slots")

        def value(name: str) -> float:
            found = number(f"autovacuum_{name}" if name else "autovacuum")
            if found is None:
                raise Unknown(f"the setting autovacuum_{name} is not known".replace("_ ", " "))
            return found

        return cls(
            enabled=bool(value("")) and counts != 0,
            vacuum_threshold=value("vacuum_threshold"),
            vacuum_scale_factor=value("vacuum_scale_factor"),
            vacuum_max_threshold=-1 if most is None else most,
            vacuum_insert_threshold=value("vacuum_insert_threshold"),
            vacuum_insert_scale_factor=value("vacuum_insert_scale_factor"),
            analyze_threshold=value("analyze_threshold"),
            analyze_scale_factor=value("analyze_scale_factor"),
            naptime=value("naptime"),
            max_workers=min(value("max_workers"), value("max_workers") if slots is None else slots),
            worker_slots=slots,
        )


@dataclass(frozen=True, slots=True)
class Triggers:
    """Counts above which autovacuum takes a table."""

    enabled: bool
    """Whether autovacuum takes it at all, other than to prevent wraparound."""
    vacuum: float
    """Dead rows."""
    insert: float | None
    """Rows inserted since the last vacuum; None: inserts alone never make it due."""
    analyze: float
    """Rows changed since the last ANALYZE."""


def triggers(
    server: AutovacuumSettings,
    reloptions: Iterable[str],
    reltuples: float,
    unfrozen: float = 1.0,
) -> Triggers:
    """Return the triggers of a table.

    `unfrozen` is the share of its pages that are not all frozen, by which PostgreSQL 18 lowers
    the insert trigger.
    """
    own = Options.of(reloptions)
    rows = max(reltuples, 0.0)
    base = own.number("vacuum_threshold", server.vacuum_threshold, least=0)
    scale = own.number("vacuum_scale_factor", server.vacuum_scale_factor, least=0)
    most = own.number("vacuum_max_threshold", server.vacuum_max_threshold, least=-1)
    vacuum = base + scale * rows
    insert_base = own.number("vacuum_insert_threshold", server.vacuum_insert_threshold, least=-1)
    insert_scale = own.number(
        "vacuum_insert_scale_factor", server.vacuum_insert_scale_factor, least=0
    )
    analyze_base = own.number("analyze_threshold", server.analyze_threshold, least=0)
    analyze_scale = own.number("analyze_scale_factor", server.analyze_scale_factor, least=0)
    return Triggers(
        enabled=server.enabled and own.enabled,
        vacuum=min(vacuum, most) if most >= 0 else vacuum,
        insert=insert_base + insert_scale * rows * unfrozen if insert_base >= 0 else None,
        analyze=analyze_base + analyze_scale * rows,
    )


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a table that begin with `autovacuum_`, without that."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, reloptions: Iterable[str]) -> "Options":
        split = (option.partition("=") for option in reloptions)
        prefix = "autovacuum_"
        return cls(
            {
                name.lower().removeprefix(prefix): value
                for name, _, value in split
                if name.lower().startswith(prefix)
            }
        )

    @property
    def enabled(self) -> bool:
        return not is_off(self.values.get("enabled", "on"))

    def number(self, name: str, default: float, least: float) -> float:
        """Return an option; the default also where its value means that there is none."""
        try:
            value = float(self.values[name])
        except (KeyError, ValueError):
            return default
        return value if value >= least else default


def is_off(value: str) -> bool:
    """Whether PostgreSQL reads a text as false: also `f`, `of` and `n`."""
    text = value.strip().lower()
    if text in ("o", ""):
        return False
    return text == "0" or any(word.startswith(text) for word in ("false", "off", "no"))
