"""State of the daemon itself, for findings about it; the daemon supplies the only row."""

from dataclasses import dataclass

from collectors._base import Collector, Kind, Lane


@dataclass(frozen=True, slots=True)
class DaemonState:
    """State of the daemon as a whole."""

    servers: int
    """Servers that it watches."""
    unreachable: int
    """Those of them whose warm session does not answer."""
    uptime_seconds: float
    state_error: str | None = None
    """Why the state file is not written; None while it is, or where none is wanted."""
    starved_seconds: float | None = None
    """How long it has been short of CPU; None: it is not."""
    overloaded_seconds: float | None = None
    """How long its own work has made its event loop late; None: it does not."""
    crowded_seconds: float | None = None
    """How long it has asked its servers more rarely than set, as they are too many; None: it does
    not."""
    stretch: float = 1.0
    """The factor by which it does."""
    late_share: float = 0.0
    """Share of the last ten seconds by which its event loop was late."""
    run_delay_share: float | None = None
    """Share of that time in which the loop's thread waited for a core; None: unknown."""
    throttled_share: float | None = None
    """Share of that time in which its cgroup was held back by its CPU limit; None: unknown."""
    cpu_share: float | None = None
    """Share of that time in which the loop's thread had a core; None: unknown."""
    certificate_expires: float | None = None
    """Unix seconds when the certificate of its own pages expires; None without TLS."""
    reload_ok: bool = True
    """Whether the configuration could be read when it was last loaded."""


daemon = Collector(row=DaemonState, lane=Lane.fast, of=Kind.daemon)
