"""Privileges of the monitoring role, and the statements that grant the missing ones."""

from dataclasses import dataclass

from collectors._base import Collector, Lane


@dataclass(frozen=True, slots=True)
class Granted:
    """One privilege, on the server or in one database."""

    datname: str | None
    capability: str
    granted: bool
    grant: str
    """The statement that grants it, with the role's name."""
    buys: str
    """What it makes visible."""
    collectors: tuple[str, ...]
    """The collectors that need it."""
    probe: str = ""
    """The boolean SQL expression that checks whether it is granted."""
    blinded: tuple[str, ...] = ()
    """Findings that can't be judged without it."""
    partly_blinded: tuple[str, ...] = ()
    """Findings that are judged without it, but not for all objects."""


capabilities = Collector(row=Granted, lane=Lane.slow, key=("datname", "capability"))
