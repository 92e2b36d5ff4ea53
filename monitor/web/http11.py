"""uvicorn's server, without its command line, its supervisors and YAML."""

from monitor.lean_imports import nothing, without

with without({"uvicorn.main": nothing("Server", "main", "run"), "yaml": nothing()}):
    from uvicorn.config import Config
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import Server, ServerState

__all__ = ["Config", "H11Protocol", "Server", "ServerState"]
