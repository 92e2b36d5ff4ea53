"""State of the daemon itself, for findings about it; the daemon supplies the only row."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane


@dataclass(frozen=True, slots=True)
class DaemonState:
    """How the daemon fares as a whole."""

    servers: int
    """Servers that it watches."""
    unreachable: int
    """Those of them whose warm session does not answer."""
    uptime_seconds: float
    state_error: str | None = None
    """Why the state file is not written; None while it is, or where none is wanted."""
    reload_ok: bool = True
    """Whether the configuration could be read when it was last loaded."""


daemon = Collector(row=DaemonState, lane=Lane.fast, of=Kind.daemon)
