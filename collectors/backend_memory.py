"""Memory of sessions: RssAnon of /proc/PID/status, where the server runs on our host."""

from dataclasses import dataclass

from collectors._base import Collector, Lane


@dataclass(frozen=True, slots=True)
class BackendMemory:
    """One session of a client: those with the most memory of their own."""

    pid: int
    datname: str | None
    usename: str | None
    application_name: str
    state: str | None
    state_seconds: float | None
    backend_start_text: str
    backend_seconds: float
    rss_anon_bytes: int
    """Memory that no other process shares; shared buffers are not part of it."""


backend_memory = Collector(row=BackendMemory, lane=Lane.slow, key=("pid", "backend_start_text"))
