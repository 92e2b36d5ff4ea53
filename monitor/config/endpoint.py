"""Endpoint of the HTTP server: host and port."""

from dataclasses import dataclass

DEFAULT_PORT = 19187
EVERYWHERE = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Host and port to listen on; port 0 means any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint(written: object) -> Endpoint:
    """Parse host:port, [IPv6]:port, :port or a port alone.

    Raises ValueError for anything else.
    """
    if isinstance(written, Endpoint):
        return written
    host, colon, port = str(written).strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    ambiguous = ":" in bare and bare == host
    if ambiguous or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{written!r} is not host:port, such as 127.0.0.1:{DEFAULT_PORT}")
    return Endpoint(bare if colon and bare else EVERYWHERE, int(port))
