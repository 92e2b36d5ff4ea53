"""What the monitoring role may see, and the statement that would show it the rest."""

from dataclasses import dataclass

from collectors._base import Collector, Lane


@dataclass(frozen=True, slots=True)
class Granted:
    """One right, on the server or in one database."""

    datname: str | None
    capability: str
    granted: bool
    grant: str
    """The statement that gives it, the role's name filled in."""
    buys: str
    """What can be seen with it."""
    collectors: tuple[str, ...]
    """Which need it."""
    probe: str = ""
    """The boolean SQL expression that tells whether it is granted."""
    blinded: tuple[str, ...] = ()
    """Findings that can't be judged without it."""
    partly_blinded: tuple[str, ...] = ()
    """Findings that are judged without it, but not for all objects."""


capabilities = Collector(row=Granted, lane=Lane.slow, key=("datname", "capability"))
